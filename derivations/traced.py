"""A subject as graphs: primal, rule and `jax.grad`, lifted and held against JAX's numbers."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np

from derivations import graph as g
from derivations.differentiate import Undifferentiable, derivative, gradient
from derivations.evaluate import Point, Tie, ball, evaluate
from derivations.graph import At, Dim, Index, Node
from derivations.lift import Array, Assumptions, Unsupported, dim_of, kind_of
from derivations.normal import Normaliser
from derivations.refute import Tensor, points
from derivations.series import Ambiguous
from derivations.subject import MalformedRule, Subject
from derivations.trace import (
    Shapes,
    by_jax,
    concrete,
    double_precision,
    lifted,
    small_sizes,
)

AGREEMENT = 1e-8  # relative: how far a lift, in balls, may be from JAX's float64
CANCELLED = 1e-12  # absolute: what rounding leaves in double precision where all terms cancel
_NARROW = {"bf16[": 0.1, "f16[": 1e-2, "f32[": 1e-4}  # and where the code itself has fewer digits
VALIDATION_POINTS = 2
NOT_ASKED = "not asked for"


class Traced(NamedTuple):
    """Everything that the obligations compare, at one set of shapes.

    Attributes:
      subject: What was traced.
      shapes: At which shapes.
      cotangents: The names of the outputs' cotangents.
      tensors: The inputs, cotangents included.
      wanted: Which arrays are floats, and so have a cotangent.
      primal: The outputs.
      value: The outputs as the forward pass gives them.
      pulled: The rule's cotangents, one for each wanted array; `None` where it gives none.
      expected: The true cotangents of the wanted arrays, by differentiating the lifted primal.
      jax: Those of JAX's own differentiation; `None` if that cannot be lifted.
      jax_reason: Why not.
      assumptions: What the lifting took for granted.
      forms: Normal forms that are known already.
    """

    subject: Subject
    shapes: Shapes
    cotangents: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    wanted: tuple[int, ...]
    primal: list[Array]
    value: list[Array]
    pulled: list[Array | None]
    expected: list[Array]
    jax: list[Array] | None
    jax_reason: str
    assumptions: Assumptions
    forms: Normaliser

    def inputs(self, *extra: Any) -> Shapes:
        """Gives the shapes with those of the cotangents after them."""
        return self.shapes._replace(avals=(*self.shapes.avals, *extra))


def traced(subject: Subject, shapes: Shapes, *, automatic: bool = True) -> Traced:
    """Traces and lifts a subject, and unless told otherwise JAX's own differentiation of it.

    Raises:
      Unsupported: It cannot be traced at these shapes, or not lifted.
    """
    try:
        with double_precision():
            outputs = jax.eval_shape(subject.primal, *shapes.avals)
    except MalformedRule:
        raise
    except Exception as error:  # whatever the traced code raises at these shapes
        raise Unsupported(f"tracing failed: {first_line(error)}") from error
    if not shapes.explicit:
        _refuse_odd(outputs)
    names = subject.names
    cotangents = tuple(
        unused("cotangent" + (f"[{i}]" if len(outputs) > 1 else ""), names)
        for i in range(len(outputs))
    )
    count = len(names)
    wanted = subject.wanted
    both = shapes._replace(avals=(*shapes.avals, *(_aval(o) for o in outputs)))

    def rule(*everything: Any) -> list[Any]:
        pulled = subject.pull(everything[:count], everything[count:])
        return [pulled[i] for i in wanted]

    assumptions = Assumptions(subject.assumptions)
    try:
        primal = lifted(subject.primal, shapes, names, assumptions)
        value = lifted(subject.value, shapes, names, assumptions)
        pulled = lifted(rule, both, (*names, *cotangents), assumptions)
    except (MalformedRule, Unsupported):
        raise
    except Exception as error:
        raise Unsupported(f"tracing failed: {first_line(error)}") from error
    own, reason = None, NOT_ASKED
    if automatic:
        try:
            own = lifted(by_jax(subject, wanted), both, (*names, *cotangents), assumptions)
        except Exception as error:
            reason = first_line(error)
    tensors = tuple(
        Tensor(name, array_shape, kind, subject.symbols.get(name))
        for name, array_shape, kind in _tensors((*names, *cotangents), both)
    )
    outputs = [a for a in primal if a is not None]
    return Traced(
        subject, shapes, cotangents, tensors, wanted,
        outputs, [a for a in value if a is not None], pulled,
        pullback(outputs, cotangents, [tensors[i] for i in wanted], explicit=shapes.explicit),
        None if own is None else [a for a in own if a is not None],
        reason, assumptions, Normaliser(),
    )  # fmt: skip


def unused(name: str, taken: Sequence[str]) -> str:
    """Gives a name for a tensor that no argument has."""
    while name in taken:
        name += "'"
    return name


def output_avals(this: Traced) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Gives the shapes of the outputs."""
    with double_precision():
        return tuple(map(_aval, jax.eval_shape(this.subject.primal, *this.shapes.avals)))


