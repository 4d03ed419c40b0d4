"""Along axes: reductions, running sums, windows, convolutions, sorting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from .holding import Case, Draw, Example, few, hold

# --- reductions ---------------------------------------------------------------------------------


def _reduced(function, domain="any", *, symbolic=False) -> Case:
    def drawn(draw: Draw) -> Example:
        axes = draw(st.sampled_from([(0,), (1,), (0, 1)]))
        return Example(lambda x: function(x, axis=axes), [("n", "k")], domain, symbolic)

    return drawn


def _empty(draw: Draw) -> Example:
    return Example(lambda x: jnp.prod(x, axis=0) + jnp.sum(x), [(0, 3)])


def _parity(x, axis):
    return lax.reduce_xor(x, axes=axis)


def _placed(function, domain="any") -> Case:
    def drawn(draw: Draw) -> Example:
        axis = draw(st.integers(0, 1))
        return Example(lambda x: function(x, axis=axis), [("n", 3)], domain)

    return drawn


def _by_hand(draw: Draw) -> Example:
    def function(x):
        zero, one = jnp.asarray(0.0, x.dtype), jnp.asarray(1.0, x.dtype)
        return lax.reduce(
            (x, x), (zero, one), lambda a, b: (a[0] + b[0], a[1] * b[1]), (draw_axis,)
        )

    draw_axis = draw(st.integers(0, 1))
    return Example(function, [(2, 3)])


def _running(function, *, symbolic=False) -> Case:
    def drawn(draw: Draw) -> Example:
        axis, reverse = draw(st.integers(0, 1)), draw(st.booleans())
        return Example(
            lambda x: function(x, axis=axis, reverse=reverse), [("n", "k")], "any", symbolic
        )

    return drawn


# --- windows ------------------------------------------------------------------------------------


def _window(draw: Draw):
    padding = draw(st.sampled_from(["VALID", "SAME", [(0, 0), (0, 1)], [(1, 0), (2, 1)]]))
    base = (1, draw(st.integers(1, 2)))
    gaps = (1, draw(st.integers(1, 2)))
    return (draw(st.integers(1, 2)), 2), (1, draw(st.integers(1, 2))), padding, base, gaps


def _pooled(start: float, function) -> Case:
    def drawn(draw: Draw) -> Example:
        lengths, strides, padding, base, gaps = _window(draw)
        return Example(
            lambda x: lax.reduce_window(
                x, np.float64(start), function, lengths, strides, padding, base, gaps
            ),
            [(3, 4)],
        )

    return drawn


def _pooled_rows(draw: Draw) -> Example:
    return Example(
        lambda x: lax.reduce_window(x, np.float64(0), lax.add, (1, 2), (1, 2), "VALID"),
        [("n", 4)],
        symbolic=True,
    )


def _unpooled(draw: Draw) -> Example:
    lengths, strides, padding, _, _ = _window(draw)
    start, function = draw(st.sampled_from([(-np.inf, lax.max), (np.inf, lax.min)]))

    def pooled(x):
        return lax.reduce_window(x, np.float64(start), function, lengths, strides, padding)

    shape = jax.eval_shape(pooled, jax.ShapeDtypeStruct((3, 4), jnp.float32)).shape
    return Example(lambda x, dy: jax.vjp(pooled, x)[1](dy), [(3, 4), shape])


def _pooled_forward(draw: Draw) -> Example:
    lengths, strides, padding, _, _ = _window(draw)

    def pooled(x):
        # The order of a window's entries matters at ties.
        apart = np.arange(12.0).reshape(3, 4) / 64
        return lax.reduce_window(x + apart, -np.inf, lax.max, lengths, strides, padding)

    return Example(lambda x, dx: jax.jvp(pooled, (x,), (dx,))[1], [(3, 4)] * 2)


def _convolved(draw: Draw) -> Example:
    features, batches = draw(st.sampled_from([(1, 1), (2, 1), (1, 2)]))
    layout = draw(st.sampled_from([("NCHW", "OIHW", "NCHW"), ("NHWC", "HWIO", "NHWC")]))
    strides = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    inner = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    outer = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = draw(st.sampled_from([[(0, 0), (0, 0)], [(1, 2), (0, 1)], [(1, 0), (2, -1)]]))
    x, w = (2 * batches, 2 * features, 3, 4), (4, 2, 2, 2)
    if layout[0] == "NHWC":
        x, w = (x[0], x[2], x[3], x[1]), (w[2], w[3], w[1], w[0])

    def function(x, w):
        return lax.conv_general_dilated(
            x, w, strides, padding, inner, outer, layout, features, batches
        )

    return Example(function, [x, w])


def _convolved_backwards(draw: Draw) -> Example:
    groups = draw(st.sampled_from([1, 2]))
    strides, dilation = draw(st.sampled_from([((1,), (2,)), ((2,), (1,))]))

    def convolved(x, w):
        return lax.conv_general_dilated(
            x, w, strides, "SAME", rhs_dilation=dilation, feature_group_count=groups
        )

    shapes = [(2, 2, 4), (2, 2 // groups, 2)]
    avals = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    dy = jax.eval_shape(convolved, *avals).shape
    return Example(lambda x, w, dy: jax.vjp(convolved, x, w)[1](dy), [*shapes, dy])


# --- sorting ------------------------------------------------------------------------------------


def _sorted(draw: Draw) -> Example:
    axis = draw(st.integers(0, 1))
    return Example(lambda x: lax.sort(x, axis), [(3, 3)])


def _sorted_together(draw: Draw) -> Example:
    keys = draw(st.integers(1, 2))
    return Example(lambda *xs: lax.sort(xs, 0, num_keys=keys), [(3, 2)] * 3,
                   [draw(st.sampled_from(["index", "bool", "any"])), "index", "any"])  # fmt: skip


def _sorted_by_known(draw: Draw) -> Example:
    numbers = np.array(draw(st.lists(st.integers(-3, 3), min_size=8, max_size=8))) / 2
    return Example(lambda x: lax.sort((jnp.asarray(numbers), x), 0, num_keys=1), [(8,)])


def _ordered(draw: Draw) -> Example:
    return Example(lambda x: x[jnp.argsort(x)], [(3,)])


def _topmost(draw: Draw) -> Example:
    k = draw(st.integers(1, 3))
    return Example(lambda x: lax.top_k(x, k), [(2, 3)])


def _median(draw: Draw) -> Example:
    return Example(lambda x: jax.grad(jnp.median)(x), [(draw(st.integers(2, 4)),)])


CASES: dict[str, list[Case]] = {
    "reduce_prod": [_reduced(jnp.prod), _empty],
    "reduce_and": [_reduced(jnp.all, "bool", symbolic=True)],
    "reduce_or": [_reduced(jnp.any, "bool", symbolic=True)],
    "reduce_xor": [_reduced(_parity, "bool")],
    "reduce_max": [_reduced(jnp.max, "integer"), _reduced(jnp.max, "bool")],
    "reduce_min": [_reduced(jnp.min, "integer")],
    "reduce_sum": [_reduced(jnp.sum, "integer", symbolic=True)],
    "argmax": [_placed(jnp.argmax), _placed(jnp.argmax, "bool"), _placed(jnp.argmax, "integer")],
    "argmin": [_placed(jnp.argmin)],
    "reduce": [_by_hand],
    "cumsum": [_running(lax.cumsum, symbolic=True)],
    "cumlogsumexp": [_running(lax.cumlogsumexp, symbolic=True)],
    "cumprod": [_running(lax.cumprod)],
    "cummax": [_running(lax.cummax)],
    "cummin": [_running(lax.cummin)],
    "reduce_window_sum": [_pooled(0.0, lax.add), _pooled_rows],
    "reduce_window_max": [_pooled(-np.inf, lax.max)],
    "reduce_window_min": [_pooled(np.inf, lax.min)],
    "reduce_window": [_pooled(1.0, lax.mul)],
    "select_and_scatter_add": [_unpooled],
    "select_and_gather_add": [_pooled_forward],
    "conv_general_dilated": [_convolved, _convolved_backwards],
    "sort": [_sorted, _sorted_together, _sorted_by_known, _ordered, _median],
    "top_k": [_topmost],
}


@pytest.mark.filterwarnings("ignore:Using reduced precision for gradient of reduce-window")  # a GPU
@pytest.mark.parametrize(
    ("primitive", "case"), [(name, case) for name, cases in CASES.items() for case in cases]
)
@few
@given(data=st.data())
def test_read_as_jax_computes(primitive, case, data):
    hold(primitive, case, data.draw)
