"""One trial: the fields, the pseudo-random functions, and an account of what was relied on."""

import itertools
import random
import zlib
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from derivations import clock
from derivations import graph as g
from derivations.constants import recognised
from derivations.lift import Unsupported, kind_of
from derivations.modular import fields as ff
from derivations.modular.degree import CONSTANT, VARIABLE, Degree, joint, multiplied, of_bits
from derivations.modular.fields import Field, Residues
from derivations.modular.value import (
    Exponential,
    Redraw,
    Undecided,
    Value,
    rational_part,
    to_power,
)

MOST_DEGREES = 100  # of variables that are told apart in the bound
MOST_READ = 64  # different numbers in a constant array that are read as what they stand for
CLOSE = 1e-9  # relative: floats closer than this decide nothing
SMALL = 1e-3  # and numbers below this are held to be wrong by as much as this one


class Claim(NamedTuple):
    """Values that were told apart by their residues alone: how many, and of which degree."""

    entries: int
    degree: Degree


class Taken(NamedTuple):
    """An array of square roots that was taken.

    Attributes:
      inside: The residues under the roots.
      needed: Where there is a real root.
      good: In each field, where they have a root, or none is needed.
      degree: The bound on their degree.
    """

    inside: tuple[Residues, ...]
    needed: np.ndarray
    good: tuple[np.ndarray, ...]
    degree: Degree


