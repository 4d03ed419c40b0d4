"""Every family of primitives on whole numbers, where JAX's float64 is exact: the same residues."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend import core

from derivations.modular import fields as ff
from derivations.modular.compare import _traced
from derivations.modular.degree import VARIABLE
from derivations.modular.execute import closed
from derivations.modular.trial import Trial
from derivations.modular.value import Value
from derivations.trace import double_precision

PLACES = np.array([[2, 0], [1, 3], [0, 0]])
POLYNOMIALS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y - 3.0,
    "mul": lambda x, y: -x * y * 2.5,
    "powers": lambda x, y: x**3 + y**2,
    "square": lambda x, y: jnp.square(x) - lax.square(y),
    "div": lambda x, y: x / 8.0 + y / 4.0,
    "sum": lambda x, y: x.sum(0) + y.sum(),
    "mean": lambda x, y: x.mean(0),
    "prod": lambda x, y: x[:2, :3].prod(1),
    "dot": lambda x, y: x @ y.T,
    "batched dot": lambda x, y: jnp.einsum("ij,ik->ijk", x, y),
    "contracted twice": lambda x, y: jnp.einsum("ij,ij->", x, y),
    "outer": lambda x, y: jnp.einsum("ij,kl->ijkl", x, y),
    "transpose": lambda x, y: x.T * 2,
    "reshape": lambda x, y: x.reshape(4, 3) @ y.reshape(3, 4),
    "squeeze": lambda x, y: x[:, None].squeeze(1),
    "reverse": lambda x, y: x[::-1] + y[:, ::-1],
    "slice": lambda x, y: x[1:, ::2],
    "concatenate": lambda x, y: jnp.concatenate([x, y], 1),
    "stack": lambda x, y: jnp.stack([x, y]),
    "split": lambda x, y: jnp.split(x, 2, 1)[1],
    "tile": lambda x, y: jnp.tile(x, (2, 1)),
    "pad": lambda x, y: lax.pad(x, 7.0, ((1, 0, 1), (0, -1, 0))),
    "gather": lambda x, y: x[PLACES[:, 0]] + y[PLACES[:, 0], PLACES[:, 1]][:, None],
    "take": lambda x, y: jnp.take(x, PLACES, axis=1),
    "scatter": lambda x, y: x.at[1].set(y[0]),
    "scatter-add": lambda x, y: x.at[PLACES[:, 1]].add(y),
    "scatter-sub": lambda x, y: x.at[PLACES[:, 1]].subtract(y),
    "dynamic slice": lambda x, y: lax.dynamic_slice(x, (1, 5), (2, 2)),
    "dynamic update": lambda x, y: lax.dynamic_update_slice(x, y[:2, :2], (1, 1)),
    "cumsum": lambda x, y: jnp.cumsum(x, 1) + lax.cumsum(y, 0, reverse=True),
    "cumprod": lambda x, y: jnp.cumprod(x[:, :3], 1),
    "cummax": lambda x, y: lax.cummax(x, 0) + lax.cummin(y, 1, reverse=True),
    "max": lambda x, y: jnp.maximum(x, y) - jnp.minimum(x, 1.0),
    "abs": lambda x, y: jnp.abs(x) * jnp.sign(y),
    "where": lambda x, y: jnp.where(x > y, x * y, 3.0),
    "clip": lambda x, y: jnp.clip(x, -2.5, 2.5),
    "logic": lambda x, y: jnp.where((x > 0) & ~(y > 0), x, y),
    "masked": lambda x, y: jnp.where(jnp.tril(jnp.ones(x.shape, bool)), x, 0.0),
    "max of a row": lambda x, y: x.max(1) + y.min(0)[0],
    "argmax": lambda x, y: y[jnp.arange(3), x.argmax(1)],
    "sort": lambda x, y: jnp.sort(x, 1) - jnp.sort(y, 0),
    "argsort": lambda x, y: jnp.take_along_axis(y, jnp.argsort(x, 1), 1),
    "top k": lambda x, y: lax.top_k(x, 2)[0],
    "window sum": lambda x, y: lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 1), "SAME"),
    "window max": lambda x, y: lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (1, 2), "SAME"),
    "max pool, backwards": lambda x, y: jax.grad(
        lambda a: lax.reduce_window(a, -jnp.inf, lax.max, (1, 2), (1, 2), "VALID").sum()
    )(x * 1.0),
    "convolution": lambda x, y: lax.conv(
        x[None, None], y[None, None, :2, :3], (1, 1), "SAME"
    ),
    "scan": lambda x, y: lax.scan(lambda c, r: (c + r, c * r), x[0], y)[1],
    "scan backwards": lambda x, y: lax.scan(
        lambda c, r: (c - r, c), x[0], y, reverse=True
    )[1],
    "while": lambda x, y: lax.while_loop(
        lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] + y), (0, x)
    )[1],
    "fori": lambda x, y: lax.fori_loop(0, 4, lambda i, s: s + i * y, x),
    "cond": lambda x, y: lax.cond(x[0, 0] > 100.0, lambda: x, lambda: y * 2.0),
    "switch": lambda x, y: lax.switch(1, [lambda: x, lambda: y, lambda: x + y]),
    "jit": lambda x, y: jax.jit(lambda a: a * 3.0)(x),
    "remat": lambda x, y: jax.grad(lambda a: jax.checkpoint(lambda b: b**3)(a).sum())(x),
    "floor": lambda x, y: jnp.floor(x + 0.25) + jnp.ceil(y - 0.25),
    "whole numbers": lambda x, y: x * jnp.arange(4) + (jnp.arange(4) % 3),
    "one hot": lambda x, y: jax.nn.one_hot(PLACES[:, 0], 4, dtype=x.dtype) * y,
    "remainder": lambda x, y: lax.rem(x + 0.25, 7.0) * y,
    "rounded to whole": lambda x, y: (x + 0.25).astype(jnp.int32) * y,
}  # fmt: skip
QUOTIENTS = {
    "div": lambda x, y: x / y,
    "reciprocal": lambda x, y: 1 / (x * x + 1.0),
    "negative powers": lambda x, y: x**-2 + lax.integer_pow(y, -1),
    "harmonic mean": lambda x, y: 1 / (1 / x[:2]).sum(0),
}


def executed(function, x: np.ndarray, y: np.ndarray) -> tuple[Trial, Value, np.ndarray]:
    """Executes a function at whole numbers, whose residues are their own."""
    with (
        double_precision(),
        jax.numpy_rank_promotion("allow"),
    ):
        program = _traced(function, tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x, y)))
        trial = Trial(0)
        trial.fields = tuple(ff.draw_field(trial.draw) for _ in range(2))
        inputs = [
            Value(a, tuple(ff.reduced(a.astype(np.int64), f) for f in trial.fields), VARIABLE)
            for a in (x, y)
        ]
        (value,) = closed(trial, program, inputs)
        (expected,) = core.jaxpr_as_fun(program)(x, y)
    if not value.real:
        value = trial.whole(value.shadow)
    return trial, value, np.asarray(expected, np.float64)


def inputs(largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives different whole numbers, none of them zero."""
    draw = np.random.default_rng(5)
    numbers = np.concatenate([np.arange(-largest, 0), np.arange(1, largest + 1)]).astype(float)
    x, y = draw.permutation(numbers)[:24].reshape(2, 3, 4)
    return x, y


def holds(function, largest: int, denominator: int) -> None:
    trial, value, expected = executed(function, *inputs(largest))
    assert value.shadow.shape == expected.shape
    np.testing.assert_allclose(value.shadow, expected, rtol=1e-12)
    for r, f in zip(value.residues, trial.fields, strict=True):
        exact = [
            ff.of_fraction(Fraction(v).limit_denominator(denominator), f)
            for v in expected.reshape(-1).tolist()
        ]
        assert np.broadcast_to(r, expected.shape).reshape(-1).tolist() == exact


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name: str):
    holds(POLYNOMIALS[name], 40, 8)


@pytest.mark.parametrize("name", QUOTIENTS)
def test_quotients(name: str):
    holds(QUOTIENTS[name], 12, 200_000)
