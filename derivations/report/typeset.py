"""How a formula is set: SymPy expressions as boxes, before any output format.

Everything that is a choice of typography is made here, once: the order of terms and factors, where
parentheses stand, ∂ or d, f′(x) or a fraction, which index goes on top. The MathML and LaTeX
printers only spell the boxes.
"""

from functools import singledispatch
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from derivations.report.boxes import (
    Big,
    Cases,
    Fenced,
    Fraction,
    Letter,
    Number,
    Operator,
    Prose,
    Row,
    Script,
    Word,
)
from derivations.report.names import name_box

_RELATIONS: dict[Any, str] = {
    sympy.Eq: "=",
    sympy.Ne: "≠",
    sympy.Lt: "<",
    sympy.Le: "≤",
    sympy.Gt: ">",
    sympy.Ge: "≥",
}

# The letters that count layers: these indices are written on top, as in δ^ℓ.
_LAYERS = {"ell", "L"}

_INDEX_ORDER = ("n", "m", "h", "i", "j", "q", "k", "l")

_PRIME = Operator("′")

_FENCES = {"[]", "()"}

_LARGEST_DENOMINATOR, _DIGITS = 10**9, 12

_TIMES = Operator("\u2062")
"""Multiplication, which is not written: Unicode's invisible times."""

# What a factor is decides its place in a product: numbers and letters first, then what carries its
# own parentheses, and a sum last, where it needs none.
_FACTOR_ORDER: tuple[tuple[Any, ...], ...] = (
    (sympy.Number, sympy.NumberSymbol),
    (sympy.Symbol, sympy.Indexed),
    (sympy.exp,),
    (sympy.KroneckerDelta,),
    (AppliedUndef,),
    (sympy.Derivative,),
    (sympy.Add, sympy.Pow),
    (sympy.log, sympy.erf, sympy.sin, sympy.cos, sympy.sign, sympy.Abs, sympy.Max),
    (sympy.Piecewise,),
    (sympy.Sum,),
)


@singledispatch
def typeset(expression: Any) -> Any:
    """Gives the box of an expression.

    Raises:
      TypeError: There is no way of writing this kind of expression. (A guess could print a formula
        that says something else.)

    Example:
      >>> typeset(sympy.Symbol("x") + 1)
      Row(boxes=(Letter(text='x'), Operator(text='+'), Number(text='1')))
    """
    kind = type(expression).__name__
    raise TypeError(f"A formula is made of known kinds of expressions. Got {kind}: {expression}.")


@typeset.register(int)
@typeset.register(sympy.Integer)
def _(expression: Any) -> Any:
    number = Number(str(abs(int(expression))))
    return _negative(number) if expression < 0 else number


@typeset.register
def _(expression: sympy.Rational) -> Any:
    if expression.q > _LARGEST_DENOMINATOR:
        # Such a number was measured, or is a long decimal: nobody reads it as a fraction.
        return Row((Number(str(sympy.N(expression, _DIGITS))), Letter("…")))
    fraction = Fraction(Number(str(abs(expression.p))), Number(str(expression.q)))
    return _negative(fraction) if expression.p < 0 else fraction


@typeset.register
def _(expression: sympy.Float) -> Any:
    number = Number(f"{abs(float(expression)):g}")
    return _negative(number) if expression < 0 else number


@typeset.register
def _(expression: sympy.Symbol) -> Any:
    return name_box(expression.name)


@typeset.register
def _(expression: sympy.IndexedBase) -> Any:
    return name_box(str(expression.label))


@typeset.register
def _(expression: sympy.Indexed) -> Any:
    layers, others = [], []
    for index in expression.indices:
        names = {str(symbol) for symbol in index.free_symbols}
        (layers if names and names <= _LAYERS else others).append(index)
    base = typeset(expression.base)
    if isinstance(base, Script):
        # A name with an index of its own, z_in,j, or with the number of its layer, z_j^[l].
        own = [] if base.below is None else [base.below]
        below = own + [Operator(",")] * bool(own and others) + [_indices(others)] * bool(others)
        inside = below[0] if len(below) == 1 else Row(tuple(below))
        return Script(base.base, inside, base.above if base.above is not None else _indices(layers))
    return Script(base, _indices(others), _indices(layers))


@typeset.register
def _(expression: sympy.KroneckerDelta) -> Any:
    return Script(Letter("δ"), _indices(list(expression.args)))


@typeset.register
def _(expression: sympy.Add) -> Any:
    # Sums first and positive terms before negative ones: Σ x w + b, and p - y rather than -y + p.
    terms = sorted(
        expression.as_ordered_terms(),
        key=lambda term: (_is_negative(term), not isinstance(term, sympy.Sum)),
    )
    boxes = [typeset(terms[0])]
    for term in terms[1:]:
        boxes += [Operator("−" if _is_negative(term) else "+"), typeset(_absolute(term))]
    return Row(tuple(boxes))


