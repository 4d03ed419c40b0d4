"""Every definition and derivative of the textbook, against numbers at small sizes."""

# SymPy's annotations lose what its objects can do.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

import ast
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from derivations import textbook
from derivations.textbook import ENTRIES, Argument, derivative, expanded, pullback
from derivations.textbook.differentiation import eliminate_deltas
from derivations.textbook.notation import K, N, j, k, n, tensor, total

# The tests' own reading of the textbook's expressions, in plain floats.
SIZES = {"N": 2, "D": 3, "M": 2, "K": 3, "S": 3, "T": 2}

_FUNCTIONS = {
    sympy.exp: math.exp,
    sympy.log: math.log,
    sympy.sin: math.sin,
    sympy.cos: math.cos,
    sympy.erf: math.erf,
    sympy.Abs: abs,
    sympy.sign: lambda v: float(np.sign(v)),
    sympy.KroneckerDelta: lambda a, b: float(a == b),
}


def evaluate(expression: Any, values: dict[str, Any], indices: dict[str, int]) -> float:
    """Evaluates `expression` at arrays and scalars by letter, and free indices counted from 1."""

    def at(part: Any) -> Any:
        return evaluate(part, values, indices)

    if isinstance(expression, sympy.Sum):
        *limits, (index, _, size) = expression.limits
        body = expression.func(expression.function, *limits) if limits else expression.function
        rows = range(1, SIZES[size.name] + 1)
        return sum(evaluate(body, values, indices | {index.name: row}) for row in rows)
    if isinstance(expression, sympy.Indexed):
        where = tuple(at(index) - 1 for index in expression.indices)
        return float(values[str(expression.base.label)][where])
    if isinstance(expression, sympy.Symbol):
        known = indices | SIZES
        return known[expression.name] if expression.name in known else values[expression.name]
    if isinstance(expression, sympy.Piecewise):
        branches: Any = expression.args
        return at(next(value for value, condition in branches if holds(condition, at)))
    if isinstance(expression, sympy.Add):
        return sum(map(at, expression.args))
    if isinstance(expression, sympy.Mul):
        return math.prod(map(at, expression.args))
    if isinstance(expression, sympy.Pow):
        return at(expression.base) ** at(expression.exp)
    if expression.is_number and not expression.args:
        return float(expression)
    return _FUNCTIONS[expression.func](*map(at, expression.args))


def holds(condition: Any, at: Any) -> bool:
    """Decides the condition of a branch."""
    if isinstance(condition, (sympy.And, sympy.Or)):
        join = all if isinstance(condition, sympy.And) else any
        return join(holds(part, at) for part in condition.args)
    return (
        bool(condition) if condition in (True, False) else condition.func(*map(at, condition.args))
    )


def shape_of(symbol: Any) -> tuple[int, ...]:
    """Gives the test size of a letter: `()` for a scalar."""
    sizes: Any = getattr(symbol, "shape", None) or ()
    return tuple(SIZES[size.name] for size in sizes)


# Of sums over most indices: the tests' own reading of them takes long.
SLOW = {"group_norm": [pytest.mark.slow]}
ARGUMENTS = [
    pytest.param(
        entry, argument, id=f"{entry.name}-{argument.name}", marks=SLOW.get(entry.name, [])
    )
    for entry in ENTRIES.values()
    for argument in entry.arguments
]
CITED = [
    pytest.param(entry, cited, id=f"{entry.name}-{number}")
    for entry in ENTRIES.values()
    for number, cited in enumerate(entry.cited)
]


def letter(expression):
    base = getattr(expression, "base", None)
    return str(base.label) if isinstance(base, sympy.IndexedBase) else expression.name


def points(entry, seed=0):
    """Draws arguments away from kinks; targets are distributions, as the cited forms ask."""
    rng = np.random.default_rng(seed)
    values = {}
    for argument in entry.arguments:
        drawn = rng.uniform(0.2, 1.5, shape_of(argument.symbol))
        if argument.name == "targets":
            drawn = drawn / drawn.sum(axis=-1, keepdims=True)
        elif argument.name != "b" and not argument.truth:
            drawn = drawn * rng.choice([-1.0, 1.0], drawn.shape)
        values[letter(argument.entry)] = drawn if drawn.shape else float(drawn)
    return values


