"""The text of a compiled program, read line by line, and refused where it is not known.

XLA prints the program that each device runs as computations of one instruction a line. A reader
that passed over what it does not know could pass over what it looks for.
"""

import math
import re
from typing import NamedTuple


class UnknownText(ValueError):
    """A program holds something that the reader does not know."""


KINDS = frozenset(
    ["all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute"]
)
# Instructions that stay on their device, calls into other computations aside.
# fmt: off
LOCAL = frozenset([
    "abs", "acos", "acosh", "add", "add-dependency", "and", "asin", "asinh", "atan2", "atanh",
    "bitcast", "bitcast-convert", "broadcast", "call", "cbrt", "ceil", "cholesky", "clamp",
    "compare", "complex", "concatenate", "conditional", "constant", "convert", "convolution",
    "copy", "copy-done", "copy-start", "cosine", "count-leading-zeros", "custom-call", "divide",
    "dot", "dynamic-slice", "dynamic-update-slice", "erf", "exponential", "exponential-minus-one",
    "fft", "floor", "fusion", "gather", "get-tuple-element", "imag", "iota", "is-finite", "log",
    "log-plus-one", "logistic", "map", "maximum", "minimum", "multiply", "negate", "not",
    "opt-barrier", "optimization-barrier", "or", "pad", "parameter", "popcnt", "power", "real",
    "reduce", "reduce-precision", "reduce-window", "remainder", "replica-id", "partition-id",
    "reshape", "reverse", "rng-bit-generator", "round-nearest-afz", "round-nearest-even", "rsqrt",
    "scatter", "select", "select-and-scatter", "shift-left", "shift-right-arithmetic",
    "shift-right-logical", "sign", "sine", "slice", "sort", "sqrt", "stochastic-convert",
    "subtract", "tan", "tanh", "topk", "transpose", "triangular-solve", "tuple", "while", "xor",
])
# fmt: on
# Library kernels of one device.
KERNELS = re.compile(
    r"__onednn\$|__cublas\$|__cudnn\$|__cusolver|__triton|TopK$|PadToStatic$|SliceToDynamic$|lapack_"
)
BITS = {
    "pred": 8,
    "bf16": 16,
    "token": 0,
    "c64": 64,
    "c128": 128,
    **{f"{kind}{bits}": bits for kind in "su" for bits in (2, 4, 8, 16, 32, 64)},
    **{f"f{bits}": bits for bits in (16, 32, 64)},
}


class Instruction(NamedTuple):
    """One line of a program.

    Attributes:
      opcode: What it does.
      bytes: The size of its result.
      operands: Of an exchange between devices, the size of its operands.
      text: The line from the opcode on.
    """

    opcode: str
    bytes: int
    operands: int
    text: str


def computations(program: str) -> tuple[dict[str, list[Instruction]], str]:
    """Gives the instructions of every computation, and the name of the one that is run."""
    found: dict[str, list[Instruction]] = {}
    entry, current, sizes = "", None, {}
    for line in program.splitlines():
        opened = re.match(r"(ENTRY )?%?([\w.-]+) \(.*\) -> .* \{$", line)
        if opened:
            current, sizes = found.setdefault(opened[2], []), {}
            entry = opened[2] if opened[1] else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and line.strip():
            current.append(_instruction(line, sizes))
    if not entry:
        raise UnknownText("The text of a program must have an ENTRY computation. Got none.")
    return found, entry


def _instruction(line: str, sizes: dict[str, int]) -> Instruction:
    """Reads one line; `sizes` are those of the values before it, and get this one."""
    matched = re.match(r"\s+(?:ROOT )?%?([\w.-]+) = ", line)
    if not matched:
        raise UnknownText(f"An instruction must be of the form %name = ... Got {line.strip()!r}.")
    type_, rest = _split_type(line[matched.end() :])
    call = re.match(r"\s*([a-z][a-z0-9-]*)\(", rest)
    if not call:
        raise UnknownText(f"An instruction must name what it does. Got {line.strip()!r}.")
    opcode = call[1]
    sizes[matched[1]] = size = _bytes(type_)
    if opcode in KINDS or opcode.removesuffix("-start") in KINDS:
        # Of the pair that -start gives, and of the whole array of a reduce-scatter, the operands
        # tell the size.
        inside = rest[call.end() :].split(")", 1)[0]
        names = re.findall(r"%([\w.-]+)", inside)
        if not names or any(name not in sizes for name in names):
            raise UnknownText(f"The operands must stand before {opcode}. Got {inside!r}.")
        return Instruction(opcode, size, sum(sizes[name] for name in names), rest)
    done = opcode.removesuffix("-done") in KINDS  # counted at its -start
    if opcode == "custom-call":
        target = re.search(r'custom_call_target="([^"]*)"', rest)
        if not target or not KERNELS.match(target[1]):
            raise UnknownText(f"A custom call must be of a known kernel. Got {rest[:200]!r}.")
    elif opcode not in LOCAL and not done:
        raise UnknownText(f"{opcode!r} is not a known instruction. Got {line.strip()[:200]!r}.")
    return Instruction(opcode, size, 0, rest)


def _split_type(text: str) -> tuple[str, str]:
    """Gives the type at the start of a text, and what follows it."""
    if not text.startswith("("):
        type_, _, rest = text.partition(" ")
        return type_, rest
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[: place + 1], text[place + 1 :]
    raise UnknownText(f"A type must end. Got {text[:200]!r}.")


def _bytes(type_: str) -> int:
    """Gives the size of an array, or of all arrays of a tuple."""
    plain = re.sub(r"\{[^}]*\}|/\*.*?\*/", "", type_)  # without layouts and comments
    total = 0
    for item in filter(None, re.split(r"[()\s]+|,(?![^\[]*\])", plain)):
        array = re.fullmatch(r"([a-z][a-z0-9]*)\[([\d,]*)\]", item)
        eight = array and array[1].startswith("f8")
        if not array or not (eight or array[1] in BITS):
            raise UnknownText(f"{item!r} is not a known type. Got it in {type_[:200]!r}.")
        numbers = math.prod(int(length) for length in array[2].split(",") if length)
        total += math.ceil(numbers * (8 if eight else BITS[array[1]]) / 8)
    return total
