"""Is a mutant that survives the same function after all? Proved equal, told apart, or neither."""

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from derivations.check import check
from derivations.doors import subject_of
from derivations.report.words import value as written
from derivations.trace import double_precision
from derivations.verdict import Verdict

BUDGET = 10.0  # seconds
POINTS = 60
AGREEMENT = 1e-9  # relative; what float64 loses in a few hundred operations is less
NARROW = 1e-4  # where the code itself computes in fewer digits
_SCALES = (1.0, 0.1, 10.0, 3.0)


class Comparison(NamedTuple):
    """What became of the question whether two backward passes are the same function.

    Attributes:
      verdict: `"equal"` (proved), `"different"`, or `"undecided"` (not told apart at any point).
      detail: Where they differ, or why it is undecided.
    """

    verdict: str
    detail: str


class _Pair(NamedTuple):
    """Two functions as a rule: it is right about its value if they are the same."""

    name: str
    primal: Callable[..., Any]
    fwd: Callable[..., Any]
    bwd: Callable[..., Any]


class Example(NamedTuple):
    """Arguments of a forward pass: shapes and dtypes, and values for what is no array.

    Attributes:
      names: The names of the arguments that are differentiated.
      shapes: Their shapes and dtypes.
      static: The place and the value of each argument that is not.
    """

    names: tuple[str, ...]
    shapes: tuple[Any, ...]
    static: dict[int, Any]


def example_of(
    args: Sequence[Any], names: Sequence[str], static: Collection[int]
) -> Example | None:
    """Gives the example that a call of the forward pass is; `None` if it is no use as one."""
    try:
        shapes = [_shapes(a) for i, a in enumerate(args) if i not in static]
    except TypeError:
        return None  # with symbolic_zeros=True the arguments are no arrays
    if any(not isinstance(size, int) for a in jax.tree.leaves(shapes) for size in a.shape):
        return None
    named = tuple(name_of(names, i) for i in range(len(shapes)))
    return Example(named, tuple(shapes), {i: args[i] for i in sorted(static)})


def name_of(names: Sequence[str], place: int) -> str:
    """Gives the name of an argument; a starred parameter names none of its own."""
    return names[place] if place < len(names) else f"argument_{place}"


def telling(example: Example) -> tuple[int, int]:
    """Says how much an example's sizes tell: many above one, and many different."""
    sizes = [s for a in jax.tree.leaves(example.shapes) for s in a.shape]
    return sum(s > 1 for s in sizes), len(set(sizes))


def compare(
    fwd: Callable[..., Any],
    original: Callable[..., Any],
    mutated: Callable[..., Any],
    examples: Sequence[Example],
    reached: set[bool],
) -> Comparison:
    """Compares two backward passes as functions of the arguments and the cotangent.

    What the forward pass keeps is not free (a softmax sums to one), so the comparison starts from
    the arguments. They are the same if they are for every example.

    Args:
      fwd: The forward pass of both.
      original: One backward pass.
      mutated: The other.
      examples: Arguments of the forward pass.
      reached: Where `mutated` says at each call whether there was anything to mutate in it: without
        that, two backward passes are the same for no good reason.
    """
    if not examples:
        return Comparison("undecided", "the tests gave the forward pass no arrays to start from")
    found = []
    for example in examples:
        try:
            with double_precision():  # an example may come from there
                found.append(_compared(fwd, original, mutated, example, reached))
        except Exception as error:  # whatever the rule's code raises at other shapes or dtypes
            found.append(Comparison("undecided", _first_line(error)))
        if found[-1].verdict == "different":
            return found[-1]
    return next((f for f in found if f.verdict == "undecided"), found[0])


