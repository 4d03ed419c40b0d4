"""The chain rule in its three cases, from what it means to be differentiable.

The derivations do not rest on a rule of differentiation, which would be the chain rule itself. They
use Carathéodory's form of differentiability: y is differentiable at a if and only if there is a
factor φ, continuous at a, with

    y(x) - y(a) = φ(x) (x - a),

and its derivative is then φ(a). For several quantities there is one factor for each. Written so,
the chain rule is algebra, and one limit of something continuous.
"""

from typing import Any

import sympy
from sympy import Add, Derivative, Limit, Sum, Symbol, symbols

from derivations.steps.derivation import Definition, Derivation
from derivations.steps.moves import derive, everywhere, named, unfold
from derivations.textbook import THEOREMS
from derivations.textbook.notation import M, function, tensor, total

_s, _x, _y, _z, _a = symbols("s x y z a", real=True)
_m = Symbol("m", integer=True)
_MEANING = (
    "differentiable at a: the increment is a factor, continuous at a, times that of the variable; "
    "for several variables a sum of such; each factor is the derivative at a"
)
_CONTINUOUS = frozenset({"phi", "chi", "psi", "omega"})
_phi, _chi, _psi, _omega = map(function, ("phi", "chi", "psi", "omega"))


def _cancelled(expression: Any) -> Any:
    """Cancels x - a in what a limit is of."""
    if not isinstance(expression, Limit):
        return None
    of, variable, point, _ = expression.args
    top, bottom = sympy.fraction(of)
    if bottom == 1:
        return None
    if isinstance(top, Sum):
        shorter: Any = Sum(top.function / bottom, *top.limits)
    else:
        shorter = Add(*(term / bottom for term in Add.make_args(top)))
    return Limit(shorter, variable, point, "+-")


def _value(expression: Any) -> Any:
    if not isinstance(expression, Limit):
        return None
    of, variable, point, _ = expression.args
    return of.xreplace({variable: point})


def _derived(
    case: str, increments: tuple[Definition, ...], slopes: tuple[Definition, ...]
) -> Derivation:
    theorem = THEOREMS[case]
    subject: Any = theorem.equations[0].lhs
    variable = subject.variables[0]
    z = function("z")
    quotient = Limit((z(variable) - z(_a)) / (variable - _a), variable, _a, "+-")
    start = Definition(subject, quotient)
    moves = [
        unfold(start, "difference_quotient"),
        *(unfold(increment, "increment") for increment in increments),
        everywhere("cancelled", _cancelled),
        everywhere("limit", _value),
        *(named(slope, "slope") for slope in slopes),
    ]
    return Derivation(
        name=case,
        title=theorem.title,
        subject=subject,
        steps=derive(subject, moves),
        definitions=(start, *increments, *slopes),
        conditions=(*theorem.conditions, _MEANING),
        continuous=_CONTINUOUS,
    )


def _increment(quantity: Any, change: Any) -> Any:
    """Gives y(x) = y(a) + the change, for y(x)."""
    return Definition(quantity, quantity.xreplace({quantity.args[-1]: _a}) + change)


def _case_1() -> Derivation:
    y, z = function("y"), function("z")
    return _derived(
        "chain_rule_case_1",
        (
            _increment(z(_x), _psi(_x) * (y(_x) - y(_a))),
            _increment(y(_x), _phi(_x) * (_x - _a)),
        ),
        (
            Definition(Derivative(_z, _y), _psi(_a)),
            Definition(Derivative(_y, _x), _phi(_a)),
        ),
    )


def _case_2() -> Derivation:
    x, y, z = map(function, "xyz")
    both = z(_x, _y)
    return _derived(
        "chain_rule_case_2",
        (
            _increment(z(_s), _psi(_s) * (x(_s) - x(_a)) + _omega(_s) * (y(_s) - y(_a))),
            _increment(x(_s), _phi(_s) * (_s - _a)),
            _increment(y(_s), _chi(_s) * (_s - _a)),
        ),
        (
            Definition(Derivative(both, _x), _psi(_a)),
            Definition(Derivative(both, _y), _omega(_a)),
            Definition(Derivative(_x, _s), _phi(_a)),
            Definition(Derivative(_y, _s), _chi(_a)),
        ),
    )


def _paths() -> Derivation:
    x, z = function("x"), function("z")
    xs = tensor("x", M)
    change = total(_psi(_m, _s) * (x(_m, _s) - x(_m, _a)), _m, M)
    return _derived(
        "chain_rule_paths",
        (_increment(z(_s), change), _increment(x(_m, _s), _phi(_m, _s) * (_s - _a))),
        (
            Definition(Derivative(_z, xs[_m]), _psi(_m, _a)),
            Definition(Derivative(xs[_m], _s), _phi(_m, _a)),
        ),
    )


CHAIN_RULE = (_case_1(), _case_2(), _paths())