def entries(base: Any, indices: Any) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
    """Every assignment of the indices of an array, with its position."""
    for position in itertools.product(*map(range, shape_of(base))):
        yield position, {i.name: p + 1 for i, p in zip(indices, position, strict=True)}


def outputs(entry, values):
    base = getattr(entry.output, "base", None) if entry.indices else None
    found = np.zeros(shape_of(base))
    for position, indices in entries(base, entry.indices):
        found[position] = evaluate(entry.definition, values, indices)
    return found


def numerical_jacobian(entry, argument, values, step=1e-5):
    """Central differences: the axes of the output, then those of the argument."""
    name, point = letter(argument.entry), np.asarray(values[letter(argument.entry)])
    found = np.zeros(outputs(entry, values).shape + point.shape)
    for position in np.ndindex(point.shape):
        moved = []
        for sign in (1, -1):
            shifted = point.copy()
            shifted[position] += sign * step
            moved.append(
                outputs(entry, values | {name: shifted if shifted.shape else float(shifted)})
            )
        found[(..., *position)] = (moved[0] - moved[1]) / (2 * step)
    return found


@pytest.mark.parametrize(("entry", "argument"), ARGUMENTS)
def test_sympy_derivative_is_the_numerical_one(entry, argument):
    values = points(entry)
    jacobian = numerical_jacobian(entry, argument, values)
    partial = derivative(entry, argument)
    fresh = getattr(partial.variable, "indices", ())
    for expression in (partial.expression, eliminate_deltas(partial.expression)):
        out_base = entry.output.base if entry.indices else None
        for out, out_indices in entries(out_base, entry.indices):
            for at, indices in entries(argument.symbol, fresh):
                found = evaluate(expression, values, out_indices | indices)
                assert found == pytest.approx(jacobian[out + at], abs=1e-7)


@pytest.mark.parametrize(("entry", "argument"), ARGUMENTS)
def test_pullback_is_the_derivative_against_the_cotangent(entry, argument):
    values = points(entry)
    jacobian = numerical_jacobian(entry, argument, values)
    shape = outputs(entry, values).shape
    cotangent = np.random.default_rng(1).normal(size=shape)
    expected = np.tensordot(cotangent, jacobian, axes=len(shape))
    equation = pullback(entry, argument)
    assert letter(equation.lhs) == "d" + letter(argument.entry)
    values = values | {letter(entry.cotangent): cotangent if shape else float(cotangent)}
    for position, indices in entries(argument.symbol, argument.indices):
        assert evaluate(equation.rhs, values, indices) == pytest.approx(
            expected[position], abs=1e-7
        )


@pytest.mark.parametrize(("entry", "cited"), CITED)
def test_cited_derivative_is_the_numerical_one(entry, cited):
    values = points(entry)
    variable = cited.equation.lhs.variables[0]
    argument = next(a for a in entry.arguments if letter(a.entry) == letter(variable))
    jacobian = numerical_jacobian(entry, argument, values)
    expression = expanded(entry, cited)
    shape = outputs(entry, values).shape
    own = getattr(variable, "indices", ())
    if cited.equation.lhs.expr != entry.output:  # printed as a backward pass of a cost
        cotangent = np.random.default_rng(1).normal(size=shape)
        values = values | {letter(entry.cotangent): cotangent}
        backward = np.tensordot(cotangent, jacobian, axes=len(shape))
        for position, indices in entries(argument.symbol, own):
            found = evaluate(expression, values, indices)
            assert found == pytest.approx(backward[position], abs=1e-7)
        return
    out_base = entry.output.base if entry.indices else None
    for out, out_indices in entries(out_base, entry.indices):
        for position, indices in entries(argument.symbol, own):
            # A book prints one row of the batch: the output and the argument share the letter n.
            if indices.get("n") == out_indices.get("n"):
                found = evaluate(expression, values, out_indices | indices)
                assert found == pytest.approx(jacobian[out + position], abs=1e-7)


