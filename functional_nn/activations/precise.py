"""Activations to 1 ulp, value and derivative: by name, as they take longer than those of `RULES`.

Each is the activation of that name over the real numbers: definition, derivative and conventions
are the same, and so is what the backward pass keeps, `x`. In single precision it is computed in
pairs of floats, to some 26 bits, and rounded once, which takes two to eight times as long.
bfloat16 and float16 stay within 0.502 ulp, as they do without. In a network: `elementwise(rule)`.

Reference: T. J. Dekker, "A Floating-Point Technique for Extending the Available Precision",
Numerische Mathematik 18, 1971, sections 2 and 5.
"""

import math

import jax
import jax.numpy as jnp

from functional_nn.activations.algebraic import SOFT_SIGN, SQUAREPLUS
from functional_nn.activations.exponentials import SELU, SELU_ALPHA, SELU_SCALE
from functional_nn.activations.gelus import GELU, GELU_TANH
from functional_nn.activations.sigmoids import SIGMOID, TANH
from functional_nn.activations.silus import MISH, SILU
from functional_nn.approximations import Function, approximation, polynomial
from functional_nn.gelu_tails import CA, C
from functional_nn.pairs import (
    Pair,
    add,
    constant,
    divide,
    exponential,
    horner,
    multiply,
    negative,
    pair,
    rounded,
    scaled,
    select,
    square_root,
)
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule

_NEAR = 0.25  # how near to a root a series in the distance is used


