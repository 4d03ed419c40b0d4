"""The rules of differentiation, one at a time: each is tried on every derivative that is left.

A *move* takes an expression and gives the expressions that follow from it, each with its reason.
"""

from collections.abc import Callable, Iterator
from typing import Any

import sympy
from sympy import Add, Derivative, KroneckerDelta, Mul, Piecewise, Pow, Sum
from sympy.core.function import AppliedUndef

from derivations.steps.matching import is_layer

Move = Callable[[Any], Iterator[tuple[Any, str]]]
Rule = Callable[[Any, Any], Any]  # the differentiated expression and the variable -> the outcome


def differentiate(expression: Any, rules: tuple[tuple[str, Rule], ...] = ()) -> Iterator[Any]:
    """Applies the rules of differentiation until no derivative is left that one applies to.

    A derivative of a quantity that is only a letter stays, and so does one of a function at its own
    argument, σ'(z).

    Args:
      expression: What to work on.
      rules: Rules that are tried before those of the book.
    """
    for _ in range(60):
        found = _next(expression, (*rules, *RULES))
        if found is None:
            return
        reason, rule = found
        expression = _everywhere(expression, rule)
        yield expression, reason
    raise AssertionError(f"no end to the derivatives in {expression}")


def _next(expression: Any, rules: tuple[tuple[str, Rule], ...]) -> tuple[str, Rule] | None:
    for part in sympy.preorder_traversal(expression):
        if isinstance(part, Derivative):
            for reason, rule in rules:
                if rule(part.expr, part.variables[0]) is not None:
                    return reason, rule
    return None


def _everywhere(expression: Any, rule: Rule) -> Any:
    if isinstance(expression, Derivative):
        outcome = rule(expression.expr, expression.variables[0])
        return expression if outcome is None else outcome
    if not expression.has(Derivative):
        return expression
    return expression.func(*(_everywhere(a, rule) for a in expression.args))


def depends(expression: Any, variable: Any) -> bool:
    """Tells whether a variable, or another entry of the same array, occurs in an expression."""
    if not isinstance(variable, sympy.Indexed):
        return bool(expression.has(variable))
    return any(_same_array(entry, variable) for entry in expression.atoms(sympy.Indexed))


def _same_array(one: Any, other: Any) -> bool:
    def layers(entry: Any) -> list[Any]:
        return [i for i in entry.indices if is_layer(i)]

    return one.base.label == other.base.label and layers(one) == layers(other)


def _variable(of: Any, by: Any) -> Any:
    if of == by:
        return sympy.S.One
    if isinstance(of, sympy.Indexed) and isinstance(by, sympy.Indexed) and _same_array(of, by):
        pairs = zip(of.indices, by.indices, strict=True)
        return Mul(*(KroneckerDelta(i, j) for i, j in pairs if i != j))
    return None


def _linear(of: Any, by: Any) -> Any:
    if isinstance(of, Add):
        return Add(*(Derivative(t, by) for t in of.args if depends(t, by)))
    if isinstance(of, Mul):
        inside = Mul(*(f for f in of.args if depends(f, by)))
        if inside != of:
            return (of / inside) * Derivative(inside, by)
    return None


def _quotient(of: Any, by: Any) -> Any:
    top, bottom = sympy.fraction(of) if isinstance(of, Mul | Pow) else (of, sympy.S.One)
    if not depends(bottom, by):
        return None
    above = bottom * Derivative(top, by) if depends(top, by) else 0
    return (above - top * Derivative(bottom, by)) / bottom**2


def _product(of: Any, by: Any) -> Any:
    if not isinstance(of, Mul):
        return None
    first, rest = of.args[0], Mul(*of.args[1:])
    return Derivative(first, by) * rest + first * Derivative(rest, by)


def _power(of: Any, by: Any) -> Any:
    if not isinstance(of, Pow) or not of.exp.is_Rational or (of.exp.is_Integer and of.exp < 0):
        return None
    return of.exp * of.base ** (of.exp - 1) * _inside(of.base, by)


def _function(kind: Any, slope: Callable[[Any], Any]) -> Rule:
    def rule(of: Any, by: Any) -> Any:
        return slope(of.args[0]) * _inside(of.args[0], by) if isinstance(of, kind) else None

    return rule


def _inside(inner: Any, by: Any) -> Any:
    return sympy.S.One if inner == by else Derivative(inner, by)


def _composed(of: Any, by: Any) -> Any:
    if not isinstance(of, AppliedUndef) or len(of.args) != 1 or of.args[0] == by:
        return None
    return Derivative(of, of.args[0]) * Derivative(of.args[0], by)


def _branches(of: Any, by: Any) -> Any:
    if not isinstance(of, Piecewise):
        return None
    pairs, rest = [], sympy.true
    branches: Any = of.args
    for value, condition in branches:
        here = _open(sympy.And(rest, condition))
        rest = sympy.And(rest, sympy.Not(condition))
        pairs.append((Derivative(value, by), here))
    return Piecewise(*pairs)


def _open(condition: Any) -> Any:
    strict = {sympy.LessThan: sympy.StrictLessThan, sympy.GreaterThan: sympy.StrictGreaterThan}
    return strict.get(condition.func, condition.func)(*condition.args)


def _exchanged(of: Any, by: Any) -> Any:
    return Sum(Derivative(of.function, by), *of.limits) if isinstance(of, Sum) else None


def _constant(of: Any, by: Any) -> Any:
    # A bare letter is a quantity of which the definition says what it depends on.
    letter = isinstance(of, sympy.Indexed | AppliedUndef | sympy.Symbol)
    return sympy.S.Zero if not letter and not depends(of, by) else None


RULES: tuple[tuple[str, Rule], ...] = (
    ("variable", _variable),
    ("constant", _constant),
    ("exchanged", _exchanged),
    ("branches", _branches),
    ("linear", _linear),
    ("quotient", _quotient),
    ("product", _product),
    ("power", _power),
    ("exponential", _function(sympy.exp, sympy.exp)),
    ("logarithm", _function(sympy.log, lambda u: 1 / u)),
    ("absolute", _function(sympy.Abs, sympy.sign)),
    (
        "error_function",
        _function(sympy.erf, lambda u: 2 * sympy.exp(-(u**2)) / sympy.sqrt(sympy.pi)),
    ),
    ("chain_rule_case_1", _composed),
)
