"""Identities of fractions, exponentials and logarithms, as moves."""

from typing import Any

import sympy
from sympy import Add, Mul, Pow, exp, log

from derivations.steps.moves import everywhere
from derivations.steps.rules import Move


def _split(expression: Any) -> Any:
    top, bottom = sympy.fraction(expression) if isinstance(expression, Mul) else (expression, 1)
    if bottom == 1 or not isinstance(top, Add):
        return None
    return Add(*(term / bottom for term in top.args))


split: Move = everywhere("split", _split)


def _completed(expression: Any) -> Any:
    """Writes u/(c + u) as 1 - c/(c + u), in a product that has both."""
    if not isinstance(expression, Mul):
        return None
    factors = Mul.make_args(expression)
    for u in factors:
        for base, power in (f.as_base_exp() for f in factors):
            if isinstance(base, Add) and power.is_Integer and power < 0 and u in base.args:
                c = base - u
                if c.is_Number:
                    return (expression / u * base) * (1 - c / base)
    return None


completed: Move = everywhere("completed", _completed)


def _fraction_expanded(expression: Any) -> Any:
    """Writes e^u/(1 + e^u) as 1/(1 + e^-u)."""
    if not isinstance(expression, Mul):
        return None
    for e in expression.args:
        if not isinstance(e, exp) or e.args[0].could_extract_minus_sign():
            continue
        u: Any = e.args[0]
        base = 1 + exp(u)
        if 1 / base in expression.args:
            return expression / e * base / (1 + exp(-u))
    return None


fraction_expanded: Move = everywhere("expanded_fraction", _fraction_expanded)


def _one_minus_sigmoid(expression: Any) -> Any:
    """Writes 1 - 1/(1 + e^-u) as 1/(1 + e^u)."""
    if isinstance(expression, Add) and len(expression.args) == 2 and 1 in expression.args:
        rest = 1 - expression
        if isinstance(rest, Pow) and rest.exp == -1 and isinstance(rest.base, Add):
            inside: Any = rest.base - 1
            if isinstance(inside, exp):
                u: Any = inside.args[0]
                return 1 / (1 + exp(-u))
    return None


one_minus_sigmoid: Move = everywhere("one_minus_sigmoid", _one_minus_sigmoid)


def _log_of_quotient(expression: Any) -> Any:
    if not isinstance(expression, log):
        return None
    top, bottom = sympy.fraction(expression.args[0])
    if bottom == 1:
        return None
    above = top.args[0] if isinstance(top, exp) else log(top)
    return above - log(bottom)


log_of_quotient: Move = everywhere("log_of_quotient", _log_of_quotient)


def common_factor(factor: Any) -> Move:
    """Gives the move that writes f a + f b as f (a + b)."""

    def rule(expression: Any) -> Any:
        if not isinstance(expression, Add) or not all(
            factor in Mul.make_args(t) for t in expression.args
        ):
            return None
        return factor * Add(*(t / factor for t in expression.args))

    return everywhere("common_factor", rule)
