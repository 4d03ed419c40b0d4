"""JAX's primitives in NumPy: what they give, and the slopes of the element-wise ones.

For the many small runs of a hint: calling XLA for each would take seconds.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Params = Mapping[str, Any]

_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])
_HALF_ROOT_PI = 2 / math.sqrt(math.pi)


def _logistic(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _log1p(x: Any) -> Any:
    return np.log1p(x)


_PLAIN: dict[str, Callable[..., Any]] = {
    "neg": np.negative, "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "abs": np.abs,
    "exp": np.exp, "exp2": np.exp2, "log": np.log, "expm1": np.expm1, "log1p": np.log1p,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh,
    "cosh": np.cosh, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "atan2": np.arctan2,
    "sqrt": np.sqrt, "cbrt": np.cbrt, "square": np.square, "pow": np.power, "add": np.add,
    "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "max": np.maximum,
    "min": np.minimum, "rem": np.fmod, "is_finite": np.isfinite, "eq": np.equal,
    "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "erf": _erf, "erfc": _erfc, "logistic": _logistic,
    "rsqrt": lambda x: 1 / np.sqrt(x), "exp_neg_sq": lambda x: np.exp(-x * x),
    "one_minus_square": lambda x: 1 - x * x, "stop_gradient": lambda x: x, "copy": lambda x: x,
    "copy_p": lambda x: x,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
    "not": lambda a: ~a,
}  # fmt: skip


def _integer_div(a: Any, b: Any) -> Any:
    if np.issubdtype(np.asarray(a).dtype, np.integer):
        return np.trunc(np.asarray(a) / np.asarray(b))
    return np.divide(a, b)


def _broadcast(params: Params, x: Any, *_: Any) -> Any:
    shape = [1] * len(params["shape"])
    for axis, place in enumerate(params["broadcast_dimensions"]):
        shape[place] = x.shape[axis]
    return np.broadcast_to(x.reshape(shape), params["shape"])


def _dot(params: Params, a: Any, b: Any) -> Any:
    (left, right), (batch_left, batch_right) = params["dimension_numbers"]
    names_a = list(range(a.ndim))
    names_b = list(range(a.ndim, a.ndim + b.ndim))
    for i, j in (*zip(left, right, strict=True), *zip(batch_left, batch_right, strict=True)):
        names_b[j] = names_a[i]
    out = [names_a[i] for i in batch_left]
    out += [n for i, n in enumerate(names_a) if i not in (*left, *batch_left)]
    out += [n for i, n in enumerate(names_b) if i not in (*right, *batch_right)]
    return np.einsum(a, names_a, b, names_b, out)


def _select(_: Params, which: Any, *cases: Any) -> Any:
    if which.dtype == bool:
        return np.where(which, cases[1], cases[0])
    return np.choose(which, cases)


def _slice(params: Params, x: Any) -> Any:
    strides = params["strides"] or (1,) * x.ndim
    bounds = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return x[tuple(slice(a, b, s) for a, b, s in bounds)]


def _iota(params: Params) -> Any:
    shape, axis = params["shape"], params["dimension"]
    line = np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return np.broadcast_to(line, shape)


def _cumulative(run: Callable[..., Any]) -> Callable[..., Any]:
    def apply(params: Params, x: Any) -> Any:
        axis = params["axis"]
        if params["reverse"]:
            return np.flip(run(np.flip(x, axis), axis=axis), axis)
        return run(x, axis=axis)

    return apply


def _over(run: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, x: run(x, axis=tuple(params["axes"]))


def _integer_pow(params: Params, x: Any) -> Any:
    return np.asarray(x, dtype=np.float64) ** params["y"]


VALUES: dict[str, Callable[..., Any]] = {
    **{name: (lambda _, *a, f=f: f(*a)) for name, f in _PLAIN.items()},
    "div": lambda _, a, b: _integer_div(a, b),
    "integer_pow": _integer_pow,
    "broadcast_in_dim": _broadcast,
    "dot_general": _dot,
    "select_n": _select,
    "slice": _slice,
    "iota": lambda params: _iota(params),
    "reshape": lambda params, x, *_: x.reshape(params["new_sizes"]),
    "squeeze": lambda params, x: np.squeeze(x, tuple(params["dimensions"])),
    "expand_dims": lambda params, x: np.expand_dims(x, tuple(params["dimensions"])),
    "transpose": lambda params, x: np.transpose(x, params["permutation"]),
    "rev": lambda params, x: np.flip(x, tuple(params["dimensions"])),
    "concatenate": lambda params, *xs: np.concatenate(xs, axis=params["dimension"]),
    "convert_element_type": lambda params, x: np.asarray(x, dtype=params["new_dtype"]),
    "reduce_sum": _over(np.sum),
    "reduce_max": _over(np.max),
    "reduce_min": _over(np.min),
    "reduce_prod": _over(np.prod),
    "reduce_and": _over(np.all),
    "reduce_or": _over(np.any),
    "argmax": lambda params, x: np.argmax(x, axis=params["axes"][0]),
    "argmin": lambda params, x: np.argmin(x, axis=params["axes"][0]),
    "cumsum": _cumulative(np.cumsum),
    "cumprod": _cumulative(np.cumprod),
    "cummax": _cumulative(np.maximum.accumulate),
    "cummin": _cumulative(np.minimum.accumulate),
}

# Linear in each float operand by itself: its Jacobian is what it makes of the unit arrays.
LINEAR = frozenset(
    ["broadcast_in_dim", "dot_general", "slice", "reshape", "squeeze", "expand_dims", "transpose",
     "rev", "concatenate", "convert_element_type", "reduce_sum", "cumsum", "copy", "copy_p",
     "pad", "dynamic_slice", "gather", "scatter-add", "conv_general_dilated",
     "reduce_window_sum", "dynamic_update_slice", "split"]
)  # fmt: skip

# Step outputs whose cotangents go nowhere.
FLAT = frozenset(
    ["stop_gradient", "sign", "floor", "ceil", "round", "is_finite", "eq", "ne", "lt", "le", "gt",
     "ge", "argmax", "argmin", "iota", "and", "or", "xor", "not"]
)  # fmt: skip

Slope = Callable[..., tuple[Any, ...]]
# From the parameters, the output and the operands to one slope for each operand.
SLOPES: dict[str, Slope] = {
    "neg": lambda p, y, x: (-np.ones_like(y),),
    "exp": lambda p, y, x: (y,),
    "exp2": lambda p, y, x: (y * math.log(2),),
    "log": lambda p, y, x: (1 / x,),
    "expm1": lambda p, y, x: (y + 1,),
    "log1p": lambda p, y, x: (1 / (1 + x),),
    "sin": lambda p, y, x: (np.cos(x),),
    "cos": lambda p, y, x: (-np.sin(x),),
    "tan": lambda p, y, x: (1 + y * y,),
    "tanh": lambda p, y, x: (1 - y * y,),
    "sinh": lambda p, y, x: (np.cosh(x),),
    "cosh": lambda p, y, x: (np.sinh(x),),
    "asin": lambda p, y, x: (1 / np.sqrt(1 - x * x),),
    "acos": lambda p, y, x: (-1 / np.sqrt(1 - x * x),),
    "atan": lambda p, y, x: (1 / (1 + x * x),),
    "asinh": lambda p, y, x: (1 / np.sqrt(1 + x * x),),
    "acosh": lambda p, y, x: (1 / np.sqrt(x * x - 1),),
    "atanh": lambda p, y, x: (1 / (1 - x * x),),
    "atan2": lambda p, y, a, b: (b / (a * a + b * b), -a / (a * a + b * b)),
    "sqrt": lambda p, y, x: (0.5 / y,),
    "rsqrt": lambda p, y, x: (-0.5 * y / x,),
    "cbrt": lambda p, y, x: (y / (3 * x),),
    "abs": lambda p, y, x: (np.sign(x),),
    "square": lambda p, y, x: (2 * x,),
    "integer_pow": lambda p, y, x: (p["y"] * np.asarray(x, np.float64) ** (p["y"] - 1),),
    "pow": lambda p, y, a, b: (b * y / a, y * np.log(np.where(a > 0, a, 1.0))),
    "add": lambda p, y, a, b: (np.ones_like(y), np.ones_like(y)),
    "add_any": lambda p, y, a, b: (np.ones_like(y), np.ones_like(y)),
    "sub": lambda p, y, a, b: (np.ones_like(y), -np.ones_like(y)),
    "mul": lambda p, y, a, b: (b + 0 * y, a + 0 * y),
    "div": lambda p, y, a, b: (1 / b + 0 * y, -y / b),
    "max": lambda p, y, a, b: ((a >= b) + 0 * y, (b > a) + 0 * y),
    "min": lambda p, y, a, b: ((a <= b) + 0 * y, (b < a) + 0 * y),
    "rem": lambda p, y, a, b: (np.ones_like(y), -np.trunc(a / b)),
    "erf": lambda p, y, x: (_HALF_ROOT_PI * np.exp(-x * x),),
    "erfc": lambda p, y, x: (-_HALF_ROOT_PI * np.exp(-x * x),),
    "logistic": lambda p, y, x: (y * (1 - y),),
    "exp_neg_sq": lambda p, y, x: (-2 * x * y,),
    "one_minus_square": lambda p, y, x: (-2 * x,),
    "select_n": lambda p, y, w, *cases: (
        0 * y,
        *((w == i) + 0 * y for i in range(len(cases))),
    ),
    "clamp": lambda p, y, low, x, high: (
        (x < low) + 0 * y,
        ((x >= low) & (x <= high)) + 0 * y,
        (x > high) + 0 * y,
    ),
}
