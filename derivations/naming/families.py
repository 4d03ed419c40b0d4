"""Families: softmax, cross-entropy and activations, with their classic wrong derivatives."""

import math
from collections.abc import Callable

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.samples import Sample


def softmax(case: Case) -> Found | None:
    """Mistakes in s ⊙ (ds - Σ ds·s), where the primal is the softmax."""
    axis = _softmax_axis(case)
    if axis is None:
        return None

    def parts(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        return sample.outputs[0], sample.cotangents[0]

    def total(a: np.ndarray, over: int | None = axis) -> np.ndarray:
        return a.sum(axis=over, keepdims=True)

    def top(s: np.ndarray) -> np.ndarray:
        return s == s.max(axis=axis, keepdims=True)

    name, over = case.name, f"axis {axis}"
    variants: list[tuple[str, str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = [
        ("softmax_elementwise", "takes the softmax for element-wise: g·s(1 - s)",
         lambda s, g: g * s * (1 - s)),
        ("softmax_wrong_sum", f"subtracts Σ g over {over} where Σ g·s belongs",
         lambda s, g: s * (g - total(g))),
        ("softmax_wrong_sum", f"subtracts the mean of g·s over {over} where its sum belongs",
         lambda s, g: s * (g - (g * s).mean(axis=axis, keepdims=True))),
        ("softmax_wrong_sum", f"subtracts the mean of g over {over} where Σ g·s belongs",
         lambda s, g: s * (g - g.mean(axis=axis, keepdims=True))),
        ("softmax_wrong_sum", "lacks the sum: s·g without s·Σ g·s", lambda s, g: s * g),
        ("softmax_wrong_sum", "lacks the outer factor s", lambda s, g: g - total(g * s)),
        ("softmax_wrong_sum", f"sums over the whole array where {over} belongs",
         lambda s, g: s * (g - (g * s).sum())),
        ("softmax_wrong_sum", "subtracts the sum without the factor s",
         lambda s, g: s * g - total(g * s)),
        ("softmax_wrong_sum", "adds the sum where it is subtracted",
         lambda s, g: s * (g + total(g * s))),
        ("log_softmax_sum_missing", "is the log-softmax's", lambda s, g: g - s * total(g)),
        ("shift_half_stopped", "has a term too many at the maximum: one of two uses of the shift "
         "is stopped", lambda s, g: s * (g - total(g * s)) + top(s) * total(g * s)),
        ("shift_half_stopped", "has a term too many at the maximum: one of two uses of the shift "
         "is stopped", lambda s, g: s * (g - total(g * s)) - top(s) * total(g * s)),
    ]  # fmt: skip
    for other in range(case.samples[0].outputs[0].ndim):
        if other != axis:
            words = f"sums over axis {other} where {over} belongs"
            variants.append(
                ("softmax_wrong_sum", words, lambda s, g, o=other: s * (g - total(g * s, o)))
            )
    for key, words, formula in variants:
        if case.explained(lambda s, f=formula: f(*parts(s))):
            return Found(key, f"{name} {words}; right is s·(g - Σ g·s), the sum over {over}.")
    return None


def _softmax_axis(case: Case) -> int | None:
    """Gives the axis if the primal is a softmax, with or without a shift."""
    first = case.samples[0]
    if len(first.outputs) != 1 or first.outputs[0].shape != case.truth(first).shape:
        return None
    for axis in range(first.outputs[0].ndim):

        def right(sample: Sample, axis: int = axis) -> np.ndarray:
            s, g = sample.outputs[0], sample.cotangents[0]
            return s * (g - (g * s).sum(axis=axis, keepdims=True))

        if case.right(right):
            return axis
    return None


def log_softmax(case: Case) -> Found | None:
    """Mistakes in g - s·Σ g, where the primal is the log-softmax."""
    first = case.samples[0]
    if len(first.outputs) != 1 or first.outputs[0].shape != case.truth(first).shape:
        return None
    for axis in range(first.outputs[0].ndim):

        def total(a: np.ndarray, axis: int = axis) -> np.ndarray:
            return a.sum(axis=axis, keepdims=True)

        def pair(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
            return np.exp(sample.outputs[0]), sample.cotangents[0]

        def right(s: np.ndarray, g: np.ndarray) -> np.ndarray:
            return g - s * total(g)

        if not case.right(lambda sample: right(*pair(sample))):
            continue
        variants: list[tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = [
            ("lacks the sum: g - s", lambda s, g: g - s),
            ("has Σ g·s where Σ g belongs", lambda s, g: g - s * total(g * s)),
            ("lacks the sum: g - g·s", lambda s, g: g - g * s),
            ("has the mean of g where Σ g belongs",
             lambda s, g, a=axis: g - s * g.mean(axis=a, keepdims=True)),
            ("lacks the term with the sum", lambda s, g: g),
            ("is the softmax's", lambda s, g: s * (g - total(g * s))),
            ("sums over the whole array", lambda s, g: g - s * g.sum()),
        ]  # fmt: skip
        for words, formula in variants:
            if case.explained(lambda sample, f=formula: f(*pair(sample))):
                text = f"{case.name} {words}; right is g - s·Σ g, the sum over axis {axis}."
                return Found("log_softmax_sum_missing", text)
    return None


def cross_entropy(case: Case) -> Found | None:
    """Mistakes in s·Σ y - y, where the primal is the cross-entropy of a softmax with targets."""
    for targets in case.floats():
        if targets == case.argument:
            continue
        first = case.samples[0]
        if first.arrays[targets].shape != case.truth(first).shape or not first.arrays[0].ndim:
            continue

        def taken(sample: Sample, i: int = targets) -> np.ndarray | None:
            # The softmax's part is linear in Σ y: what is left as if the targets summed to one.
            y = sample.arrays[i]
            total = y.sum(axis=-1, keepdims=True)
            at_zero = case.at(sample, {i: np.zeros_like(y)})
            alone = case.at(sample, {i: np.ones_like(y)})
            if at_zero is None or alone is None or np.abs(at_zero).max(initial=0.0) > 1e-12:
                return None
            # alone = c·(K s - 1), with K classes: so s and c are known from it.
            classes = y.shape[-1]
            c = _scale(case, sample, i)
            if c is None:
                return None
            s = (alone / c + 1) / classes
            if not np.allclose(s.sum(axis=-1), 1):
                return None
            true = c * (s * total - y)
            return c * (s - y) if np.allclose(true, case.truth(sample)) else None

        if case.explained(taken):
            name = case.subject.names[targets]
            return Found(
                "targets_taken_as_normalised",
                f"{case.name} is s - `{name}`, which is right only where `{name}` sums to one; "
                f"right is s·Σ `{name}` - `{name}`.",
            )
    return None


def _scale(case: Case, sample: Sample, targets: int) -> np.ndarray | None:
    """Gives the c of c·(s Σ y - y): at two unit targets of a row the difference is c alone."""
    y = sample.arrays[targets]
    if y.shape[-1] < 2:
        return None
    one, other = np.zeros_like(y), np.zeros_like(y)
    one[..., 0] = 1
    other[..., 1] = 1
    a, b = case.at(sample, {targets: one}), case.at(sample, {targets: other})
    return None if a is None or b is None else (b - a)[..., :1]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


_ROOT = math.sqrt(2 / math.pi)
_erf = np.vectorize(math.erf, otypes=[float])


def _gelu_tanh(inner: float = 3 * 0.044715, scale: float = _ROOT) -> Callable[..., np.ndarray]:
    def slope(x: np.ndarray) -> np.ndarray:
        t = np.tanh(_ROOT * (x + 0.044715 * x**3))
        return (1 + t) / 2 + x / 2 * (1 - t * t) * scale * (1 + inner * x * x)

    return slope


SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the logistic sigmoid": lambda x: _sigmoid(x) * (1 - _sigmoid(x)),
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "softplus": _sigmoid,
    "silu": lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
    "the exact gelu": lambda x: 0.5 * (1 + _erf(x / math.sqrt(2)))
    + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "the tanh-gelu": _gelu_tanh(),
    "the quick gelu, x·σ(1.702 x),": lambda x: _sigmoid(1.702 * x)
    * (1 + 1.702 * x * (1 - _sigmoid(1.702 * x))),
    "relu": lambda x: (x > 0).astype(float),
    "elu (α = 1)": lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
    "exp": np.exp,
    "mish": lambda x: _mish(x),
    "softsign": lambda x: 1 / (1 + np.abs(x)) ** 2,
    "arctan": lambda x: 1 / (1 + x * x),
}  # fmt: skip


def _mish(x: np.ndarray) -> np.ndarray:
    t = np.tanh(np.logaddexp(0, x))
    return t + x * (1 - t * t) * _sigmoid(x)


# The slope that is taken for one of these: (of, key, what it is, the wrong slope).
WRONG: list[tuple[str, str, str, Callable[[np.ndarray], np.ndarray]]] = [
    ("tanh", "wrong_residual_of_tanh", "1 - tanh, not 1 - tanh²", lambda x: 1 - np.tanh(x)),
    ("tanh", "wrong_residual_of_tanh", "1 - x², not 1 - tanh(x)²", lambda x: 1 - x * x),
    ("the logistic sigmoid", "activation_applied_twice", "1 - σ, not σ(1 - σ)",
     lambda x: 1 - _sigmoid(x)),
    ("the logistic sigmoid", "activation_applied_twice", "x(1 - x) of the input, not σ(1 - σ)",
     lambda x: x * (1 - x)),
    ("silu", "product_rule_term_missing", "σ alone: the term x·σ' of the product rule is missing",
     _sigmoid),
    ("silu", "product_rule_term_missing", "σ + x - σ: parentheses of σ(1 + x(1 - σ)) are missing",
     lambda x: x),
    ("silu", "product_rule_term_missing", "x·σ' alone: the term σ of the product rule is missing",
     lambda x: x * _sigmoid(x) * (1 - _sigmoid(x))),
    ("silu", "product_rule_term_missing", "σ(1 + x·1 - σ): parentheses are missing",
     lambda x: _sigmoid(x) * (1 + x - _sigmoid(x))),
    ("the exact gelu", "product_rule_term_missing", "Φ alone: the term x·φ is missing",
     lambda x: 0.5 * (1 + _erf(x / math.sqrt(2)))),
    ("the tanh-gelu", "wrong_constant", "with 0.044715 where 3·0.044715 belongs",
     _gelu_tanh(0.044715)),
    ("the tanh-gelu", "wrong_constant", "with 0.134154 where 0.134145 = 3·0.044715 belongs",
     _gelu_tanh(0.134154)),
    ("the tanh-gelu", "wrong_constant", "with √(2/π)·3·0.044715 where 3·0.044715 belongs",
     _gelu_tanh(_ROOT * 3 * 0.044715)),
    ("the tanh-gelu", "wrong_constant", "without the factor √(2/π)", _gelu_tanh(scale=1.0)),
]  # fmt: skip


def is_activation(case: Case) -> bool:
    """Tells whether the primal is an activation of the table."""
    return any(
        case.right(lambda s, f=slope: s.cotangents[0] * f(s.arrays[case.argument]))
        for slope in SLOPES.values()
    )


def unknown_activation(case: Case) -> Found | None:
    """The slope of an activation that the primal is not, whatever it is."""
    return activation(case, late=True)


def activation(case: Case, *, late: bool = False) -> Found | None:
    """The slope of another activation, or a classic wrong form of this one's."""
    first = case.samples[0]
    if len(case.subject.names) != 1 or len(first.outputs) != 1:
        return None
    if first.outputs[0].shape != first.arrays[0].shape:
        return None

    def times(slope: Callable[[np.ndarray], np.ndarray]) -> Callable[[Sample], np.ndarray]:
        return lambda s: s.cotangents[0] * slope(s.arrays[0])

    own = next((n for n, slope in SLOPES.items() if case.right(times(slope))), None)
    if (own is None) is not late:
        return None
    for of, key, words, slope in WRONG:
        if of == own and case.explained(times(slope)):
            return Found(key, f"{case.name} takes for the slope of {of} {words}.")
    for other, slope in SLOPES.items():
        if other != own and case.explained(times(slope)):
            ours = f", and the primal is {own}" if own else ", and the primal is another function"
            key = "negative_branch" if other == "relu" else "another_variant"
            return Found(key, f"{case.name} is the derivative of {other}{ours}.")
    return None
