"""The reading of each JAX primitive, held against JAX's own float64 numbers.

Every case is lifted twice, at symbolic sizes and at numbers, and evaluated at the same drawn point.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jax import export, lax

from derivations import Verdict, check
from derivations import abstract as abstract  # registers the unknown functions
from derivations.evaluate import Point, ball, evaluate, rational
from derivations.graph import Index
from derivations.lift import Array, Lifting, Unsupported, dim_of, kind_of, variable
from derivations.primitives import PRIMITIVES

Function = Callable[..., Any]
Draw = Callable[[st.SearchStrategy], Any]


class Case(NamedTuple):
    """A function that traces to a primitive, or a strategy of such functions.

    Attributes:
      shapes: A string of letters for each argument, one letter an axis; "1" is an axis of length 1.
      function: Takes the arrays; with `drawn`, takes Hypothesis' draw and gives the function.
      domain: Which numbers the arguments are.
      drawn: Whether `function` draws its parameters.
      symbolic: Whether it can be lifted at symbolic sizes.
    """

    shapes: tuple[str, ...]
    function: Function
    domain: str = "any"
    drawn: bool = False
    symbolic: bool = True


DOMAINS: dict[str, st.SearchStrategy] = {
    "any": st.integers(-12, 12).map(lambda i: Fraction(i, 4)),
    "nonzero": st.integers(1, 12).flatmap(
        lambda i: st.sampled_from([Fraction(i, 4), -Fraction(i, 4)])
    ),
    "positive": st.integers(1, 24).map(lambda i: Fraction(i, 4)),
    "above -1": st.integers(-3, 24).map(lambda i: Fraction(i, 4)),
    "int": st.integers(0, 4).map(Fraction),
    "bool": st.integers(0, 1).map(Fraction),
}
FLOAT = np.dtype(np.float64)
SIZES = [(2, 3, 1), (1, 2, 3)]
DTYPES = {"int": np.int32, "bool": np.bool_}


def _add_any(x: jax.Array) -> Any:
    _, pull = jax.vjp(lambda a: (2 * a, jnp.sin(a)), x)
    return pull((x, x))[0]


def _tanh_derivative(x: jax.Array) -> Any:
    return jax.vjp(jnp.tanh, x)[1](jnp.ones_like(x))[0]


def _transposed(draw: Draw) -> Function:
    order = draw(st.sampled_from([(0, 2, 1), (1, 2, 0), (2, 0, 1), (2, 1, 0)]))
    return lambda x: lax.transpose(x, order)


def _reshaped(draw: Draw) -> Function:
    joined = draw(st.booleans())
    return lambda x: lax.reshape(x, (x.size,) if joined else (x.shape[2], x.shape[1], x.shape[0]))


def _broadcast(draw: Draw) -> Function:
    axes = sorted(draw(st.permutations(range(4)))[:2])

    def function(x: jax.Array) -> jax.Array:
        lengths: list[Any] = [2, 3, 2, 3]
        for axis, size in zip(axes, x.shape, strict=True):
            lengths[axis] = size
        return lax.broadcast_in_dim(x, lengths, axes)

    return function


def _squeezed(draw: Draw) -> Function:
    axis = draw(st.sampled_from([0, 2]))
    return lambda x: lax.squeeze(x, (axis,))


def _sliced(draw: Draw) -> Function:
    start, stride = draw(st.integers(0, 1)), draw(st.integers(1, 2))
    return lambda x: lax.slice(x, (start, 0), (x.shape[0], x.shape[1]), (stride, 1))


def _reversed(draw: Draw) -> Function:
    axes = draw(st.sampled_from([(0,), (1,), (0, 1)]))
    return lambda x: lax.rev(x, axes)


def _joined(draw: Draw) -> Function:
    axis = draw(st.integers(0, 1))
    return lambda x, y: lax.concatenate([x, y, x], axis)


def _padded(draw: Draw) -> Function:
    ends = st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.integers(0, 2))
    config = [draw(ends) if draw(st.booleans()) else (0, 0, 0) for _ in range(2)]
    return lambda x: lax.pad(x, jnp.asarray(0.5, x.dtype), config)


def _reduced(function: Function) -> Callable[[Draw], Function]:
    def drawn(draw: Draw) -> Function:
        axes = draw(st.sets(st.integers(0, 2), min_size=1))
        return lambda x: function(x, axis=tuple(sorted(axes)))

    return drawn


def _contracted(draw: Draw) -> Function:
    pairs = draw(st.permutations([(0, 1), (1, 2), (2, 0)]))
    kept = draw(st.integers(0, 2))
    batch = draw(st.integers(0, kept))
    left = [[i for i, _ in pairs[part]] for part in (slice(batch, kept), slice(batch))]
    right = [[j for _, j in pairs[part]] for part in (slice(batch, kept), slice(batch))]
    return lambda x, y: lax.dot_general(x, y, ((left[0], right[0]), (left[1], right[1])))


def _comparison(function: Function) -> Case:
    return Case(("nk", "nk"), function)


CASES: dict[str, Case] = {
    "add": Case(("nk", "nk"), lax.add),
    "add_any": Case(("nk",), _add_any),
    "sub": Case(("nk", "nk"), lax.sub),
    "mul": Case(("nk", "nk"), lax.mul),
    "neg": Case(("nk",), lax.neg),
    "max": Case(("nk", "nk"), lax.max),
    "min": Case(("nk", "nk"), lax.min),
    "abs": Case(("nk",), lax.abs),
    "sign": Case(("nk",), lax.sign),
    "square": Case(("nk",), lax.square),
    "one_minus_square": Case(("nk",), _tanh_derivative),
    "sqrt": Case(("nk",), lax.sqrt, "positive"),
    "rsqrt": Case(("nk",), lax.rsqrt, "positive"),
    "exp": Case(("nk",), lax.exp),
    "expm1": Case(("nk",), lax.expm1),
    "log": Case(("nk",), lax.log, "positive"),
    "log1p": Case(("nk",), lax.log1p, "above -1"),
    "logistic": Case(("nk",), lax.logistic),
    "tanh": Case(("nk",), lax.tanh),
    "sin": Case(("nk",), lax.sin),
    "cos": Case(("nk",), lax.cos),
    "erf": Case(("nk",), lax.erf),
    "erfc": Case(("nk",), lax.erfc),
    "is_finite": Case(("nk",), lax.is_finite),
    "stop_gradient": Case(("nk",), lax.stop_gradient),
    "copy": Case(("nk",), jnp.copy),
    "reduce_precision": Case(("nk",), lambda x: lax.reduce_precision(x, 11, 52)),
    "div": Case(("nk", "nk"), lax.div, "nonzero"),
    "integer_pow": Case(
        ("nk",), lambda draw: _power(draw(st.integers(-3, 4))), "nonzero", drawn=True
    ),
    "pow": Case(
        ("nk",),
        lambda draw: _real_power(draw(st.integers(-6, 6)) / 4),
        "positive",
        drawn=True,
    ),
    "lt": _comparison(lax.lt),
    "le": _comparison(lax.le),
    "gt": _comparison(lax.gt),
    "ge": _comparison(lax.ge),
    "eq": _comparison(lax.eq),
    "ne": _comparison(lax.ne),
    "not": Case(("nk",), lax.bitwise_not, "bool"),
    "and": Case(("nk", "nk"), lax.bitwise_and, "bool"),
    "or": Case(("nk", "nk"), lax.bitwise_or, "bool"),
    "select_n": Case(("nk", "nk"), lambda x, y: lax.select(x < y, x * x, y)),
    "clamp": Case(("nk",), lambda x: lax.clamp(-0.75, x, 1.25)),
    "convert_element_type": Case(
        ("nk",),
        lambda x: lax.convert_element_type(x, jnp.float64),
        "bool",
    ),
    "iota": Case(
        ("nk",),
        lambda draw: _iota(draw(st.integers(0, 1))),
        "int",
        drawn=True,
    ),
    "dim_as_value": Case(("nk",), lambda x: x * (x.shape[0] * x.shape[1] + 2 * x.shape[1])),
    "broadcast_in_dim": Case(("nk",), _broadcast, drawn=True),
    "transpose": Case(("nkm",), _transposed, drawn=True),
    "reshape": Case(("nkm",), _reshaped, drawn=True, symbolic=False),
    "squeeze": Case(("1n1",), _squeezed, drawn=True),
    "slice": Case(("nk",), _sliced, drawn=True, symbolic=False),
    "rev": Case(("nk",), _reversed, drawn=True, symbolic=False),
    "concatenate": Case(("nn", "nn"), _joined, drawn=True, symbolic=False),
    "pad": Case(("nk",), _padded, drawn=True, symbolic=False),
    "reduce_sum": Case(("nkm",), _reduced(lambda x, axis: jnp.sum(x, axis=axis)), drawn=True),
    "reduce_max": Case(("nkm",), _reduced(lambda x, axis: jnp.max(x, axis=axis)), drawn=True),
    "reduce_min": Case(("nkm",), _reduced(lambda x, axis: jnp.min(x, axis=axis)), drawn=True),
    "dot_general": Case(("nkm", "mnk"), _contracted, drawn=True),
    "jit": Case(("nk",), jax.jit(lambda x: x * jnp.sin(x))),
    "remat2": Case(("nk",), jax.checkpoint(lambda x: x * jnp.sin(x))),
    "custom_jvp_call": Case(("nk",), jax.nn.relu),
    "custom_vjp_call": Case(("nk",), lambda x: _custom(x)),
    "optimization_barrier": Case(("nk",), lambda x: lax.optimization_barrier((x, x))[1]),
}

NOT_EMITTED = set() if jax.__version_info__ >= (0, 12) else {"one_minus_square"}


@jax.custom_vjp
def _custom(x: jax.Array) -> jax.Array:
    return x * x


_custom.defvjp(lambda x: (x * x, x), lambda x, dy: (2 * x * dy,))


def _power(exponent: int) -> Function:
    return lambda x: lax.integer_pow(x, exponent)


def _real_power(exponent: float) -> Function:
    return lambda x: lax.pow(x, jnp.asarray(exponent, x.dtype))


def _iota(axis: int) -> Function:
    return lambda x: x + lax.broadcasted_iota(jnp.int32, x.shape, axis)


def test_every_case_is_a_primitive():
    assert set(CASES) <= set(PRIMITIVES)  # that each has one: primitives/test_complete.py


@pytest.mark.parametrize("primitive", CASES)
@settings(
    max_examples=4, derandomize=True, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_lifted_as_jax_computes(primitive: str, data: st.DataObject):
    case = CASES[primitive]
    function = case.function(data.draw) if case.drawn else case.function
    sizes = dict(zip("nkm", data.draw(st.sampled_from(SIZES)), strict=True))
    dtype = np.dtype(DTYPES.get(case.domain, np.float64))
    exact = {}
    for i, shape in enumerate(case.shapes):
        lengths = [1 if letter == "1" else sizes[letter] for letter in shape]
        entries = data.draw(
            st.lists(DOMAINS[case.domain], min_size=_size(lengths), max_size=_size(lengths))
        )
        exact[f"x{i}"] = _exact(entries).reshape(lengths)
    arrays = [np.vectorize(float)(a).astype(dtype) for a in exact.values()]
    with jax.enable_x64(True):
        expected = np.asarray(jax.jit(function)(*arrays))

    symbols = dict(zip("nkm", export.symbolic_shape("n, k, m"), strict=True))
    shapes = [tuple(1 if c == "1" else symbols[c] for c in shape) for shape in case.shapes]
    jaxprs = []
    if case.symbolic:
        jaxprs.append(_jaxpr(function, shapes, dtype))
        lifted = _lifted(jaxprs[0], explicit=False)
        _compare(_values(lifted, Point(sizes, exact, ties=True), explicit=False), expected)
    jaxprs.append(_jaxpr(function, [a.shape for a in arrays], dtype))
    lifted = _lifted(jaxprs[-1], explicit=True)
    _compare(_values(lifted, Point({}, exact, ties=True), explicit=True), expected)
    assert primitive in NOT_EMITTED or any(primitive in str(jaxpr) for jaxpr in jaxprs)


def test_binary_fractions_are_read_exactly():
    numbers = np.array([0.375, -2.5, 3 * 2.0**-900])
    lifted = _lifted(_jaxpr(lambda x: x * numbers, [(3,)], FLOAT), explicit=True)
    point = Point({}, {"x0": _exact([Fraction(1)] * 3)})
    values = _values(lifted, point, explicit=True)
    assert [Fraction(str(v)) for v in values.tolist()] == [Fraction(x) for x in numbers]


def test_constants_that_differ_are_read_at_an_index():
    numbers = np.array([0.5, 2.0])
    lifted = _lifted(_jaxpr(lambda x: x + numbers, [(2,)], FLOAT), explicit=False)
    point = Point({}, {"x0": _exact([Fraction(1), Fraction(3)])}, ties=True)
    assert _values(lifted, point, explicit=False).tolist() == [rational(1.5), rational(5)]


@pytest.mark.parametrize(
    ("function", "primitive"),
    [
        (lambda x: lax.erf_inv(x), "erf_inv"),
        (lambda x: lax.bessel_i0e(x), "bessel_i0e"),
        (lambda x: jnp.nextafter(x, 2 * x), "nextafter"),
        (lambda x: jax.pure_callback(lambda x: x, x, x), "pure_callback"),
    ],
)
def test_an_unknown_primitive_is_named(function: Function, primitive: str):
    @jax.custom_vjp
    def user(x):
        return function(x)

    user.defvjp(lambda x: (function(x), None), lambda _, dy: (dy,))
    report = check(user, jnp.ones(3))
    assert report.verdict is Verdict.UNDECIDED
    reasons = [o.reason for o in report.obligations if f"the primitive {primitive}" in o.reason]
    assert reasons
    assert "test_primitives.py" in reasons[0]


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda x: lax.rem(x, 2 * x), "a remainder that depends on the inputs"),
        (lambda x: jnp.sort(jnp.tile(x, 2)), "the order of 6 numbers"),
        (lambda x: lax.while_loop(lambda c: c[0] < 1, lambda c: c + 1, x), "whose end depends"),
    ],
)
def test_what_has_no_meaning_over_the_reals_is_refused(function: Function, match: str):
    with pytest.raises(Unsupported, match=match):
        _lifted(_jaxpr(function, [(3,)], FLOAT), explicit=True).at(0)


def _jaxpr(function: Function, shapes: list[Any], dtype: np.dtype) -> Any:
    with jax.enable_x64(True):
        return jax.make_jaxpr(function)(*(jax.ShapeDtypeStruct(s, dtype) for s in shapes))


def _lifted(jaxpr: Any, *, explicit: bool) -> Array:
    inputs = [
        variable(f"x{i}", [dim_of(d) for d in aval.shape], kind_of(aval.dtype))
        for i, aval in enumerate(jaxpr.in_avals)
    ]
    (out,) = Lifting(explicit=explicit).closed(jaxpr, inputs)
    return out


def _values(array: Array, point: Point, *, explicit: bool) -> np.ndarray:
    shape = [point.length(d) for d in array.shape]
    if explicit:
        result = np.empty(shape, dtype=object)
        for at in np.ndindex(*shape):
            result[at] = evaluate(array.at(*at), point)[()]
        return result
    at = [0 if d == 1 else Index("i", d) for d in array.shape]
    values = evaluate(array.at(*at), point, [i for i in at if isinstance(i, Index)])
    return values.reshape(shape)


def _compare(values: np.ndarray, expected: np.ndarray) -> None:
    assert values.shape == expected.shape
    if expected.dtype == np.bool_:
        assert values.tolist() == expected.tolist()
        return
    numbers = np.array([float(ball(v).mid()) for v in values.reshape(-1)])
    np.testing.assert_allclose(numbers, expected.reshape(-1), rtol=1e-12, atol=1e-15)


def _exact(entries: list[Fraction]) -> np.ndarray:
    result = np.empty(len(entries), dtype=object)
    result[:] = [rational(e) for e in entries]
    return result


def _size(lengths: list[int]) -> int:
    return int(np.prod(lengths))
