"""What a compiled program sends between devices, read from its text.

XLA prints the program that each device runs. Its collectives stand in it with their shapes, and
inside a loop they count once a turn.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from derivations.compiled import KINDS, Instruction, UnknownText, computations


class Collective(NamedTuple):
    """One exchange between devices.

    Attributes:
      kind: `"all-reduce"`, `"all-gather"`, `"reduce-scatter"`, `"all-to-all"` or
        `"collective-permute"`.
      bytes: The size of the whole array: what an all-gather gives, what the others take.
      devices: How many devices exchange with each other; 2 for a permutation.
      times: How often it happens in a run of the program.
    """

    kind: str
    bytes: int
    devices: int
    times: int

    @property
    def wire_bytes(self) -> float:
        """What a device sends in all, by the ring algorithms that reach the lower bound.

        Reference:
          P. Patarasuk, X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of
          workstations", Journal of Parallel and Distributed Computing 69, 2009, section 3.
        """
        if self.kind == "collective-permute":
            return float(self.bytes * self.times)
        rounds = 2 if self.kind == "all-reduce" else 1
        return self.times * rounds * self.bytes * (self.devices - 1) / self.devices


def collectives(program: str) -> list[Collective]:
    """Lists the exchanges of a program, in the order of its text.

    Args:
      program: `jax.jit(f).lower(...).compile().as_text()`.

    Raises:
      UnknownText: An instruction, type, group of devices or call that is not known, a loop that
        communicates an unknown number of times, or a branch that communicates.

    Example:
      >>> import jax
      >>> collectives(jax.jit(lambda x: x + 1).lower(1.0).compile().as_text())
      []
    """
    return list(_walk(*computations(program), times=1))


def _walk(found: dict[str, list[Instruction]], name: str, times: int) -> Iterator[Collective]:
    if name not in found:
        raise UnknownText(f"{name!r} is called and not there.")
    for instruction in found[name]:
        opcode, size, operands, text = instruction
        kind = opcode.removesuffix("-start")
        if kind in KINDS:
            devices = 2 if kind == "collective-permute" else _group(text)
            result = size - operands if opcode == "all-gather-start" else size
            whole = result if kind == "all-gather" else operands
            if devices > 1:
                yield Collective(kind, whole, devices, times)
            continue
        turns = 1
        inside = [c for called in _called(text) for c in _walk(found, called, 1)]
        if inside and opcode == "while":
            count = re.search(r'"known_trip_count":\{"n":"(\d+)"\}', text)
            if not count:
                raise UnknownText(
                    f"A loop that communicates must have a known trip count. Got {text[:200]!r}."
                )
            turns = int(count[1])
        elif inside and opcode == "conditional":
            raise UnknownText(f"A branch must not communicate. Got {text[:200]!r}.")
        for collective in inside:
            yield collective._replace(times=collective.times * turns * times)


def _called(text: str) -> list[str]:
    """Names the computations that an instruction runs."""
    attributes = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    single = re.findall(
        r"\b(?:calls|to_apply|body|condition|true_computation|false_computation|select|scatter)="
        r"%?([\w.-]+)",
        attributes,
    )
    several = re.findall(
        r"\b(?:branch_computations|called_computations|calls)=\{([^}]*)\}", attributes
    )
    return single + [name.strip().lstrip("%") for group in several for name in group.split(",")]


def _group(text: str) -> int:
    """Gives how many devices exchange with each other, from any way of writing the groups."""
    listed = re.search(r"replica_groups=\{(\{[\d,]+\}(?:,\{[\d,]+\})*)\}", text)
    if listed:
        sizes = {len(group.split(",")) for group in re.findall(r"\{([\d,]+)\}", listed[1])}
        if len(sizes) == 1:
            return sizes.pop()
    counted = re.search(r"replica_groups=\[(\d+),(\d+)\]<=\[", text)
    if counted:
        return int(counted[2])
    named = re.search(
        r"replica_groups=(?:\w+)?mesh\[([^\]]*)\]"
        r"(?:, device_ids=\(\[[\d,]+\](?:T\([\d,]+\))?\))? \{([^}]*)\}",
        text,
    )
    if named:
        lengths = dict(re.findall(r"'(\w+)'=(\d+)", named[1]))
        axes = re.findall(r"'(\w+)'", named[2])
        if (
            axes
            and all(axis in lengths for axis in axes)
            and re.fullmatch(r"'\w+'(,\s*'\w+')*", named[2])
        ):
            return math.prod(int(lengths[axis]) for axis in axes)
    raise UnknownText(f"The groups of devices must be written in a known way. Got {text[:300]!r}.")
