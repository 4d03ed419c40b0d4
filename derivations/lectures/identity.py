"""Equations: proved for all sizes and all functions, or refuted at exact numbers."""

from typing import Any, NamedTuple

import sympy

from derivations import clock
from derivations.equality import equal
from derivations.formula import read
from derivations.graph import At, Dim, Index, Node, nodes_of
from derivations.lectures.claim import Finding, Status
from derivations.lectures.reading import POLYNOMIAL, Letters
from derivations.lift import Unsupported
from derivations.normal import branches
from derivations.refute import Tensor, sizes_to_try
from derivations.report.plain import plain
from derivations.witness import witness

SECONDS = 30.0


class Identity(NamedTuple):
    """An equation of a lecture, to hold for every value of its letters and free indices.

    Attributes:
      equation: The equation.
      given: What its letters stand for: one equation each, its left side the letter.
      hypothesis: An equation that is taken for granted.
    """

    equation: Any
    given: tuple[Any, ...] = ()
    hypothesis: Any = None


def holds(identity: Identity) -> Finding:
    """Settles an equation: wherever both sides are defined, off the boundaries they branch on.

    Example:
      >>> from derivations.lectures.letters import eq
      >>> x = sympy.Symbol("x", real=True)
      >>> squared = sympy.exp(x) ** 2
      >>> str(holds(Identity(eq(squared, sympy.exp(2 * x)))).status)
      'PROVED'
      >>> wrong = holds(Identity(eq(squared, sympy.exp(3 * x))))
      >>> str(wrong.status), wrong.witness.inputs
      ('REFUTED', {'x': '1'})
    """
    deadline = clock.now() + SECONDS
    try:
        indices = _open_indices(identity)
        left, right, *given = _sides(identity, indices, concrete=False)
        outcome = equal(
            left, right, deadline=deadline, domains=False,
            hypothesis=(given[0], given[1]) if given else None,
        )  # fmt: skip
    except Unsupported as error:
        return Finding(Status.UNDECIDED, "", reason=str(error))
    free = _functions(identity)
    dims = {i.size for i in indices.values()}.union(*(_sizes(n) for n in (left, right)))
    sizes = sorted(d for d in dims if isinstance(d, str))
    scope = [f"all sizes {', '.join(sizes)}"] if sizes else []
    scope += [f"any function{'s'[: len(free) != 1]} {', '.join(free)}"] if free else []
    if outcome.equal and outcome.regions:
        how = "by index calculus" if sizes else "by normal form"
        if branches(left) or branches(right):
            how += f" on {outcome.regions} open regions"
            scope.append("off the boundaries")
        if identity.hypothesis is not None:
            scope.append(f"with {plain(identity.hypothesis)}")
        return Finding(
            Status.PROVED, f"over the reals, {how}", "; ".join(scope) or "all real numbers",
            lines=_lines(identity),
        )  # fmt: skip
    at = tuple(indices.values())
    found, expected, *given = _sides(identity, indices, concrete=True)
    if not given:
        tensors = _tensors(identity, (found, expected))
        counterexample = witness(
            found, expected, at, "the left side", tensors,
            sizes_to_try(dict.fromkeys(sizes, 2)), deadline,
        )  # fmt: skip
        if counterexample is not None:
            chosen = (f"for the unknown functions: {POLYNOMIAL}",) if free else ()
            return Finding(
                Status.REFUTED, "over the reals, by a counterexample",
                lines=_lines(identity) + chosen, witness=counterexample,
                reason="the two sides differ",
            )  # fmt: skip
    return Finding(
        Status.UNDECIDED, "", reason=f"{outcome.reason}, and no counterexample was found"
    )


def _sides(identity: Identity, indices: dict[Any, Index], *, concrete: bool) -> list[Node]:
    letters = Letters(identity.given, concrete=concrete).inside(indices)
    equations = [identity.equation, identity.hypothesis]
    return [read(side, letters) for e in equations if e is not None for side in e.args]


def _open_indices(identity: Identity) -> dict[Any, Index]:
    """Gives the free indices of an equation, each running over its axis."""
    found: dict[Any, Index] = {}
    sizes: dict[Any, Dim] = Letters(()).sizes
    bound = {limit[0] for s in identity.equation.atoms(sympy.Sum) for limit in s.limits}
    for entry in sorted(identity.equation.atoms(sympy.Indexed), key=str):
        for index, size in zip(entry.indices, entry.base.shape or (), strict=True):
            if not index.is_Symbol or index in bound:
                continue
            if index in found and found[index].size != sizes[size]:
                raise Unsupported(f"the index {index} runs over two axes of different sizes")
            found.setdefault(index, Index(str(index), sizes[size]))
    return found


def _functions(identity: Identity) -> list[str]:
    equations = [identity.equation, *identity.given]
    applied = {f for e in equations for f in e.atoms(sympy.core.function.AppliedUndef)}
    return sorted({str(f.func) for f in applied})


def _lines(identity: Identity) -> tuple[str, ...]:
    where = [f"with {plain(e)}" for e in identity.given]
    return (plain(identity.equation), *where)


def _sizes(node: Node) -> set[Dim]:
    found = {i.size for n in nodes_of(node) for i in n.free}
    bound = {n.data.size for n in nodes_of(node) if n.op in ("sum", "rmax")}
    slots = {s.size for n in nodes_of(node) if n.op == "apply" for own in n.data[1] for s in own}
    return found | bound | slots | {n.data for n in nodes_of(node) if n.op == "size"}


def _tensors(identity: Identity, nodes: tuple[Node, ...]) -> list[Tensor]:
    shapes: dict[str, tuple[Dim, ...]] = {}
    for node in sorted((n for root in nodes for n in nodes_of(root)), key=lambda n: n.uid):
        if node.op == "entry":
            name, at, _ = node.data
            known = shapes.setdefault(name, tuple(1 for _ in at))
            shapes[name] = tuple(_longer(d, i) for d, i in zip(known, at, strict=True))
    return [Tensor(name, shape, "float") for name, shape in shapes.items()]


def _longer(dim: Dim, at: At) -> Dim:
    if isinstance(at, Index):
        return at.size
    return dim if isinstance(dim, str) else max(dim, at + 1)