def _aval(output: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(output.shape, output.dtype)


def _refuse_odd(outputs: Sequence[Any]) -> None:
    for output in outputs:
        for dim in output.shape:
            if not isinstance(dim, int) and not str(dim).isidentifier():
                raise Unsupported(f"an output axis of size {dim}")


def _tensors(names: Sequence[str], shapes: Shapes) -> list[tuple[str, tuple[Dim, ...], str]]:
    return [
        (name, tuple(dim_of(d) for d in aval.shape), kind_of(aval.dtype))
        for name, aval in zip(names, shapes.avals, strict=True)
    ]


def first_line(error: Exception) -> str:
    """Gives an exception in one line."""
    text = str(error).strip() or type(error).__name__
    return f"{type(error).__name__}: {text.splitlines()[0]}"


def positions(array: Array, *, explicit: bool, name: str = "i") -> list[tuple[At, ...]]:
    """Gives the positions to compare at: one general one, or every one."""
    if explicit:
        return list(itertools.product(*(range(int(d)) for d in array.shape)))
    return [tuple(0 if d == 1 else Index(name, d) for d in array.shape)]


def pullback(
    outputs: Sequence[Array], cotangents: Sequence[str], wanted: Sequence[Tensor], *, explicit: bool
) -> list[Array]:
    """Gives the vector-Jacobian product of lifted arrays, an array for each wanted tensor.

    The entries raise `Undifferentiable` where something is in the way.
    """

    def contracted(of: Callable[[Node], Node]) -> Node:
        terms = []
        for array, cotangent in zip(outputs, cotangents, strict=True):
            for where in positions(array, explicit=explicit, name="o"):
                term = g.mul(g.entry(cotangent, where), of(array.at(*where)))
                terms.append(summed(where, term))
        return g.add(*terms, g.ZERO)

    @cache
    def swept() -> Mapping[Any, Node] | None:
        try:
            return gradient(contracted(lambda output: output))
        except Undifferentiable:
            return None  # a sum over an index variable is in it

    def entry(name: str, at: tuple[At, ...]) -> Node:
        entries = swept() if explicit else None
        if entries is not None:
            return entries.get((name, at), g.ZERO)
        return contracted(lambda output: derivative(output, name, at))

    return [Array(t.shape, "float", lambda at, name=t.name: entry(name, at)) for t in wanted]


def summed(position: Sequence[At], term: Node) -> Node:
    """Gives the sum of a term over the index variables of a position."""
    for index in reversed(position):
        if isinstance(index, Index):
            term = g.total(index, term)
    return term


def validate(this: Traced) -> None:
    """Holds every lift against the numbers that JAX gives in float64.

    Raises:
      Unsupported: They differ, so that the lift proves nothing.
    """
    sizes = small_sizes(this.shapes) if this.shapes.symbolic else this.shapes.sizes
    count = len(this.subject.names)
    arrays = [*this.primal, *this.value, *(p for p in this.pulled if p is not None)]
    arrays += this.jax or []
    take_jax = this.jax is not None

    def run(*everything: Any) -> list[Any]:
        inputs, cotangents = everything[:count], everything[count:]
        pulled = this.subject.pull(inputs, cotangents)
        results = [*this.subject.primal(*inputs), *this.subject.value(*inputs)]
        results += [
            pulled[i] for i, lift in zip(this.wanted, this.pulled, strict=True) if lift is not None
        ]
        return results + (by_jax(this.subject, this.wanted)(*everything) if take_jax else [])

    compiled = jax.jit(run)
    tolerance = _tolerance(run, this, sizes)
    done = 0
    for point in itertools.islice(points(this.tensors, sizes, seed=7), 40):
        try:
            memory: dict[Node, Any] = {}
            lifted_values = [_all_entries(a, point, this.shapes.explicit, memory) for a in arrays]
        except (Tie, Ambiguous):
            continue
        with double_precision():
            numbers = compiled(*(to_numpy(point.tensors[t.name], t.kind) for t in this.tensors))
        every = [*point.tensors.values(), *lifted_values]
        around = max((abs(float(ball(v).mid())) for a in every for v in a.reshape(-1)), default=0)
        told = [
            _agree(lifted_value, np.asarray(number, dtype=np.float64), tolerance, around)
            for lifted_value, number in zip(lifted_values, numbers, strict=True)
        ]
        done += all(told)
        if done == VALIDATION_POINTS:
            return
    raise Unsupported("no point was found at which the lift could be held against JAX")


def _tolerance(run: Callable[..., Any], this: Traced, sizes: Mapping[str, int]) -> float:
    """Gives how far JAX's numbers may be off: code may compute in fewer digits on purpose."""
    avals = concrete(this.shapes, dict(sizes)).avals if this.shapes.symbolic else this.shapes.avals
    count = len(this.subject.names)
    with double_precision():
        outputs = jax.eval_shape(this.subject.primal, *avals[:count])
        text = str(jax.make_jaxpr(run)(*avals[:count], *outputs))
    return next((t for narrow, t in _NARROW.items() if narrow in text), AGREEMENT)


def to_numpy(array: np.ndarray, kind: str) -> np.ndarray:
    """Gives exact numbers as JAX takes them, rounded to double precision."""
    dtype = {"float": np.float64, "int": np.int32, "bool": np.bool_}[kind]
    return np.asarray([float(ball(v)) for v in array.reshape(-1)], dtype).reshape(array.shape)


def _all_entries(array: Array, point: Point, explicit: bool, memory: dict[Node, Any]) -> np.ndarray:
    shape = [point.length(d) for d in array.shape]
    if explicit:
        result = np.empty(shape, dtype=object)
        for at in np.ndindex(*shape):
            result[at] = evaluate(array.at(*at), point, memory=memory)[()]
        return result
    (at,) = positions(array, explicit=False)
    free = [i for i in at if isinstance(i, Index)]
    return evaluate(array.at(*at), point, free, memory=memory).reshape(shape)


def _agree(lifted_value: np.ndarray, number: np.ndarray, tolerance: float, around: float) -> bool:
    """Tells whether a lift is what JAX gives; no, where rounding has left nothing to be told by.

    So it is where an exponential overflows, or a softmax is saturated: `around` is the largest of
    all numbers there.

    Raises:
      Unsupported: It surely is something else.
    """
    balls = [ball(v) for v in lifted_value.reshape(-1)]
    exact = np.array([float(b.mid()) for b in balls])
    size = np.maximum(np.abs(exact), np.abs(number.reshape(-1)))
    scale = max(1e-30, float(size.max(initial=0.0)))
    # Where all of it cancels, JAX's numbers are what double precision leaves of the terms.
    rest = CANCELLED if all(b.contains(0) for b in balls) else 0.0
    with np.errstate(invalid="ignore"):  # infinite in both: a lift that is not held against JAX
        gap = np.abs(exact - number.reshape(-1)).max(initial=0.0)
    if gap <= max(tolerance * scale, rest):
        return True
    overflows = np.isfinite(exact).all() and not np.isfinite(number).all()
    if not overflows and not gap <= CANCELLED * around:
        raise Unsupported(f"the lift is off JAX's own numbers by {gap:.3g} (of {scale:.3g})")
    return False
