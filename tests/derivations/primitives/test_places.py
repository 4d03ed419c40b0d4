"""Entries at other places: cutting, joining, gathering, scattering."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from .holding import Case, Draw, Example, few, hold

MODES = ["clip", "fill", "promise_in_bounds"]


def _reshaped(draw: Draw) -> Example:
    old, new = draw(
        st.sampled_from(
            [
                ((2, 3, 4), (6, 4)),
                ((6, 4), (2, 3, 4)),
                ((4, 6), (2, 2, 3, 2)),
                ((2, 3, 4), (4, 6)),
                ((1, 4, 1), (2, 1, 2)),
                ((0, 3), (3, 0)),
            ]
        )
    )
    order = draw(st.sampled_from([None, tuple(range(len(old)))[::-1]]))
    return Example(lambda x: lax.reshape(x, new, order), [old])


def _sliced(draw: Draw) -> Example:
    start, stop = sorted(draw(st.lists(st.integers(0, 5), min_size=2, max_size=2, unique=True)))
    stride = draw(st.integers(1, 3))
    return Example(
        lambda x: lax.slice_in_dim(x, start, stop, stride, axis=1), [("n", 5)], symbolic=True
    )


def _padded(draw: Draw) -> Example:
    low, high, inner = draw(st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.integers(0, 2)))
    config = [(0, 0, 0), (low, high, inner)]
    return Example(
        lambda x: lax.pad(x, jnp.asarray(0.5, x.dtype), config), [("n", 3)], symbolic=True
    )


def _reversed(draw: Draw) -> Example:
    axes = draw(st.sampled_from([(0,), (1,), (0, 1)]))
    return Example(lambda x: lax.rev(x, axes), [("n", "k")], symbolic=True)


def _joined(draw: Draw) -> Example:
    lengths = draw(st.lists(st.integers(1, 3), min_size=2, max_size=3))
    return Example(
        lambda *xs: lax.concatenate(xs, 1), [("n", length) for length in lengths], symbolic=True
    )


def _split(draw: Draw) -> Example:
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=3))
    return Example(lambda x: lax.split(x, sizes, 1), [("n", sum(sizes))], symbolic=True)


def _stacked(draw: Draw) -> Example:
    axis = draw(st.integers(0, 2))
    return Example(lambda x, y: lax.stack([x, y, x], axis), [("n", "k")] * 2, symbolic=True)


def _unstacked(draw: Draw) -> Example:
    return Example(lambda x: lax.unstack(x, 1), [("n", 3)], symbolic=True)


def _tiled(draw: Draw) -> Example:
    reps = (1, draw(st.integers(2, 3)))
    return Example(lambda x: lax.tile(x, reps), [("n", 2)], symbolic=True)


def _constants(draw: Draw) -> Example:
    numbers = np.array(draw(st.lists(st.integers(-9, 9), min_size=6, max_size=6))) / 8
    return Example(lambda x: x @ numbers.reshape(2, 3), [("n", 2)], symbolic=True)


def _ranged(draw: Draw) -> Example:
    return Example(lambda x: x * lax.broadcasted_iota(x.dtype, x.shape, 1), [("n", "k")], "any",
                   symbolic=True)  # fmt: skip


# --- gathering ----------------------------------------------------------------------------------


def _gathered(draw: Draw) -> Example:
    numbers, rank, lengths, outer = draw(
        st.sampled_from(
            [
                # rows of a table; entries of it; windows in it
                (lax.GatherDimensionNumbers((1,), (0,), (0,)), 1, (1, 4), ()),
                (lax.GatherDimensionNumbers((0,), (1,), (1,)), 1, (3, 1), ()),
                (lax.GatherDimensionNumbers((), (0, 1), (0, 1)), 2, (1, 1), ()),
                (lax.GatherDimensionNumbers((1, 2), (), (1, 0)), 2, (2, 3), ()),
                (lax.GatherDimensionNumbers((0,), (0,), (1, 0)), 2, (1, 2), ()),
                # one index for each row
                (lax.GatherDimensionNumbers((), (1,), (1,), (0,), (0,)), 1, (1, 1), (3,)),
            ]
        )
    )
    batch = outer or tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=1)))
    mode = draw(st.sampled_from(MODES))
    low, high = (0, 1) if mode == "promise_in_bounds" else (-2, 5)
    count = int(np.prod([*batch, rank], dtype=int))
    known = np.array(draw(st.lists(st.integers(low, high), min_size=count, max_size=count)))
    indices = known.reshape(*batch, rank).astype(np.int32)
    if draw(st.booleans()):
        return Example(
            lambda x: lax.gather(x, jnp.asarray(indices), numbers, lengths, mode=mode), [(3, 4)]
        )._replace(function=_without_nan(numbers, lengths, mode, indices))
    return Example(
        lambda x, i: lax.gather(x, i, numbers, lengths, mode=mode),
        [(3, 4), (*batch, rank)],
        ["any", "index"],
    )


def _without_nan(numbers, lengths, mode, indices):
    return lambda x: lax.gather(
        x, jnp.asarray(indices), numbers, lengths, mode=mode, fill_value=0.25
    )


def _embedded(draw: Draw) -> Example:
    mode = draw(st.sampled_from([None, "clip", "fill"]))
    return Example(
        lambda w, i: jnp.take(w, i, axis=0, mode=mode),
        [("k", "m"), ("n",)],
        ["any", "index"],
        symbolic=True,
    )


def _along_axis(draw: Draw) -> Example:
    return Example(
        lambda x, i: jnp.take_along_axis(x, i[:, None], axis=1),
        [("n", "k"), ("n",)],
        ["any", "index"],
        symbolic=True,
    )


def _truths(draw: Draw) -> Example:
    return Example(lambda w, i: w[i], [("k",), ("n",)], ["bool", "index"], symbolic=True)


def _window(draw: Draw) -> Example:
    start = draw(st.integers(-3, 6))
    if draw(st.booleans()):
        return Example(
            lambda x: lax.dynamic_slice_in_dim(x, jnp.int32(start), 2, axis=1), [("n", 5)],
            symbolic=True,
        )  # fmt: skip
    return Example(
        lambda x, i: lax.dynamic_slice(x, (jnp.int32(0), i), (x.shape[0], 2)),
        [("n", 5), ()],
        ["any", "integer"],
        symbolic=True,
    )


def _one_row(draw: Draw) -> Example:
    row = draw(st.sampled_from([0, -1]))
    return Example(lambda x: x[row], [("n", "k")], symbolic=row == 0)


# --- scattering ---------------------------------------------------------------------------------


def _scattered(function, *, apart: bool = False) -> Case:
    def drawn(draw: Draw) -> Example:
        numbers, shape, rank = draw(
            st.sampled_from(
                [
                    (lax.ScatterDimensionNumbers((1,), (0,), (0,)), (2, 4), 1),
                    (lax.ScatterDimensionNumbers((0,), (1,), (1,)), (3, 2), 1),
                    (lax.ScatterDimensionNumbers((), (0, 1), (0, 1)), (2,), 2),
                    (lax.ScatterDimensionNumbers((1, 2), (), (1, 0)), (2, 2, 3), 2),
                ]
            )
        )
        mode = draw(st.sampled_from(["clip", "fill"]))
        count = 2 * rank
        known = draw(
            st.lists(st.integers(-1, 4), min_size=count, max_size=count)
            if not apart
            else st.permutations([0, 1, 2]).map(lambda p: [p[0]] * rank + [p[1]] * rank)
        )
        indices = jnp.asarray(known, jnp.int32).reshape(2, rank)
        if apart and numbers.update_window_dims == (1, 2):
            indices, shape = indices[:1], (1, 2, 3)
        if draw(st.booleans()):
            return Example(
                lambda x, u: function(x, indices, u, numbers, mode=mode), [(3, 4), shape]
            )
        inputs = [(3, 4), shape, indices.shape]
        if apart:
            inputs = [(3, 4), (1, *shape[1:]) if 0 not in numbers.update_window_dims else (3, 1),
                      (1, rank)]  # fmt: skip
        return Example(
            lambda x, u, i: function(x, i, u, numbers, mode=mode), inputs, ["any", "any", "index"]
        )

    return drawn


def _backwards(draw: Draw) -> Example:
    """The derivative of an embedding: rows are added where their labels say."""

    def function(w, i, dy):
        return jax.vjp(lambda w: jnp.take(w, i, axis=0), w)[1](dy)

    return Example(
        function, [("k", "m"), ("n",), ("n", "m")], ["any", "index", "any"], symbolic=True
    )


def _row_by_row(draw: Draw) -> Example:
    def function(x, i, dy):
        return jax.vjp(lambda x: jnp.take_along_axis(x, i[:, None], axis=1), x)[1](dy[:, None])

    return Example(function, [("n", "k"), ("n",), ("n",)], ["any", "index", "any"], symbolic=True)


def _written(draw: Draw) -> Example:
    start = draw(st.integers(-3, 6))
    if draw(st.booleans()):
        return Example(
            lambda x, y: lax.dynamic_update_slice_in_dim(x, y, start, axis=1),
            [("n", 5), ("n", 2)],
            symbolic=True,
        )
    return Example(
        lambda x, y, i: lax.dynamic_update_slice(x, y, (jnp.int32(0), i)),
        [("n", 5), ("n", 2), ()],
        ["any", "any", "integer"],
        symbolic=True,
    )


CASES: dict[str, list[Case]] = {
    "reshape": [_reshaped],
    "slice": [_sliced],
    "pad": [_padded],
    "rev": [_reversed],
    "concatenate": [_joined],
    "split": [_split],
    "stack": [_stacked],
    "unstack": [_unstacked],
    "tile": [_tiled],
    "dot_general": [_constants],
    "iota": [_ranged],
    "gather": [_gathered, _embedded, _along_axis, _truths],
    "dynamic_slice": [_window],
    "squeeze": [_one_row],
    "scatter": [_scattered(lax.scatter, apart=True)],
    "scatter-add": [_scattered(lax.scatter_add), _backwards, _row_by_row],
    "scatter-sub": [_scattered(lax.scatter_sub)],
    "scatter-mul": [_scattered(lax.scatter_mul)],
    "scatter-min": [_scattered(lax.scatter_min)],
    "scatter-max": [_scattered(lax.scatter_max)],
    "dynamic_update_slice": [_written],
}


@pytest.mark.parametrize(
    ("primitive", "case"), [(name, case) for name, cases in CASES.items() for case in cases]
)
@few
@given(data=st.data())
def test_read_as_jax_computes(primitive, case, data):
    hold(primitive, case, data.draw)
