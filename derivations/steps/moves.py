"""What is done to an expression besides differentiating it: definitions, sums, identities."""

from collections.abc import Iterable, Iterator
from typing import Any

import sympy
from sympy import Add, Mul, Pow, Sum
from sympy.core.function import AppliedUndef

from derivations.steps.derivation import Definition, Step
from derivations.steps.matching import is_index, match
from derivations.steps.rules import Move
from derivations.textbook.differentiation import eliminate_deltas

_LETTERS = sympy.symbols("j i h l q k m n", integer=True)

_AT_A_STROKE = ("linear", "slope")


def derive(start: Any, moves: Iterable[Move]) -> tuple[Step, ...]:
    """Gives the steps of a chain of moves; one that changes nothing is none."""
    steps: list[Step] = []
    expression = start
    for move in moves:
        for following, reason in move(expression):
            if following != expression:
                if reason in _AT_A_STROKE and steps and steps[-1].reason == reason:
                    steps.pop()
                steps.append(Step(following, reason))
                expression = following
    return tuple(steps)


def changed(reason: str, change: Any) -> Move:
    """Gives the move that applies a function to the whole expression."""

    def move(expression: Any) -> Iterator[tuple[Any, str]]:
        yield change(expression), reason

    return move


def everywhere(reason: str, rule: Any) -> Move:
    """Gives the move that applies a rule to every part, the innermost first.

    A rule gives the new part, or `None` where it does not apply.
    """
    return changed(reason, lambda expression: _rewritten(expression, rule))


def _rewritten(expression: Any, rule: Any) -> Any:
    if expression.args and not isinstance(expression, sympy.Indexed):
        expression = expression.func(*(_rewritten(a, rule) for a in expression.args))
    outcome = rule(expression)
    return expression if outcome is None else outcome


def unfold(definition: Definition, reason: str = "definition") -> Move:
    """Gives the move that puts in a definition; bound letters that are taken make room."""

    def replaced(expression: Any, taken: set[Any]) -> Any:
        found = match(definition.lhs, expression)
        if found is not None:
            return _instance(definition.rhs, found, taken)
        if not expression.args or isinstance(expression, sympy.Indexed):
            return expression
        if isinstance(expression, sympy.Derivative):
            of, variable = expression.expr, expression.variables[0]
            slope = isinstance(of, AppliedUndef) and of.args == (variable,)
            if slope and match(definition.lhs, of) is None:
                return expression  # σ'(z), whatever z is
            return sympy.Derivative(replaced(of, taken), variable)
        return expression.func(*(replaced(a, taken) for a in expression.args))

    return changed(reason, lambda e: replaced(e, set(e.atoms(sympy.Symbol))))


def _instance(rhs: Any, found: dict[Any, Any], taken: set[Any]) -> Any:
    bound = {limit[0] for part in rhs.atoms(Sum) for limit in part.limits}
    free = iter([s for s in _LETTERS if s not in taken | set(found) | bound])
    fresh = {b: next(free) for b in sorted(bound, key=str) if b in taken}
    return rhs.xreplace(fresh).xreplace(found)


def fold(definition: Definition, reason: str = "folded") -> Move:
    """Gives the move that finds a quotient that a letter is defined as, and writes the letter."""
    letters = [s for s in sorted(definition.lhs.atoms(sympy.Symbol), key=str) if is_index(s)]

    def rule(expression: Any) -> Any:
        if not isinstance(expression, Mul | Pow):
            return None
        here = [s for s in sorted(expression.atoms(sympy.Symbol), key=str) if is_index(s)]
        for found in _assignments(letters, here):
            rhs = definition.rhs.xreplace(found)
            times = _times_in(expression, rhs)
            if times:
                rest = expression / _as_written(expression, rhs) ** times
                again = rule(rest)
                return definition.lhs.xreplace(found) ** times * (rest if again is None else again)
        return None

    return everywhere(reason, rule)


