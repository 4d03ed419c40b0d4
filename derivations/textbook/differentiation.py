"""What SymPy derives from a definition, and the backward pass that follows from it.

SymPy differentiates and prints; it does not judge. Nothing here simplifies or evaluates a `Sum`:
those functions add range conditions or stop half-way, and matrix calculus has given wrong answers.
"""

from typing import Any, NamedTuple

import sympy
from sympy import Add, KroneckerDelta, Mul, Piecewise, Sum, Symbol

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.notation import equation, tensor

# One stand-in per index letter. The letters of an argument must not be met again in the definition:
# d/dx[n, j] of a sum over j would take the bound j for the free one.
_FRESH = {"n": "m", "i": "h", "j": "q", "k": "l", "s": "w", "t": "u"}


class Partial(NamedTuple):
    """A derivative that SymPy found.

    Attributes:
      variable: The entry of the argument that was varied, with its own fresh indices: `x[m, l]`.
      expression: The derivative of the definition in it, as SymPy leaves it.
    """

    variable: Any
    expression: Any


def derivative(entry: Entry, argument: Argument) -> Partial:
    """Differentiates the definition in one entry of an argument.

    Every entry of the output against every entry of the argument: the indices of the argument are
    fresh, and `KroneckerDelta` says where they meet those of the output.

    Example:
      >>> from derivations.textbook.layers import DENSE
      >>> x, w, b = DENSE.arguments
      >>> derivative(DENSE, x).variable
      x[m, h]
      >>> derivative(DENSE, x).expression
      Sum(KroneckerDelta(h, i)*KroneckerDelta(m, n)*w[i, j], (i, 1, D))
    """
    variable = argument.entry.xreplace(_renaming(argument))
    return Partial(variable, sympy.diff(entry.definition, variable))


def pullback(entry: Entry, argument: Argument) -> Any:
    """Gives the backward pass for one argument: the derivative summed against the cotangent.

    For an output `y` and an argument `x` that is

        dx[a] = sum_b dy[b] ∂y[b]/∂x[a],

    over all entries `b` of the output, with the Kronecker deltas eliminated, in the argument's own
    index letters.

    Example:
      >>> from derivations.textbook.layers import DENSE
      >>> x, w, b = DENSE.arguments
      >>> pullback(DENSE, w)
      Eq(dw[i, j], Sum(dz[n, j]*x[n, i], (n, 1, N)))
    """
    # The sums of the definition first: SymPy would take a choice out of a sum that it depends on.
    total = entry.cotangent * eliminate_deltas(derivative(entry, argument).expression)
    if entry.indices:
        limits = zip(entry.indices, entry.cotangent.base.shape, strict=True)
        total = Sum(total, *((index, 1, size) for index, size in limits))
    # Swapping two letters everywhere, bound ones included, changes no meaning and captures nothing.
    renaming = _renaming(argument)
    swap = renaming | {fresh: index for index, fresh in renaming.items()}
    name = f"d{_letter(argument)}"
    if isinstance(argument.symbol, sympy.IndexedBase):
        cotangent = tensor(name, *argument.symbol.shape)[argument.indices]
    else:
        cotangent = Symbol(name, real=True)
    return equation(cotangent, eliminate_deltas(total).xreplace(swap))


def expanded(entry: Entry, cited: Cited) -> Any:
    """Writes the right-hand side of a cited derivative in the arguments alone.

    The entry's output and the abbreviations of `cited.where` are replaced by what they stand for.
    A derivative of the cost in the output becomes the cotangent.
    """
    value: Any = cited.equation.rhs
    abbreviations = ((entry.output, entry.definition), *((eq.lhs, eq.rhs) for eq in cited.where))
    for derivative_of_cost in value.atoms(sympy.Derivative):
        own: Any = derivative_of_cost
        at = own.variables[0].indices
        value = value.xreplace({derivative_of_cost: entry.cotangent.base[at]})
    for short, long in abbreviations:
        value = _substitute(value, short, long)
    return value


def eliminate_deltas(expression: Any) -> Any:
    """Carries out the sums that a Kronecker delta reduces to one term.

    `Sum(f(i)*KroneckerDelta(i, a), (i, 1, D))` is `f(a)`, for the indices of this textbook: an
    index met by a delta runs over the same range as the one that it is compared with.
    """
    if isinstance(expression, KroneckerDelta) or not expression.has(KroneckerDelta, Sum):
        return expression
    if isinstance(expression, Piecewise):
        return _deltas_outside(expression)
    if not isinstance(expression, Sum):
        return expression.func(*(eliminate_deltas(argument) for argument in expression.args))
    total = eliminate_deltas(expression.function)
    for index, low, high in expression.limits:
        terms = [t for term in Add.make_args(total) for t in _distributed(term, index)]
        total = Add(*(_sifted(term, index, low, high) for term in terms))
    return total


def _deltas_outside(branches: Any) -> Any:
    """Writes a choice between multiples of deltas as the deltas times a choice."""
    pairs = [(eliminate_deltas(value), condition) for value, condition in branches.args]
    factors = [set(Mul.make_args(value)) for value, _ in pairs if value != 0]
    common = set[Any].intersection(*factors) if factors else set()
    deltas = Mul(*(f for f in common if isinstance(f, KroneckerDelta)))
    return deltas * Piecewise(*((value / deltas, condition) for value, condition in pairs))


def _distributed(term: Any, index: Symbol) -> list[Any]:
    factors = Mul.make_args(term)
    for position, factor in enumerate(factors):
        if isinstance(factor, Add) and any(_meets(d, index) for d in factor.atoms(KroneckerDelta)):
            rest = Mul(*factors[:position], *factors[position + 1 :])
            return [t for part in factor.args for t in _distributed(part * rest, index)]
    return [term]


def _sifted(term: Any, index: Symbol, low: Any, high: Any) -> Any:
    for factor in Mul.make_args(term):
        if isinstance(factor, KroneckerDelta) and _meets(factor, index):
            (other,) = set(factor.args) - {index}
            return (term / factor).xreplace({index: other})
    # By hand: SymPy does not see an index in the variable of a derivative.
    factors = Mul.make_args(term)
    inside = Mul(*(f for f in factors if index in f.atoms(Symbol)))
    outside = Mul(*(f for f in factors if index not in f.atoms(Symbol)))
    if inside == 1:
        return outside * (high - low + 1)
    return outside * Sum(inside, (index, low, high))


def _meets(delta: Any, index: Symbol) -> bool:
    return index in delta.args


def _substitute(value: Any, short: Any, long: Any) -> Any:
    if not isinstance(short, sympy.Indexed):
        return value.xreplace({short: long})
    # The abbreviation may stand at other indices: s[n, j] is the definition of s[n, k] with j for
    # k, and a bound j of the definition makes room.
    for use in value.atoms(sympy.Indexed):
        if use.base == short.base:
            renaming = dict(zip(short.indices, use.indices, strict=True))
            back = {new: old for old, new in renaming.items()}
            value = value.xreplace({use: long.xreplace(back | renaming)})
    return value


def _renaming(argument: Argument) -> dict[Any, Any]:
    return {index: Symbol(_FRESH[index.name], integer=True) for index in argument.indices}


def _letter(argument: Argument) -> str:
    symbol = argument.symbol
    return str(symbol.label) if isinstance(symbol, sympy.IndexedBase) else symbol.name