def test_the_general_softmax_gradient_needs_no_hypothesis():
    entry = ENTRIES["softmax_cross_entropy"]
    values = points(entry)
    values["y"] = 3 * values["y"]
    gradient = np.sum(numerical_jacobian(entry, entry.arguments[0], values), axis=0)
    under_hypothesis, general = (expanded(entry, cited) for cited in entry.cited)
    at = {"n": 1, "k": 2}
    assert evaluate(general, values, at) == pytest.approx(gradient[0, 1], abs=1e-7)
    assert evaluate(under_hypothesis, values, at) != pytest.approx(gradient[0, 1], abs=1e-2)


SCALE, ALPHA = 1.05070098735548, 1.67326324235437
KNOWN = {
    "sigmoid": lambda v: 0.5 * (1 + math.tanh(v / 2)),
    "tanh": math.tanh,
    "softplus": lambda v: np.logaddexp(v, 0),
    "log_sigmoid": lambda v: -np.logaddexp(-v, 0),
    "silu": lambda v: v * 0.5 * (1 + math.tanh(v / 2)),
    "mish": lambda v: v * math.tanh(np.logaddexp(v, 0)),
    "gelu": lambda v: v * math.erfc(-v / math.sqrt(2)) / 2,
    "gelu_tanh": lambda v: v / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))),
    "elu": lambda v: v if v > 0 else math.expm1(v),
    "celu": lambda v: v if v > 0 else math.expm1(v),
    "selu": lambda v: SCALE * (v if v > 0 else ALPHA * math.expm1(v)),
    "soft_sign": lambda v: v / (1 + abs(v)),
    "squareplus": lambda v: (v + math.hypot(v, 2)) / 2,
    "relu6": lambda v: min(max(v, 0), 6),
    "leaky_relu": lambda v: max(v, v / 100),
    "hard_tanh": lambda v: min(max(v, -1), 1),
    "hard_sigmoid": lambda v: min(max(v + 3, 0), 6) / 6,
    "hard_silu": lambda v: v * min(max(v + 3, 0), 6) / 6,
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_definition_is_the_function_of_that_name(name):
    for v in (-7.5, -3.0, -0.25, 0.0, 1.5, 7.5):
        found = evaluate(ENTRIES[name].definition, {"x": v}, {})
        assert found == pytest.approx(KNOWN[name](v), abs=1e-12)


def test_deltas_of_other_indices_are_kept():
    n, m, k, size = sympy.symbols("n m k K", integer=True)
    y = sympy.IndexedBase("y")
    kept = sympy.Sum(sympy.KroneckerDelta(n, m) * y[k], (k, 1, size))
    assert eliminate_deltas(kept) == sympy.KroneckerDelta(n, m) * sympy.Sum(y[k], (k, 1, size))
    assert eliminate_deltas(sympy.Sum(3, (k, 1, size))) == 3 * size


def test_free_and_bound_letters_are_never_confused():
    x, cost = tensor("x", N, K), tensor("C", N)
    products = sympy.exp(x[n, k] * x[n, j])
    entry = ENTRIES["half_squared_error"]._replace(
        arguments=(Argument("x", x, (n, k)),),
        output=cost[n],
        definition=total(total(products, k, K), j, K),
    )
    values = points(entry)
    jacobian = numerical_jacobian(entry, entry.arguments[0], values).sum(axis=0)
    values["dC"] = np.ones(2)
    right = pullback(entry, entry.arguments[0]).rhs
    for position, indices in entries(x, (n, k)):
        assert evaluate(right, values, indices) == pytest.approx(jacobian[position], rel=1e-6)


def test_the_textbook_knows_nothing_but_sympy():
    folder = Path(textbook.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                assert name.split(".")[0] in {"sympy", "typing"} or name.startswith(
                    "derivations.textbook"
                )