def _assignments(letters: list[Any], values: list[Any]) -> Iterator[dict[Any, Any]]:
    if not letters:
        yield {}
        return
    for rest in _assignments(letters[1:], values):
        # The letter itself first: it is what the reader expects.
        for value in sorted(values, key=lambda v: v != letters[0]):
            yield {letters[0]: value} | rest


def _times_in(product: Any, factors: Any) -> int:
    """Gives how often a product of factors is part of another one."""
    have = dict(_canonical(f).as_base_exp() for f in Mul.make_args(product))
    times = []
    for base, power in (_canonical(f).as_base_exp() for f in Mul.make_args(factors)):
        if base not in have:
            return 0
        if base is sympy.E:
            # e^(a + b) holds e^a once.
            times.append(int(set(Add.make_args(power)) <= set(Add.make_args(have[base]))))
        else:
            times.append(max(0, int(have[base] / power)) if have[base].is_number else 0)
    return min(times)


def _as_written(product: Any, factors: Any) -> Any:
    """Gives the factors with the bound letters that they have in the product."""
    bases = [f.as_base_exp()[0] for f in Mul.make_args(product)]
    written = {_canonical(base): base for base in bases}
    pairs = [f.as_base_exp() for f in Mul.make_args(factors)]
    return Mul(*(written.get(_canonical(base), base) ** power for base, power in pairs))


def _canonical(expression: Any, depth: int = 0) -> Any:
    """Gives an expression with bound letters that depend on how deep they are bound alone."""
    if isinstance(expression, Sum) and len(expression.limits) == 1:
        ((index, low, high),) = expression.limits
        name = sympy.Symbol(f"_{depth}", integer=True)
        body = _canonical(expression.function.xreplace({index: name}), depth + 1)
        return Sum(body, (name, low, high))
    if not expression.args or isinstance(expression, sympy.Indexed):
        return expression
    return expression.func(*(_canonical(a, depth) for a in expression.args))


def named(definition: Definition, reason: str) -> Move:
    """Gives the move that writes a letter for the whole of what it is defined as."""

    def rule(expression: Any) -> Any:
        found = match(definition.rhs, expression)
        return None if found is None else definition.lhs.xreplace(found)

    return everywhere(reason, rule)


def along_paths(quantity: Any, through: Any, index: Any, size: Any) -> Move:
    """Gives the move that differentiates a quantity through all entries that it depends on."""

    def rule(expression: Any) -> Any:
        if not isinstance(expression, sympy.Derivative) or expression.expr != quantity:
            return None
        first = sympy.Derivative(quantity, through)
        return Sum(first * sympy.Derivative(through, expression.variables[0]), (index, 1, size))

    return everywhere("chain_rule_paths", rule)


# --- sums ---------------------------------------------------------------------------------------

delta: Move = changed("delta", eliminate_deltas)


def _moved_out(expression: Any) -> Any:
    if not isinstance(expression, Sum) or len(expression.limits) != 1:
        return None
    ((index, low, high),) = expression.limits
    # By hand: SymPy does not see the index in the variable of a derivative.
    body: Any = expression.function
    factors = Mul.make_args(body)
    inside = Mul(*(f for f in factors if index in f.atoms(sympy.Symbol)))
    outside = Mul(*(f for f in factors if index not in f.atoms(sympy.Symbol)))
    return None if outside == 1 or inside == 1 else outside * Sum(inside, (index, low, high))


def _term_by_term(expression: Any) -> Any:
    if not isinstance(expression, Sum):
        return None
    terms = Add.make_args(sympy.expand_mul(expression.function, deep=False))
    if len(terms) == 1:
        return None
    sums: list[Any] = [Sum(t, *expression.limits) for t in terms]
    return Add(*(_moved_out(s) or s for s in sums))


sums_split: Move = everywhere("multiplied_out", _term_by_term)


def _multiplied_out(expression: Any) -> Any:
    return sympy.expand_mul(expression, deep=False) if isinstance(expression, Mul) else None


multiplied_out: Move = everywhere("multiplied_out", _multiplied_out)