def _compared(
    fwd: Callable[..., Any],
    original: Callable[..., Any],
    mutated: Callable[..., Any],
    example: Example,
    reached: set[bool],
) -> Comparison:
    static = example.static

    def arguments(dynamic: Sequence[Any]) -> list[Any]:
        others = iter(dynamic)
        count = len(dynamic) + len(static)
        return [static[i] if i in static else next(others) for i in range(count)]

    def pulled(bwd: Callable[..., Any]) -> Callable[..., Any]:
        def run(*everything: Any) -> list[Any]:
            _, residuals = fwd(*arguments(everything[:-1]))
            results = bwd(*static.values(), residuals, everything[-1])
            return [r for r in jax.tree.leaves(results) if _is_float(r)]

        cotangent = "cotangent"
        while cotangent in example.names:
            cotangent += "_"
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        named = [inspect.Parameter(name, kind) for name in (*example.names, cotangent)]
        run.__dict__["__signature__"] = inspect.Signature(named)
        return run

    output = jax.eval_shape(lambda *some: fwd(*arguments(some))[0], *example.shapes)
    inputs = [*example.shapes, _shapes(output)]
    first, second = pulled(original), pulled(mutated)
    for sizes in ("all", "given"):
        reached.clear()
        found = _by_proof(first, second, inputs, sizes)
        if found.verdict == "different" or (found.verdict == "equal" and reached == {True}):
            return found
    reached.clear()
    found = _by_numbers(first, second, inputs, found)
    if found.verdict == "undecided" and reached != {True}:
        return Comparison(
            "undecided", "the mistake has no place in it at the sizes that were tried"
        )
    return found


def _by_proof(
    first: Callable[..., Any],
    second: Callable[..., Any],
    inputs: Sequence[Any],
    sizes: Literal["all", "given"],
) -> Comparison:
    nothing = (None,) * len(inputs)
    pair = _Pair("mutant", first, lambda *a: (second(*a), None), lambda *_: nothing)
    try:
        report = check(pair, *inputs, sizes=sizes, budget=BUDGET)
    except Exception as error:  # whatever the rule's code raises at other shapes
        return Comparison("undecided", _first_line(error))
    value = next(o for o in report.obligations if o.name == "value")
    if value.verdict is Verdict.PROVED:
        return Comparison("equal", value.scope)
    witness = value.witness
    if value.verdict is Verdict.REFUTED and witness is not None:
        where = ", ".join(
            f"{name} = {written(witness.inputs[name])}" for name in subject_of(pair, inputs).names
        )
        return Comparison(
            "different",
            f"at {where} the mutant gives {witness.found}, the original {witness.expected}",
        )
    return Comparison("undecided", value.reason)


def _by_numbers(
    first: Callable[..., Any],
    second: Callable[..., Any],
    inputs: Sequence[Any],
    proved: Comparison,
) -> Comparison:
    with double_precision():
        doubled = jax.tree.map(_doubled, list(inputs))
        both = jax.jit(lambda *a: (first(*a), second(*a)))
        text = str(jax.make_jaxpr(both)(*doubled))
        narrow = any(dtype in text for dtype in (":f32[", ":bf16[", ":f16["))
        held = 0
        for point in _points(doubled):
            pair = both(*point)
            one, two = (np.concatenate([np.ravel(r) for r in some]) for some in pair)
            if not np.isfinite(one).all():
                continue
            held += 1
            gap = np.abs(one - two)
            if not (
                gap
                <= (NARROW if narrow else AGREEMENT) * (np.abs(one) + np.abs(two)).max(initial=0.0)
            ).all():
                return Comparison(
                    "different",
                    f"at random inputs the largest difference is {gap.max():.3g}",
                )
    return Comparison("undecided", f"equal at {held} random points; {proved.detail}")


def _points(inputs: Any) -> Iterator[Any]:
    draw = np.random.default_rng(0)
    most = min((s for a in jax.tree.leaves(inputs) for s in a.shape), default=2)

    def drawn(aval: Any, scale: float) -> Any:
        if jnp.issubdtype(aval.dtype, jnp.floating):
            return draw.normal(scale=scale, size=aval.shape)
        return draw.integers(0, max(most, 1), size=aval.shape).astype(aval.dtype)

    for number in range(POINTS):
        scale = _SCALES[number % len(_SCALES)]
        yield jax.tree.map(lambda aval, scale=scale: drawn(aval, scale), inputs)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(_shape, tree)


def _shape(leaf: Any) -> jax.ShapeDtypeStruct:
    if isinstance(leaf, (bool, int, float)):
        return jax.ShapeDtypeStruct((), jnp.result_type(leaf))
    if isinstance(leaf, (jax.Array, np.ndarray, np.generic, jax.ShapeDtypeStruct)):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
    raise TypeError(f"an argument is an array or a number. Got {type(leaf).__name__}")


def _doubled(aval: Any) -> Any:
    wide = jnp.float64 if jnp.issubdtype(aval.dtype, jnp.floating) else aval.dtype
    return jax.ShapeDtypeStruct(aval.shape, wide)


def _is_float(value: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jnp.floating)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
