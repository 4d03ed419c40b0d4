"""Activations against many digits: units in the last place, and what happens at the extremes."""

import jax
import jax.numpy as jnp
import ml_dtypes
import mpmath
import numpy as np
import pytest

import functional_nn as fnn

mp = mpmath.mp.clone()
mp.dps = 60
SCALE = mp.mpf("1.0507009873554804934193349852946")
ALPHA = mp.mpf("1.6732632423543772848170429916717")


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def gelu_tanh(x):
    return x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))


TRUTH = {
    "sigmoid": sigmoid,
    "tanh": mp.tanh,
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * mp.tanh(mp.log1p(mp.exp(x))),
    "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "gelu_tanh": gelu_tanh,
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "celu": lambda x: x if x > 0 else mp.expm1(x),
    "selu": lambda x: SCALE * (x if x > 0 else ALPHA * mp.expm1(x)),
    "soft_sign": lambda x: x / (1 + abs(x)),
    "squareplus": lambda x: (x + mp.sqrt(x * x + 4)) / 2,
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "hard_sigmoid": lambda x: min(max(x + 3, 0), 6) / 6,
    "hard_silu": lambda x: x * min(max(x + 3, 0), 6) / 6,
}
# In float32, for the value and the derivative; the exhaustive maxima are a little below.
FIGURES = {
    "sigmoid": (3, 3), "tanh": (5, 3), "softplus": (3, 3), "log_sigmoid": (3, 3), "silu": (6, 6),
    "mish": (6, 6), "gelu": (6, 6), "gelu_tanh": (6, 6), "elu": (3, 3), "celu": (3, 3),
    "selu": (3, 3), "soft_sign": (3, 3), "squareplus": (6, 6), "leaky_relu": (1, 1),
    "hard_sigmoid": (2, 1), "hard_silu": (3, 3),
}  # fmt: skip
ROOTS = {"silu": -1.2784645, "mish": -1.1924312, "gelu": -0.7517915, "gelu_tanh": -0.7524614,
         "hard_silu": -1.5}  # fmt: skip


def both(rule, x):
    """Gives the value and the derivative."""
    y, residual = rule.fwd(x)
    return y, rule.bwd(residual, jnp.ones_like(y))[0]


def points(name):
    """Draws inputs over all exponents, in the tails, and next to the root of the derivative."""
    random = np.random.default_rng(0)
    drawn = [
        random.choice([-1, 1], 60) * 2.0 ** random.uniform(-126, 127, 60),
        3 * random.standard_normal(60),
        random.uniform(-105, -60, 40),
        random.uniform(-16, -3, 40),
        random.uniform(3, 20, 30),
    ]
    if name in ROOTS:
        root = np.float32(ROOTS[name]).view(np.int32)
        near = root + random.integers(-40, 40, 20, dtype=np.int32)
        drawn.append(near.view(np.float32).astype(np.float64))
    return np.concatenate(drawn).astype(np.float32)


def units(found, truth, dtype):
    """Gives the error in units in the last place of the truth, where that is a normal number."""
    info = ml_dtypes.finfo(dtype)
    if not float(info.tiny) <= abs(truth) <= float(info.max):
        return 0.0
    assert found != 0, "a wrong zero"
    exponent = mp.floor(mp.log(abs(truth), 2))
    return float(abs(mp.mpf(float(found)) - truth) / mp.mpf(2) ** (exponent - info.nmant))


def slope(name, x):
    """Gives the derivative, from the left at a kink; far out without a difference that vanishes."""
    truth = TRUTH[name]
    with mp.workdps(200):
        step = mp.mpf(10) ** -60 * max(1, abs(x))
        return (truth(x) - truth(x - step)) / step


@pytest.mark.parametrize("name", TRUTH)
def test_single_precision_keeps_its_figure(name):
    x = points(name)
    value, derivative = map(np.asarray, jax.jit(lambda x: both(fnn.RULES[name], x))(x))
    worst = [0.0, 0.0]
    with mp.workdps(200):
        for i, at in enumerate(map(mp.mpf, x.tolist())):
            worst[0] = max(worst[0], units(value[i], TRUTH[name](at), np.float32))
            worst[1] = max(worst[1], units(derivative[i], slope(name, at), np.float32))
    assert worst[0] <= FIGURES[name][0]
    assert worst[1] <= FIGURES[name][1]


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", TRUTH)
def test_short_floats_are_rounded_once(name, dtype):
    """Computed in float32, which the test above holds to its figure, and rounded at the end."""
    x = np.arange(2**16, dtype=np.uint16).view(dtype)
    wide, short = jax.jit(lambda x: (both(fnn.RULES[name], x.astype(jnp.float32)),
                                     both(fnn.RULES[name], x)))(x)  # fmt: skip
    for right, found in zip(wide, short, strict=True):
        assert found.dtype == dtype
        right = right.astype(dtype).astype(jnp.float32)
        np.testing.assert_array_equal(found.astype(jnp.float32), right)


INF, NAN, MAX = np.inf, np.nan, float(np.finfo(np.float32).max)
AT = (0.0, -0.0, INF, -INF, NAN, MAX, -MAX)
L2 = float(np.float32(np.log(2)))
SLOPE = float(np.float32(SCALE * ALPHA))
GATED = (0.0, -0.0, INF, -0.0, NAN, MAX, -0.0)
EXTREMES = {
    "relu": ((0.0, 0.0, INF, 0.0, NAN, MAX, 0.0), (0, 0, 1, 0, NAN, 1, 0)),
    "sigmoid": ((0.5, 0.5, 1, 0, NAN, 1, 0), (0.25, 0.25, 0, 0, NAN, 0, 0)),
    "tanh": ((0.0, -0.0, 1, -1, NAN, 1, -1), (1, 1, 0, 0, NAN, 0, 0)),
    "softplus": ((L2, L2, INF, 0, NAN, MAX, 0), (0.5, 0.5, 1, 0, NAN, 1, 0)),
    "log_sigmoid": ((-L2, -L2, -0.0, -INF, NAN, -0.0, -MAX), (0.5, 0.5, 0, 1, NAN, 0, 1)),
    "silu": (GATED, (0.5, 0.5, 1, -0.0, NAN, 1, -0.0)),
    "gelu": (GATED, (0.5, 0.5, 1, -0.0, NAN, 1, -0.0)),
    "gelu_tanh": (GATED, (0.5, 0.5, 1, -0.0, NAN, 1, -0.0)),
    "mish": (GATED, (0.6, 0.6, 1, -0.0, NAN, 1, -0.0)),
    "elu": ((0.0, -0.0, INF, -1, NAN, MAX, -1), (1, 1, 1, 0, NAN, 1, 0)),
    "selu": (
        (0.0, -0.0, INF, -SLOPE, NAN, INF, -SLOPE),
        (SLOPE, SLOPE, float(SCALE), 0, NAN, float(SCALE), 0),
    ),
    "soft_sign": ((0.0, -0.0, 1, -1, NAN, 1, -1), (1, 1, 0, 0, NAN, 0, 0)),
    "squareplus": ((1, 1, INF, 0, NAN, MAX, 0), (0.5, 0.5, 1, 0, NAN, 1, 0)),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes(name):
    with np.errstate(all="ignore"):
        found = jax.jit(lambda x: both(fnn.RULES[name], x))(np.asarray(AT, np.float32))
    for values, right in zip(map(np.asarray, found), EXTREMES[name], strict=True):
        np.testing.assert_allclose(values, right, rtol=1e-7)
        zero = np.asarray(right) == 0
        np.testing.assert_array_equal(np.signbit(values[zero]), np.signbit(right)[zero])