@typeset.register
def _(expression: sympy.Mul) -> Any:
    if _is_negative(expression):
        return _negative(_product(_absolute(expression)))
    return _product(expression)


@typeset.register
def _(expression: sympy.Pow) -> Any:
    base: Any
    base, exponent = expression.as_base_exp()
    if exponent.is_Rational and exponent.is_negative:
        return Fraction(Number("1"), typeset(base**-exponent))
    # A power of a function of x is set on the name, where a reader looks for it: tanh²(x).
    if isinstance(base, AppliedUndef):
        return _applied(Script(name_box(base.func.__name__), above=typeset(exponent)), base.args)
    simple = isinstance(base, sympy.Symbol | sympy.Integer) and not base.is_negative
    box = typeset(base)
    if isinstance(box, Script) and box.above is None:
        return Script(box.base, box.below, typeset(exponent))
    simple = simple and not isinstance(box, Script)
    return Script(box if simple else Fenced("(", box, ")"), above=typeset(exponent))


@typeset.register
def _(expression: sympy.exp) -> Any:
    return Script(Letter("e"), above=typeset(expression.args[0]))


@typeset.register(sympy.tanh)
@typeset.register(sympy.log)
@typeset.register(sympy.sign)
@typeset.register(sympy.erf)
@typeset.register(sympy.sin)
@typeset.register(sympy.cos)
def _(expression: Any) -> Any:
    name = expression.func.__name__
    return _applied(Word("sgn" if name == "sign" else name), expression.args)


@typeset.register
def _(expression: sympy.core.numbers.Pi) -> Any:
    return Letter("π")


@typeset.register
def _(expression: sympy.Max) -> Any:
    return _applied(Word("max"), expression.args)


@typeset.register
def _(expression: sympy.Abs) -> Any:
    return Fenced("|", typeset(expression.args[0]), "|")


@typeset.register
def _(expression: AppliedUndef) -> Any:
    if expression.func.__name__ in _FENCES:
        # A layer as some authors write it: z^[ℓ].
        return Fenced(*_around(typeset(expression.args[0]), expression.func.__name__))
    indices = [a for a in expression.args if isinstance(a, sympy.Symbol) and a.is_integer]
    if indices:
        name = Script(name_box(expression.func.__name__), _indices(indices))
        return _applied(name, [a for a in expression.args if a not in indices])
    return _applied(name_box(expression.func.__name__), expression.args)


@typeset.register
def _(expression: sympy.Sum) -> Any:
    body = typeset(expression.function)
    if isinstance(expression.function, sympy.Add) or _is_negative(expression.function):
        body = Fenced("(", body, ")")
    signs = [
        Big("∑", Row((typeset(index), Operator("="), typeset(low))), typeset(high))
        for index, low, high in reversed(expression.limits)
    ]
    return Row((*signs, body))


@typeset.register
def _(expression: sympy.Derivative) -> Any:
    of: Any = expression.expr
    (variable,) = expression.variables
    # A function of one argument has a prime; a quantity, which is one Latin letter and depends on
    # several others, a quotient, and its arguments are understood.
    if isinstance(of, AppliedUndef) and not _is_quantity(of):
        if of.args == (variable,):
            return _applied(Script(name_box(of.func.__name__), above=_PRIME), of.args)
        if isinstance(variable, sympy.Symbol) and len(of.args) == 1:
            raise TypeError(f"A prime stands for the derivative in the argument. Got {expression}.")
    partial = isinstance(variable, sympy.Indexed) or (
        isinstance(of, AppliedUndef) and len(of.args) > 1 and variable in of.args
    )
    sign = Operator("∂") if partial else Word("d")
    if not _is_letter(of) or (isinstance(of, AppliedUndef) and not _is_quantity(of)):
        # What is still to be differentiated stands beside the sign.
        fenced = Fenced("(", typeset(of), ")")
        return Row((Fraction(sign, Row((sign, typeset(variable)))), fenced))
    return Fraction(Row((sign, _quantity(of))), Row((sign, typeset(variable))))


@typeset.register
def _(expression: sympy.Subs) -> Any:
    of, variables, points = expression.args
    pairs: Any = zip(variables, points, strict=True)  # pyright: ignore[reportArgumentType]
    put: list[Any] = []
    for variable, point in pairs:
        put += [Operator(",")] * bool(put) + [typeset(variable), Operator("="), typeset(point)]
    return Script(Fenced("[", typeset(of), "]"), Row(tuple(put)))


@typeset.register
def _(expression: sympy.Limit) -> Any:
    of, variable, point, _ = expression.args
    to = Row((typeset(variable), Operator("→"), typeset(point)))
    body = typeset(of)
    if isinstance(of, sympy.Add):
        body = Fenced("(", body, ")")
    return Row((Script(Word("lim"), below=to), _TIMES, body))


@typeset.register
def _(expression: sympy.Piecewise) -> Any:
    rows = []
    branches: Any = expression.args
    for value, condition in branches:
        if condition == sympy.true:
            rows.append((typeset(value), Prose("otherwise")))
        else:
            rows.append((typeset(value), Row((Prose("if "), typeset(condition)))))
    return Cases(tuple(rows))


