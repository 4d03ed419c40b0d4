"""Field arithmetic against Python's own whole numbers, and the laws that the roots obey."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivations.modular import fields as ff

LARGE = ff.draw_field(random.Random(0))
SMALL = ff.draw_field(random.Random(0), 1_000, 3_000)
EACH = pytest.mark.parametrize("f", [SMALL, LARGE], ids=["small", "large"])
numbers = st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=8)


def residues(values: list[int], f: ff.Field) -> np.ndarray:
    return np.array([v % f.prime for v in values], np.int64)


@EACH
@given(values=numbers, exponent=st.integers(0, 2**31))
def test_powers_inverses_and_products(f: ff.Field, values: list[int], exponent: int):
    a = residues(values, f)
    assert ff.power(a, exponent, f).tolist() == [pow(v, exponent, f.prime) for v in a.tolist()]
    inverse = ff.inverse(a, f)
    assert ff.product(a, inverse, f).tolist() == [int(v != 0) for v in a.tolist()]


@EACH
@given(values=numbers, others=numbers)
def test_roots_of_squares_are_squares_and_multiply(
    f: ff.Field, values: list[int], others: list[int]
):
    n = min(len(values), len(others))
    a, b = residues(values[:n], f), residues(others[:n], f)
    squares = ff.product(a, a, f), ff.product(b, b, f)
    roots = [ff.root(s, f) for s in squares]
    for r, s in zip(roots, squares, strict=True):
        assert (ff.product(r, r, f) == s).all()
        assert (ff.power(r, f.squares, f) <= 1).all()
    both = ff.root(ff.product(squares[0], squares[1], f), f)
    assert (both == ff.product(roots[0], roots[1], f)).all()


@EACH
def test_minus_one_is_no_square_and_two_is_one(f: ff.Field):
    assert pow(f.prime - 1, f.squares, f.prime) == f.prime - 1
    assert pow(2, f.squares, f.prime) == 1
    assert all(f.squares % n for n in (2, 3, 5, 7))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_binary_fraction_that_it_is(value: float):
    exact = ff.of_fraction(Fraction(value), LARGE)
    assert ff.of_floats(np.array([value]), LARGE).tolist() == [exact]


@given(data=st.data())
def test_a_matrix_product_is_exact_at_the_largest_residues(data: st.DataObject):
    near = st.integers(LARGE.prime - 3, LARGE.prime - 1) | st.integers(0, LARGE.prime - 1)
    k = data.draw(st.integers(1, 40))
    a = np.array(data.draw(st.lists(near, min_size=k, max_size=k)), np.int64)[None]
    b = np.array(data.draw(st.lists(near, min_size=k, max_size=k)), np.int64)[:, None]
    exact = sum(x * y for x, y in zip(a[0].tolist(), b[:, 0].tolist(), strict=True))
    assert ff.bilinear(a, b, LARGE, np.matmul, k).tolist() == [[exact % LARGE.prime]]


def test_a_long_matrix_product_is_exact():
    a = np.full((1, ff.MOST_SUMMANDS), LARGE.prime - 1, np.int64)
    assert ff.bilinear(a, a.T, LARGE, np.matmul, a.size).tolist() == [[a.size % LARGE.prime]]
    with pytest.raises(OverflowError):
        ff.bilinear(a, a.T, LARGE, np.matmul, a.size + 1)


def test_primes_are_the_primes():
    sieve = [n for n in range(2, 2_000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    assert [n for n in range(2_000) if ff.is_prime(n)] == sieve
    assert not ff.is_prime(3_215_031_751)  # a pseudoprime to the bases 2, 3, 5 and 7


def test_the_oracle_is_a_function_and_looks_uniform():
    fields = [SMALL, LARGE]
    inputs = [np.arange(100_000) % f.prime for f in fields]
    drawn = ff.oracle(7, inputs, fields)
    again = ff.oracle(7, [r[::-1] for r in inputs], fields)
    other = ff.oracle(8, inputs, fields)
    for f, a, b, c in zip(fields, drawn, again, other, strict=True):
        assert (a == b[::-1]).all()
        assert a.min() >= 1
        assert a.max() < f.prime
        assert (a != c).mean() > 0.99
        # The mean of a uniform variable, within six standard errors.
        assert abs(a.mean() / f.prime - 0.5) < 6 * 0.29 / len(a) ** 0.5


@pytest.mark.nightly
def test_the_pool_holds_as_many_primes_as_it_says():
    limit = int(ff.LARGEST**0.5) + 1
    small = np.ones(limit + 1, bool)
    for n in range(2, limit + 1):
        if small[n]:
            small[n * n :: n] = False
    primes = np.flatnonzero(small)[3:]  # from three on
    count, step = 0, 2**25
    for start in range(ff.SMALLEST, ff.LARGEST, step):
        odd = np.ones(step // 2, bool)  # start + 1 + 2i
        for p in primes.tolist():
            first = -(start + 1) % p
            odd[(first if first % 2 == 0 else first + p) // 2 :: p] = False
        q = start + 1 + 2 * np.flatnonzero(odd)
        m = (q - 1) // 2
        count += int(((q % 8 == 7) & (m % 3 != 0) & (m % 5 != 0) & (m % 7 != 0)).sum())
    assert count == ff.POOL
