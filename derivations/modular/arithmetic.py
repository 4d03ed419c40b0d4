"""Sums, products, quotients and powers of arrays, in every field, and their exponentials."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from derivations.modular import fields as ff
from derivations.modular.degree import added, inverted, largest, multiplied, repeated
from derivations.modular.fields import Field, Residues
from derivations.modular.trial import Trial
from derivations.modular.value import Exponential, Redraw, Value, to_power, together


def _each(
    trial: Trial, function: Callable[..., Residues], *operands: Value
) -> tuple[Residues, ...]:
    """Applies a function of residues and a field, in every field."""
    columns = zip(*(a.residues for a in operands), strict=True)
    return tuple(function(*rs, f) for rs, f in zip(columns, trial.fields, strict=True))


def add(trial: Trial, a: Value, b: Value) -> Value:
    """Gives a + b."""
    number = None if a.number is None or b.number is None else a.number + b.number
    return trial.finite(
        Value(
            a.shadow + b.shadow,
            _each(trial, lambda x, y, f: ff.reduced(x + y, f), a, b),
            added(a.degree, b.degree),
            lambda: together(trial.exponential(a), trial.exponential(b), trial.fields),
            number,
            factor=a.factor if a.factor == b.factor and number is None else None,
        ),
        a,
        b,
    )


def negate(trial: Trial, a: Value) -> Value:
    """Gives -a."""
    return Value(
        -a.shadow,
        _each(trial, lambda x, f: ff.reduced(f.prime - x, f), a),
        a.degree,
        lambda: _power(trial, trial.exponential(a), Fraction(-1)),
        None if a.number is None else -a.number,
        None if a.whole is None else -a.whole,
        -a.factor,
    )


def _power(trial: Trial, e: Exponential, exponent: Fraction) -> Exponential:
    result = to_power(e, exponent, trial.fields)
    assert result is not None
    return result


def subtract(trial: Trial, a: Value, b: Value) -> Value:
    """Gives a - b."""
    return add(trial, a, negate(trial, b))


def multiply(trial: Trial, a: Value, b: Value) -> Value:
    """Gives a b."""
    number = None if a.number is None or b.number is None else a.number * b.number
    result = trial.finite(
        Value(
            a.shadow * b.shadow,
            _each(trial, ff.product, a, b),
            multiplied(a.degree, b.degree),
            lambda: _of_product(trial, a, b, result),
            number,
            None if a.whole is None or b.whole is None else a.whole * b.whole,
            None if number is not None else a.factor * b.factor,
        ),
        a,
        b,
    )
    return result


def _of_product(trial: Trial, a: Value, b: Value, product: Value) -> Exponential:
    """Gives e^(ab): a power of e^b where a is a constant, else a variable."""
    for constant, other in ((a, b), (b, a)):
        if product.number is not None:
            break
        if constant.number is not None:
            e = to_power(trial.exponential(other), constant.number, trial.fields)
            if e is not None:
                shape = product.shadow.shape
                return e._replace(residues=tuple(np.broadcast_to(r, shape) for r in e.residues))
        elif constant.whole is not None and np.abs(constant.whole).max(initial=0) <= 1:
            e = trial.exponential(other)
            back = _power(trial, e, Fraction(-1)) if (constant.whole < 0).any() else e
            return Exponential(
                tuple(
                    np.where(constant.whole == 0, 1, np.where(constant.whole < 0, s, r))
                    for r, s in zip(e.residues, back.residues, strict=True)
                ),
                largest(e.degree, back.degree) if back is not e else e.degree,
                e.monomial,
                e.units,
            )
    return trial.atom(product)


def invert(trial: Trial, a: Value) -> Value:
    """Gives 1/a, zero for an infinity."""
    zero = np.ones(a.shadow.shape, bool)
    for r in a.residues:
        zero &= r == 0
    pole = zero & (a.shadow == 0)
    for r in a.residues:
        if ((r == 0) & np.isfinite(a.shadow) & ~pole).any():
            raise Redraw("a division by zero")
    with np.errstate(all="ignore"):
        shadow = np.asarray(1 / a.shadow)
    return trial.finite(
        Value(
            shadow,
            _each(trial, ff.inverse, a),
            inverted(a.degree, 1 if a.number is not None else a.shadow.size),
            None,
            1 / a.number if a.number else None,
            factor=1 / a.factor,
        ),
        a,
        pole=pole,
    )


def divide(trial: Trial, a: Value, b: Value) -> Value:
    """Gives a/b."""
    result = multiply(trial, a, invert(trial, b))
    with np.errstate(all="ignore"):
        result.shadow = np.asarray(a.shadow / b.shadow)
    return result


def whole_power(trial: Trial, a: Value, exponent: int) -> Value:
    """Gives a to a whole power."""
    if exponent < 0:
        return whole_power(trial, invert(trial, a), -exponent)
    if exponent == 1:
        return a
    with np.errstate(all="ignore"):
        shadow = a.shadow**exponent
    return trial.finite(
        Value(
            shadow,
            _each(trial, lambda r, f: ff.power(r, exponent, f), a),
            repeated(a.degree, exponent),
            None,
            None if a.number is None else a.number**exponent,
            None if a.whole is None or exponent > 2 else a.whole**exponent,
            _factor_power(a.factor, exponent),
        ),
        a,
    )


def _factor_power(factor: Fraction, exponent: int) -> Fraction | None:
    return factor**exponent if exponent <= 4 else None


def one_minus(trial: Trial, a: Value) -> Value:
    """Gives 1 - a."""
    return subtract(trial, trial.rational(1, a.shadow.shape), a)


def scaled(trial: Trial, a: Value, number: Fraction | int) -> Value:
    """Gives a rational multiple."""
    return multiply(trial, a, trial.rational(number))


def products_along(r: Residues, axis: int, f: Field) -> Residues:
    """Gives the products along an axis, by halves."""
    r = np.moveaxis(r, axis, 0)
    if not len(r):
        return np.ones(r.shape[1:], np.int64)
    while len(r) > 1:
        half = len(r) // 2
        paired = ff.product(r[:half], r[half : 2 * half], f)
        r = paired if len(r) % 2 == 0 else np.concatenate([paired, r[-1:]])
    return r[0]