def _precise(rule: Rule, value: Function, slope: Function) -> Rule:
    """Gives the rule of an activation with other code in single precision."""
    valued = approximation(rule.primal)(value)
    sloped = approximation(lambda x: rule.bwd(x, jnp.ones_like(x))[0])(slope)

    @rounded_once
    def primal(x: jax.Array) -> jax.Array:
        return valued(x)

    def fwd(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return primal(x), jnp.asarray(x)

    @rounded_once
    def bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
        return (dy * sloped(x),)

    primal.__name__ = f"precise_{rule.name}"
    return Rule(rule.name, primal, fwd, bwd, again=primal)


_TINY = 1e-20  # below this products are scaled: their second part would be no float


def _gated(x: jax.Array, gate: Pair, scale: jax.Array) -> jax.Array:
    """Gives `x` times a factor that is 0 far to the left and 1 far to the right."""
    unit = jnp.where(jnp.abs(x) < _TINY, 2.0**64, 1)
    y = rounded(multiply(pair(unit * jnp.clip(x, -150.0, 100.0)), gate)) / unit
    return jnp.where(x > 100, x, _signed(x, y * jnp.where(x < 0, scale, 1)))


def _signed(x: jax.Array, y: jax.Array) -> jax.Array:
    """Gives `y`, but the zero that `x` is: a sum of two parts loses the sign."""
    return jnp.where(x == 0, x, y)


# --- with the logistic function -----------------------------------------------------------------


def _exponential(a: jax.Array) -> tuple[Pair, Pair, jax.Array]:
    """Gives 1, `e^-a` for `a >= 0`, and what that is to be multiplied by."""
    return constant(1.0, a), *exponential(pair(-jnp.minimum(a, 150.0)))


def _logistic(x: jax.Array, e: Pair) -> Pair:
    """Gives `σ` of an argument with the sign of `x`, from the exponential of minus its size."""
    one = constant(1.0, x)
    return divide(select(x < 0, e, one), add(one, e))


def _sigmoid(x: jax.Array) -> jax.Array:
    _, e, scale = _exponential(jnp.abs(x))
    return rounded(_logistic(x, e)) * jnp.where(x < 0, scale, 1)


def _sigmoid_slope(x: jax.Array) -> jax.Array:
    return _logistic_slope(jnp.abs(x), 1.0)


def _logistic_slope(a: jax.Array, factor: float) -> jax.Array:
    one, e, scale = _exponential(a)
    bottom = add(one, e)
    return factor * rounded(divide(e, multiply(bottom, bottom))) * scale


# (tanh x - x)/x³ in x², for |x| < 1/4.
_TANH = (-1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925)


def _tanh(x: jax.Array) -> jax.Array:
    one, e, _ = _exponential(2 * jnp.abs(x))
    far = rounded(divide(add(one, negative(e)), add(one, e)))
    near = _signed(x, x + x * (x * x * polynomial(_TANH, x * x)))
    return jnp.where(jnp.abs(x) < _NEAR, near, jnp.where(x < 0, -far, far))


def _tanh_slope(x: jax.Array) -> jax.Array:
    return _logistic_slope(2 * jnp.abs(x), 4.0)


def _silu(x: jax.Array) -> jax.Array:
    _, e, scale = _exponential(jnp.abs(x))
    return _gated(x, _logistic(x, e), scale)


# A float near the root of a derivative, the root less that float, and the series of the factor that
# vanishes there, divided by the distance from the root.
_SILU = (
    -1.2784645557403564, 1.29792826502e-8,
    (1.2784645427610738, 0.13923227787017822),
    (0.046410758048295975, 0.011602689512073994, 0.0023205378092825413, 0.00038675632094964385,
     5.525090091396123e-05, 6.906362614245154e-06),
)  # fmt: skip


def _near(x: jax.Array, root: float, rest: float, first: tuple, series: tuple) -> Pair:
    d = pair(x - root, -rest)
    return multiply(d, horner(first, series, d))


def _silu_slope(x: jax.Array) -> jax.Array:
    one, e, scale = _exponential(jnp.abs(x))
    z = pair(jnp.clip(x, -150.0, 100.0))
    left = select(jnp.abs(x - _SILU[0]) < _NEAR, _near(x, *_SILU), add(one, z, e))
    right = add(one, multiply(e, add(one, z)))
    bottom = add(one, e)
    top = select(x < 0, multiply(e, left), right)
    s = rounded(divide(top, multiply(bottom, bottom))) * jnp.where(x < 0, scale, 1)
    return jnp.where(x == -jnp.inf, -0.0, s)


# --- mish -----------------------------------------------------------------------------------------

_MISH = (
    -1.1924312114715576, -3.04393759495e-9,
    (1.6019910200225137, 0.5658018589019775),
    (0.3215455710887909, 0.13945461809635162, 0.052133709192276, 0.017920633777976036,
     0.005811323877424002, 0.0017843812238425016, 0.0005167598137632012),
)  # fmt: skip


def _mish(x: jax.Array) -> jax.Array:
    one, e, scale = _exponential(jnp.abs(x))
    double = add(e, e)
    left = multiply(e, add(one, scaled(e, 0.5)))
    top = select(x < 0, left, add(one, double))
    bottom = add(one, select(x < 0, left, multiply(double, add(one, e))))
    return _gated(x, divide(top, bottom), scale)


def _mish_slope(x: jax.Array) -> jax.Array:
    one, e, scale = _exponential(jnp.abs(x))
    z = pair(jnp.clip(x, -150.0, 100.0))
    higher = add(z, constant(1.5, x))
    # With u = e^x as u (1 + x + u (x + 3/2 + u + u²/4)), or times e^-4x.
    inner = multiply(e, add(higher, e, multiply(scaled(e, 0.5), scaled(e, 0.5))))
    far = add(one, z, inner)
    left = multiply(e, select(jnp.abs(x - _MISH[0]) < _NEAR, _near(x, *_MISH), far))
    right = multiply(e, add(higher, multiply(e, add(one, z))))
    right = add(constant(0.25, x), multiply(e, add(one, right)))
    square = multiply(e, e)
    bottom = select(x < 0, add(one, e, scaled(square, 0.5)), add(scaled(one, 0.5), e, square))
    s = rounded(divide(select(x < 0, left, right), multiply(bottom, bottom)))
    return jnp.where(x == -jnp.inf, -0.0, s * jnp.where(x < 0, scale, 1))


# --- the gelus ------------------------------------------------------------------------------------

_END = 20.0  # where g is zero
# In w = (t - 3)/(t + 3), to 5e-10: (t + 3) Φ(-t) exp(t²/2), and (Φ(-t) - t φ(t)) exp(t²/2)/(r - t).
_TAIL = (
    (0.729083689776, -0.509331985546),
    (0.230017751, -0.0472628698, -0.0104634622, 0.00697062537, 0.00103047455, -0.00103509251,
     -0.000259392516, 0.000129044885, 6.79970399e-05, 7.34094738e-06),
)  # fmt: skip
_SLOPE = (
    (0.47829767768, -0.119975426188),
    (0.0535961166, -0.0140747949, 0.000203924297, 0.00109509844, -9.31487957e-05,
     -0.000129696069, 2.48908282e-06, 1.78638038e-05, 3.98012844e-06),
)  # fmt: skip
_ROOT, _ROOT_REST = 0.7517915368080139, -1.211444946e-8


def _slope_by_the_tail(x: jax.Array, slope: Pair, scale: jax.Array) -> jax.Array:
    right = rounded(add(constant(1.0, x), negative(slope)))
    s = jnp.where(x <= 0, rounded(slope) * scale, right)
    return jnp.where(jnp.isfinite(x), s, jnp.clip(x, -0.0, 1.0))


def _bell(t: Pair) -> tuple[Pair, jax.Array]:
    return exponential(negative(scaled(multiply(t, t), 0.5)))


def _place(t: Pair) -> Pair:
    three = constant(3.0, t.high)
    return divide(add(t, negative(three)), add(t, three))


def _gelu(x: jax.Array) -> jax.Array:
    t = pair(jnp.minimum(jnp.abs(x), _END))
    e, scale = _bell(t)
    tail = multiply(divide(horner(*_TAIL, _place(t)), add(t, constant(3.0, x))), e)
    return _gated(x, select(x < 0, tail, add(constant(1.0, x), negative(tail))), scale)


def _gelu_slope(x: jax.Array) -> jax.Array:
    t = pair(jnp.minimum(jnp.abs(x), _END))
    e, scale = _bell(t)
    d = add(constant(_ROOT, x), negative(t))
    d = pair(d.high, d.low + _ROOT_REST)
    return _slope_by_the_tail(x, multiply(multiply(d, horner(*_SLOPE, _place(t))), e), scale)


_GELU_TANH = (
    0.7524614334106445, -1.13396282728e-8,
    (-2.4606567646302394, -0.09991152584552765),
    (-0.40044769644737244, 0.0759589895606041, -0.03048599138855934, 0.011295231990516186,
     -0.0036903773434460163, 0.001152934622950852, -0.0003565119404811412,
     0.00010306811600457877),
)  # fmt: skip


def _decay(t: Pair) -> tuple[Pair, jax.Array]:
    """Gives `exp(-z)`, `z = C (t + A t³)`."""
    z = multiply(t, add(constant(C, t.high), multiply(constant(CA, t.high), multiply(t, t))))
    return exponential(negative(z))


def _gelu_tanh(x: jax.Array) -> jax.Array:
    t = pair(jnp.minimum(jnp.abs(x), _END))
    e, scale = _decay(t)
    return _gated(x, _logistic(x, e), scale)


def _gelu_tanh_slope(x: jax.Array) -> jax.Array:
    one, t = constant(1.0, x), pair(jnp.minimum(jnp.abs(x), _END))
    e, scale = _decay(t)
    growth = add(constant(C, x), multiply(constant(3 * CA, x), multiply(t, t)))
    far = add(one, e, negative(multiply(t, growth)))
    size = jnp.abs(x)
    factor = select(jnp.abs(size - _GELU_TANH[0]) < _NEAR, _near(size, *_GELU_TANH), far)
    bottom = add(one, e)
    slope = divide(multiply(e, factor), multiply(bottom, bottom))
    return _slope_by_the_tail(x, slope, scale)


# --- selu -----------------------------------------------------------------------------------------

_BOTH = SELU_SCALE * SELU_ALPHA
_SERIES = tuple(1 / math.factorial(n) for n in range(2, 10))  # (e^x - 1 - x)/x²


def _selu(x: jax.Array) -> jax.Array:
    one, e, _ = _exponential(jnp.maximum(-x, 0.0))
    # Such that neither the second part is lost, nor the first too large.
    unit = jnp.where(jnp.abs(x) < _TINY, 2.0**64, jnp.where(x > 1e30, 2.0**-64, 1))
    near = pair(unit * x, x * x * polynomial(_SERIES, x))
    left = select(x > -0.35, near, add(e, negative(one)))
    right = pair(unit * x)
    factor = select(x > 0, constant(SELU_SCALE, x), constant(_BOTH, x))
    y = rounded(multiply(factor, select(x > 0, right, left))) / unit
    return jnp.where(x == jnp.inf, x, _signed(x, y))


def _selu_slope(x: jax.Array) -> jax.Array:
    _, e, scale = _exponential(jnp.maximum(-x, 0.0))
    left = rounded(multiply(constant(_BOTH, x), e)) * scale
    return jnp.where(x > 0, SELU_SCALE, left)


# --- without an exponential -----------------------------------------------------------------------


def _soft_sign(x: jax.Array) -> jax.Array:
    a = jnp.minimum(jnp.abs(x), 1e10)
    y = rounded(divide(pair(a), add(constant(1.0, x), pair(a))))
    return jnp.where(a < _TINY, x, jnp.where(x < 0, -y, y))


def _soft_sign_slope(x: jax.Array) -> jax.Array:
    one = constant(1.0, x)
    s = divide(one, add(one, pair(jnp.minimum(jnp.abs(x), 1e25))))
    return _small_product(s, s)


def _small_product(a: Pair, b: Pair) -> jax.Array:
    """Gives a product whose second part may be no float, unless it is scaled."""
    return rounded(multiply(scaled(a, 2.0**32), scaled(b, 2.0**32))) * 2.0**-64


_LARGE = 1e6  # from here on √(x² + 4) is |x|, to all digits


def _half_sum(a: jax.Array) -> tuple[Pair, Pair]:
    """Gives `(a + √(a² + 4))/2` and the root."""
    t = pair(jnp.minimum(a, 1e25))
    small = pair(jnp.minimum(a, _LARGE))
    root = select(a < _LARGE, square_root(add(multiply(small, small), constant(4.0, a))), t)
    return scaled(add(t, root), 0.5), root


def _squareplus(x: jax.Array) -> jax.Array:
    a = jnp.abs(x)
    h, _ = _half_sum(a)
    y = rounded(select(x < 0, divide(constant(1.0, x), h), h))
    return jnp.where(a < _LARGE, y, jnp.where(x < 0, 1 / a, x))


def _squareplus_slope(x: jax.Array) -> jax.Array:
    h, root = _half_sum(jnp.abs(x))
    one = constant(1.0, x)
    return _small_product(select(x < 0, divide(one, h), h), divide(one, root))


# By the name of the operation; not in `functional_nn.RULES`, where that has its usual code.
PRECISE_RULES: dict[str, Rule] = {
    rule.name: _precise(rule, value, slope)
    for rule, value, slope in (
        (SIGMOID, _sigmoid, _sigmoid_slope),
        (TANH, _tanh, _tanh_slope),
        (SILU, _silu, _silu_slope),
        (MISH, _mish, _mish_slope),
        (GELU, _gelu, _gelu_slope),
        (GELU_TANH, _gelu_tanh, _gelu_tanh_slope),
        (SELU, _selu, _selu_slope),
        (SOFT_SIGN, _soft_sign, _soft_sign_slope),
        (SQUAREPLUS, _squareplus, _squareplus_slope),
    )
}