@typeset.register
def _(expression: Relational) -> Any:
    sign = Operator(_RELATIONS[type(expression)])
    return Row((typeset(expression.lhs), sign, typeset(expression.rhs)))


@typeset.register
def _(expression: sympy.And) -> Any:
    return _joined(" and ", expression.args)


@typeset.register
def _(expression: sympy.Or) -> Any:
    return _joined(" or ", expression.args)


def _joined(word: str, parts: Any) -> Any:
    boxes = [typeset(parts[0])]
    for part in parts[1:]:
        boxes += [Prose(word), typeset(part)]
    return Row(tuple(boxes))


def _product(expression: Any) -> Any:
    top, bottom = sympy.fraction(expression, exact=True)
    if bottom == 1:
        return _factors(top.as_ordered_factors())
    # A sum reads better beside the fraction than on top of it.
    sums = [factor for factor in sympy.Mul.make_args(top) if isinstance(factor, sympy.Sum)]
    rest = top / sympy.Mul(*sums)
    if bottom.is_Integer or not sums or rest == 1:
        return Fraction(typeset(top), typeset(bottom))
    return Row((Fraction(typeset(rest), typeset(bottom)), _TIMES, _factors(sums)))


def _factors(factors: Any) -> Any:
    ordered = sorted(factors, key=lambda factor: _place(factor, factors))
    boxes = []
    for factor in ordered:
        box = typeset(factor)
        open_ended = isinstance(factor, sympy.Sum | sympy.Piecewise) and factor is not ordered[-1]
        if isinstance(factor, sympy.Add) or open_ended:
            box = Fenced("(", box, ")")
        boxes += [_TIMES, box]
    return Row(tuple(boxes[1:])) if len(ordered) > 1 else boxes[1]


def _place(factor: Any, factors: Any) -> tuple[Any, ...]:
    """Where a factor stands: by its kind; letters by their indices; dz/dy before dy/dx."""
    kinds = (place for place, kinds in enumerate(_FACTOR_ORDER) if isinstance(factor, kinds))
    kind = next(kinds, len(_FACTOR_ORDER))
    if isinstance(factor, sympy.Derivative):
        if not _is_letter(factor.expr):
            # What is still to be differentiated carries parentheses of its own, and nothing but a
            # sum may follow them.
            return (len(_FACTOR_ORDER) - 1.5,)
        others = [other for other in factors if isinstance(other, sympy.Derivative)]
        return (kind, any(other.variables[0] == factor.expr for other in others))
    if isinstance(factor, sympy.Indexed):
        # x_ni w_ij and x_ni dz_nj; a layer's letters stay as SymPy sorts them.
        names = [str(index) for index in factor.indices]
        if all(name in _INDEX_ORDER for name in names):
            return (kind, *(_INDEX_ORDER.index(name) for name in names))
    return (kind,)


def _applied(name: Any, arguments: Any) -> Any:
    boxes = [typeset(arguments[0])]
    for argument in arguments[1:]:
        boxes += [Operator(","), typeset(argument)]
    return Row((name, Fenced("(", boxes[0] if len(boxes) == 1 else Row(tuple(boxes)), ")")))


def _indices(indices: list[Any]) -> Any:
    if not indices:
        return None
    boxes = [typeset(indices[0])]
    for index in indices[1:]:
        # Letters stand close, as in x_nk; anything longer is set apart.
        if not all(isinstance(i, sympy.Symbol) for i in indices):
            boxes.append(Operator(","))
        boxes.append(typeset(index))
    return boxes[0] if len(boxes) == 1 else Row(tuple(boxes))


def _around(box: Any, fences: str) -> tuple[str, Any, str]:
    left, right = fences
    return left, box, right


def _quantity(of: Any) -> Any:
    """Gives the letter of what is differentiated, with its indices and without its arguments."""
    if not isinstance(of, AppliedUndef):
        return typeset(of)
    indices = [a for a in of.args if isinstance(a, sympy.Symbol) and a.is_integer]
    name = name_box(of.func.__name__)
    return Script(name, _indices(indices)) if indices else name


def _is_letter(expression: Any) -> bool:
    return isinstance(expression, sympy.Symbol | sympy.Indexed | AppliedUndef)


def _is_quantity(function: Any) -> bool:
    return len(function.func.__name__) == 1 and len(function.args) > 1


def _is_negative(term: Any) -> bool:
    return bool(term.as_coeff_Mul()[0] < 0)


def _absolute(term: Any) -> Any:
    """Takes the minus off a term, if it has one; `-2*(a - b)` keeps its parentheses."""
    coefficient, rest = term.as_coeff_Mul()
    if coefficient == -1:
        return rest
    if coefficient > 0:
        return term
    return sympy.Mul(-coefficient, *sympy.Mul.make_args(rest), evaluate=False)


def _negative(box: Any) -> Any:
    return Row((Operator("−"), box))
