"""How a reading is held against JAX: lifted, evaluated at drawn points, compared in float64."""

import contextlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from jax import export

from derivations.evaluate import Point, ball, evaluate, rational
from derivations.graph import Index
from derivations.lift import Array, Lifting, Unsupported, dim_of, kind_of, variable

Draw = Callable[[st.SearchStrategy], Any]


class Example(NamedTuple):
    """A function and what it takes.

    Attributes:
      function: Takes the arrays.
      shapes: A shape for each argument: numbers, and the letters n, k and m for sizes.
      domain: Which numbers the arguments are; several words, one for each, if they differ.
      symbolic: Whether it can be lifted with the letters as symbols.
    """

    function: Callable[..., Any]
    shapes: Sequence[Sequence[int | str]]
    domain: str | Sequence[str] = "any"
    symbolic: bool = False


Case = Callable[[Draw], Example]

DOMAINS: dict[str, st.SearchStrategy] = {
    "any": st.integers(-12, 12).map(lambda i: Fraction(i, 4)),
    "above 1": st.integers(5, 24).map(lambda i: Fraction(i, 4)),
    "positive": st.integers(1, 24).map(lambda i: Fraction(i, 4)),
    "inside 1": st.integers(-7, 7).map(lambda i: Fraction(i, 8)),
    "index": st.integers(0, 1).map(Fraction),
    "integer": st.integers(-5, 5).map(Fraction),
    "bool": st.integers(0, 1).map(Fraction),
}
DTYPES = {"index": np.int32, "integer": np.int32, "bool": np.bool_}
SIZES = [(2, 3, 4), (3, 2, 2), (2, 4, 3)]

OLD = jax.__version_info__ < (0, 12)
NEW = {"call_hi_primitive", "log2", "polynomial"}  # what JAX 0.10 does not emit

few = settings(
    max_examples=3, derandomize=True, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate],
)  # fmt: skip


def drawn_sizes(draw: Draw) -> dict[str, int]:
    return dict(zip("nkm", draw(st.sampled_from(SIZES)), strict=True))


def hold(primitive: str, case: Case, draw: Draw) -> None:
    """Lifts an example of a primitive and compares its values with those of JAX."""
    example = case(draw)
    sizes = drawn_sizes(draw)
    domain = example.domain
    domains = [domain] * len(example.shapes) if isinstance(domain, str) else list(domain)
    shapes = [tuple(_length(d, sizes) for d in shape) for shape in example.shapes]
    tensors = {
        f"x{i}": _drawn(draw, shape, domain)
        for i, (shape, domain) in enumerate(zip(shapes, domains, strict=True))
    }
    dtypes = [np.dtype(DTYPES.get(domain, np.float64)) for domain in domains]
    arrays = [
        np.array([float(Fraction(str(v))) for v in tensor.reshape(-1)]).reshape(tensor.shape)
        for tensor in tensors.values()
    ]
    arrays = [a.astype(dtype) for a, dtype in zip(arrays, dtypes, strict=True)]
    with jax.enable_x64(True):
        expected = [np.asarray(e) for e in jax.tree.leaves(example.function(*arrays))]
    jaxpr = jaxpr_of(example.function, shapes, dtypes)
    assert primitive in _primitives(jaxpr.jaxpr) or (primitive in NEW and OLD)
    read = lifted(jaxpr, explicit=True)
    point = Point({}, tensors, ties=True)
    for array, numbers in zip(read, expected, strict=True):
        compare(_written_out(array, point), numbers)
    for array, numbers in zip(lifted(jaxpr, explicit=False), expected, strict=True):
        with contextlib.suppress(Unsupported):  # not everything is read at an index
            compare(_at_indices(array, point), numbers)
    if example.symbolic:
        symbols = dict(zip("nkm", export.symbolic_shape("n, k, m"), strict=True))
        general = [tuple(symbols.get(str(d), d) for d in shape) for shape in example.shapes]
        read = lifted(jaxpr_of(example.function, general, dtypes), explicit=False)
        point = Point(sizes, tensors, ties=True)
        for array, numbers in zip(read, expected, strict=True):
            compare(_at_indices(array, point), numbers)


def _length(dim: int | str, sizes: dict[str, int]) -> int:
    return dim if isinstance(dim, int) else sizes[dim]


def _drawn(draw: Draw, shape: Sequence[int], domain: str) -> np.ndarray:
    count = int(np.prod(shape, dtype=int))
    entries = draw(st.lists(DOMAINS[domain], min_size=count, max_size=count))
    result = np.empty(count, dtype=object)
    result[:] = [rational(e) for e in entries]
    return result.reshape(shape)


def jaxpr_of(function: Callable[..., Any], shapes: Sequence[Any], dtypes: Sequence[Any]) -> Any:
    with jax.enable_x64(True):
        avals = [jax.ShapeDtypeStruct(s, d) for s, d in zip(shapes, dtypes, strict=True)]
        return jax.make_jaxpr(function)(*avals)


def _primitives(jaxpr: Any) -> set[str]:
    """Gives the names of the primitives in a jaxpr, those of the jaxprs inside it included."""
    names = set()
    for eqn in jaxpr.eqns:
        names.add(eqn.primitive.name)
        for value in jax.tree.leaves(list(eqn.params.values())):
            if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
                names |= _primitives(getattr(value, "jaxpr", value))
    return names


def lifted(jaxpr: Any, *, explicit: bool) -> list[Array]:
    inputs = [
        variable(f"x{i}", [dim_of(d) for d in aval.shape], kind_of(aval.dtype))
        for i, aval in enumerate(jaxpr.in_avals)
    ]
    return Lifting(explicit=explicit).closed(jaxpr, inputs)


def _written_out(array: Array, point: Point) -> np.ndarray:
    shape = [point.length(d) for d in array.shape]
    result = np.empty(shape, dtype=object)
    for at in np.ndindex(*shape):
        result[at] = evaluate(array.at(*at), point)[()]
    return result


def _at_indices(array: Array, point: Point) -> np.ndarray:
    at = [0 if d == 1 else Index("i", d) for d in array.shape]
    shape = [point.length(d) for d in array.shape]
    if 0 in shape:
        return np.empty(shape, dtype=object)
    values = evaluate(array.at(*at), point, [i for i in at if isinstance(i, Index)])
    return values.reshape(shape)


def compare(values: np.ndarray, expected: np.ndarray) -> None:
    assert values.shape == expected.shape
    if expected.dtype == np.bool_:
        assert values.tolist() == expected.tolist()
        return
    numbers = np.array([float(ball(v).mid()) for v in values.reshape(-1)])
    np.testing.assert_allclose(numbers, expected.reshape(-1), rtol=1e-12, atol=1e-14)