class Trial:
    """One execution of both functions.

    Attributes:
      fields: Where the residues live.
      deadline: When to give up, by `clock.now`.
      pool: Out of how many primes each field was drawn.
      variables: The values that became variables by their residues, by the function applied.
      ties: The comparisons decided by equal residues.
      units: M: exponents are whole multiples of 1/M.
      taken: The square roots that were taken, in order; those of constants apart.
      factor: How much more likely a polynomial is zero because of them.
      results: The equations that were executed, so that no equal one is again.
      irrational: The primes that the roots of constants were taken of.
      comparisons: How many comparisons of numbers that are not constant were decided.
      sides: Which way the comparisons fell (`sides.py`).
      orders: What put numbers in order, which may be another one elsewhere.
      signs: Values whose sign is certain.
      assumptions: What the constants were read as.
    """

    def __init__(self, seed: int, deadline: float = float("inf")):
        self.draw = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.fields: tuple[Field, ...] = ()
        self.pool = ff.POOL
        self.deadline = deadline
        self.key = self.draw.getrandbits(64)
        self.variables: dict[str, list[Claim]] = {}
        self.ties: list[Claim] = []
        self.units = 1
        self.taken: list[Taken] = []
        self.factor = 1.0
        self.irrational: set[int] = set()
        self.comparisons = 0
        self.sides: set[Any] = set()
        self.orders: set[str] = set()
        self.signs: dict[int, tuple[Value, int]] = {}
        self.assumptions: set[str] = set()
        self.constants: dict[Any, tuple[Any, Value]] = {}
        self.results: dict[Any, tuple[tuple[Value, ...], list[Value]]] = {}

    # --- inputs and constants -------------------------------------------------------------------

    def input(self, shadow: np.ndarray) -> Value:
        """Gives an input: its residues are uniform, whatever its shadow is."""
        if kind_of(shadow.dtype) != "float":
            return Value(shadow)
        residues = tuple(
            self.numbers.integers(0, f.prime, shadow.shape, np.int64) for f in self.fields
        )
        return Value(shadow, residues, VARIABLE)

    def rational(self, number: Fraction | int, shape: tuple[int, ...] = ()) -> Value:
        """Gives an array of one rational number."""
        number = Fraction(number)
        try:
            residues = tuple(
                np.broadcast_to(np.int64(ff.of_fraction(number, f)), shape) for f in self.fields
            )
        except ZeroDivisionError:
            raise Redraw("a constant's denominator is a multiple of the prime") from None
        bits = of_bits(abs(number.numerator).bit_length(), (number.denominator - 1).bit_length())
        return Value(np.broadcast_to(float(number), shape), residues, bits, number=number)

    def whole(self, numbers: np.ndarray) -> Value:
        """Gives whole numbers as real ones."""
        flat = numbers.reshape(-1)
        if flat.size and (flat == flat[0]).all():
            return self.rational(int(flat[0]), numbers.shape)
        wide = numbers.astype(np.int64)
        bits = int(np.abs(wide).max(initial=0)).bit_length()
        residues = tuple(ff.reduced(wide, f) for f in self.fields)
        return Value(numbers.astype(np.float64), residues, of_bits(bits, 0), whole=_small(wide))

    def constant(self, number: Any) -> Value:
        """Gives an array of the code's constants."""
        single = (
            isinstance(number, (bool, int, float, np.number)) or getattr(number, "ndim", 1) == 0
        )
        key = (str(number), str(getattr(number, "dtype", type(number)))) if single else id(number)
        if key in self.constants:
            return self.constants[key][1]
        dtype = getattr(number, "dtype", None)
        if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.extended):
            raise Unsupported(f"values of type {dtype}")
        array = np.asarray(number)
        kind = kind_of(array.dtype)
        value = self._floats(array.astype(np.float64)) if kind == "float" else Value(array)
        self.constants[key] = number, value
        return value

    def _floats(self, array: np.ndarray) -> Value:
        numbers, place = np.unique(array, return_inverse=True)
        if not array.size:
            return Value(array, tuple(np.zeros(array.shape, np.int64) for _ in self.fields))
        finite = np.isfinite(array)
        if len(numbers) > MOST_READ:
            residues = tuple(ff.of_floats(np.where(finite, array, 0), f) for f in self.fields)
            return Value(array, residues, of_bits(1075, 1075))
        read = [self._number(float(x)) for x in numbers]
        if len(read) == 1:
            value = read[0].moved(lambda a: np.broadcast_to(a, array.shape), self.atom)
            value.shadow = array
            return value
        residues = tuple(
            np.array([v.residues[i] for v in read], np.int64)[place].reshape(array.shape)
            for i in range(len(self.fields))
        )
        degree = Degree(*(sum(parts) for parts in zip(*(v.degree for v in read), strict=True)))
        whole = array.astype(np.int64) if finite.all() and (array % 1 == 0).all() else None
        return Value(array, residues, degree, whole=None if whole is None else _small(whole))

    def _number(self, number: float) -> Value:
        if not np.isfinite(number):
            zeros = tuple(np.zeros((), np.int64) for _ in self.fields)
            return Value(np.asarray(number), zeros)
        node, assumption = recognised(number)
        self.assumptions.update({assumption} - {""})
        return self._of_node(node)

    def _of_node(self, node: g.Node) -> Value:
        from derivations.modular import arithmetic, functions

        match node.op:
            case "const":
                return self.rational(node.data)
            case "pi":
                return arithmetic.whole_power(self, self._root_of_pi(), 2)
            case "mul":
                values = list(map(self._of_node, node.args))
                result = values[0]
                for value in values[1:]:
                    result = arithmetic.multiply(self, result, value)
                return result
            case "pow":
                return arithmetic.whole_power(self, self._of_node(node.args[0]), node.data)
            case "kernel" if node.data == "sqrt":
                return self._root_of_node(node.args[0])
            case "kernel" if node.data == "log":
                return functions.logarithm(self, self._of_node(node.args[0]))
        raise Unsupported(f"the constant {node}")

    def _root_of_pi(self) -> Value:
        """Gives √π, a variable; π is its square."""
        residues = self.oracle("√π", [np.zeros((), np.int64) for _ in self.fields])
        return Value(np.asarray(np.sqrt(np.pi)), tuple(residues), VARIABLE)

    def _root_of_node(self, node: g.Node) -> Value:
        from derivations.modular import arithmetic, functions

        if node is g.PI:
            return self._root_of_pi()
        if node.op == "const":
            return functions.square_root(self, self._of_node(node))
        factors = node.args if node.op == "mul" else (node,)
        roots = [
            functions.invert(self, self._root_of_node(f.args[0]))
            if f.op == "pow" and f.data == -1
            else self._root_of_node(f)
            for f in factors
        ]
        result = roots[0]
        for value in roots[1:]:
            result = arithmetic.multiply(self, result, value)
        return result

    # --- variables ------------------------------------------------------------------------------

    def oracle(self, name: str, residues: Sequence[Residues]) -> list[Residues]:
        """Gives a pseudo-random function of residues, one function for each name."""
        return ff.oracle(self.key ^ (zlib.crc32(name.encode()) << 16), residues, self.fields)

    def variable(self, name: str, residues: Sequence[Residues], degree: Degree) -> list[Residues]:
        """Gives a variable for each different value; equal ones share theirs."""
        self.variables.setdefault(name, []).append(Claim(int(np.size(residues[0])), degree))
        return self.oracle(name, residues)

    def atom(self, value: Value) -> Exponential:
        """Gives e to a value that is no sum: a variable, or its power by a constant factor."""
        if value.number is not None:
            content, degree = value.number, CONSTANT
            base: Sequence[Residues] = [np.int64(1) * np.ones_like(r) for r in value.residues]
        else:
            content, degree = rational_part(value.factor), value.degree
            scale = self.rational(1 / content)
            degree = multiplied(degree, scale.degree)
            base = [
                ff.product(r, s, f)
                for r, s, f in zip(value.residues, scale.residues, self.fields, strict=True)
            ]
        drawn = self.variable("exp", base, degree)
        squares = (ff.product(r, r, f) for r, f in zip(drawn, self.fields, strict=True))
        result = to_power(Exponential(tuple(squares), VARIABLE), content, self.fields)
        assert result is not None
        return result

    def exponential(self, value: Value) -> Exponential:
        """Gives e to a value."""
        result = value.exponential(self.atom)
        self.units = int(np.lcm(self.units, result.units))
        return result

    # --- decisions ------------------------------------------------------------------------------

    def same(self, a: Value, b: Value) -> np.ndarray:
        """Tells where two arrays of real numbers are equal, by residues and by shadows.

        Raises:
          Redraw: The two disagree, or a shadow does not tell.
        """
        x, y = a.shadow, b.shadow
        finite = np.isfinite(x) & np.isfinite(y)
        equal = finite.copy()
        for r, s in zip(a.residues, b.residues, strict=True):
            equal &= r == s
        with np.errstate(all="ignore"):
            size = np.maximum(np.maximum(np.abs(x), np.abs(y)), SMALL)
            close = np.abs(x - y) <= CLOSE * size
        if (finite & (close != equal)).any():
            raise Redraw("a comparison is too close to call")
        if not (self.is_constant(a) and self.is_constant(b)):
            self.comparisons += int(finite.sum())
            if equal.any():
                self.ties.append(Claim(int(equal.sum()), Degree(*map(max, a.degree, b.degree))))
        return equal

    @staticmethod
    def is_constant(value: Value) -> bool:
        """Tells whether a value is the same at every point, for certain."""
        return value.degree.top == value.degree.bottom == 0

    # --- results --------------------------------------------------------------------------------

    def finite(self, value: Value, *operands: Value, pole: np.ndarray | None = None) -> Value:
        """Clears the residues where the shadow is not finite.

        Raises:
          Redraw: The shadow overflowed: there is a real number, and it is not known.
        """
        bad = ~np.isfinite(value.shadow)
        if not bad.any():
            return value
        for operand in operands:
            bad = bad & np.isfinite(operand.shadow)
        if pole is not None:
            bad = bad & ~pole
        if np.isinf(
            value.shadow[bad] if value.shadow.ndim else value.shadow[None][bad[None]]
        ).any():
            raise Redraw("a number overflows float64")
        kept = np.isfinite(value.shadow)
        value.residues = tuple(np.where(kept, r, 0) for r in value.residues)
        return value

    def begin(self) -> None:
        """Forgets the account of an execution before another one."""
        self.variables.clear()
        self.ties.clear()
        self.taken.clear()
        self.results.clear()
        self.constants.clear()
        self.sides.clear()
        self.orders.clear()
        self.signs.clear()
        self.comparisons = 0

    def check_time(self) -> None:
        """Raises `Undecided` after the deadline."""
        if clock.now() > self.deadline:
            raise Undecided("the time is up")

    def shared(self) -> float:
        """Bounds the chance that two different values shared a variable, or made a tie."""
        total = 0.0
        for claims in self.variables.values():
            counts: dict[Degree, int] = {}
            for claim in claims:
                counts[claim.degree] = counts.get(claim.degree, 0) + claim.entries
            if len(counts) > MOST_DEGREES:
                counts = {Degree(*map(max, zip(*counts, strict=True))): sum(counts.values())}
            for i, (a, m) in enumerate(counts.items()):
                total += m * (m - 1) / 2 * self.chance(a, a)
                for b, n in itertools.islice(counts.items(), i):
                    total += m * n * self.chance(a, b)
        return total + sum(c.entries * self.chance(c.degree, c.degree) for c in self.ties)

    def chance(self, a: Degree, b: Degree) -> float:
        """Bounds the chance that two different values have the same residues in every field."""
        return joint(a, b, self.fields, self.units * self.factor, len(self.irrational), self.pool)


def _small(numbers: np.ndarray) -> np.ndarray | None:
    """Gives whole numbers that are small enough for an exponent."""
    wide = numbers.astype(np.int64)
    return wide if np.abs(wide).max(initial=0) < 2**20 else None
