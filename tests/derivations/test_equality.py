"""Identities that must be proved, and near-identities that must not.

Each line is also evaluated at points, so that the tables themselves are known to be right.
"""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from derivations import clock
from derivations import graph as g
from derivations.equality import equal
from derivations.evaluate import Point, ball, evaluate, rational
from derivations.graph import Index, Node
from derivations.refute import differ
from derivations.series import Ambiguous

N, K = "n", "k"
R, J, L = Index("i", N), Index("j", N), Index("l", N)
P, Q = Index("p", K), Index("q", K)
A, B = Index("a", 5), Index("b", 2)
SHAPES = {
    "x": (N,), "y": (N,), "z": (N,), "s": (N, N), "a": (N, K), "b": (K,), "five": (5,),
    "u": (), "v": (), "w": (), "whole": (N,),
}  # fmt: skip
SIZES = ({"n": 3, "k": 4}, {"n": 4, "k": 2}, {"n": 1, "k": 3})

Pair = tuple[str, Node, Node]


def _of(tensor: str, *at: g.At) -> Node:
    return g.entry(tensor, at, numbers="whole" if tensor == "whole" else "real")


def _sum(*parts: Index | Node) -> Node:
    """Gives the sum over the indices of the last argument."""
    *bounds, body = parts
    assert isinstance(body, Node)
    for bound in reversed(bounds):
        assert isinstance(bound, Index)
        body = g.total(bound, body)
    return body


def _less(a: Node, b: Node, *, whole: bool = False) -> Node:
    return g.compare("lt", a, b, whole=whole)


def _root(a: Node) -> Node:
    return g.kernel("sqrt", a)


def _relu(a: Node) -> Node:
    return g.maximum(a, g.ZERO)


def _top(index: Index) -> Node:
    """Gives the largest entry of x."""
    return g.largest(index, _of("x", index))


X, Y, U, V, W = _of("x", R), _of("y", R), _of("u"), _of("v"), _of("w")
TWO = g.const(2)
N_, K_ = g.size(N), g.size(K)
MEAN = g.div(_sum(J, _of("x", J)), N_)
HOT = g.select(g.compare("eq", _of("whole", R), g.index(J), whole=True), g.ONE, g.ZERO)


def _identities() -> Iterator[Pair]:
    # sums: names, order, nesting
    yield (
        "a bound index may be called anything",
        _sum(P, g.mul(_of("a", R, P), _of("b", P))),
        _sum(Q, g.mul(_of("b", Q), _of("a", R, Q))),
    )
    yield "sums change places", _sum(R, P, _of("a", R, P)), _sum(P, R, _of("a", R, P))
    yield (
        "a product of sums is a sum of products",
        g.mul(_sum(R, X), _sum(J, _of("y", J))),
        _sum(R, J, g.mul(X, _of("y", J))),
    )
    yield (
        "a square of a sum has two indices",
        g.power(_sum(R, X), 2),
        _sum(R, J, g.mul(X, _of("x", J))),
    )
    yield (
        "one of two alike sums is not told from the other",
        _sum(R, J, g.mul(X, _of("y", J), _of("s", R, J))),
        _sum(L, R, g.mul(_of("x", L), _of("y", R), _of("s", L, R))),
    )
    yield (
        "a triple product may be summed in any order",
        _sum(R, g.mul(X, _sum(P, g.mul(_of("a", R, P), _of("b", P))))),
        _sum(P, g.mul(_of("b", P), _sum(J, g.mul(_of("a", J, P), _of("x", J))))),
    )
    yield "a sum of a constant counts", _sum(R, U), g.mul(N_, U)
    yield "a sum of deviations is zero", _sum(R, g.sub(X, MEAN)), g.ZERO
    yield (
        "a variance is a mean of squares less a squared mean",
        g.div(_sum(R, g.power(g.sub(X, MEAN), 2)), N_),
        g.sub(g.div(_sum(R, g.power(X, 2)), N_), g.power(MEAN, 2)),
    )
    yield (
        "an index object bound twice is two indices",
        _sum(R, g.add(X, _sum(R, Y))),
        g.add(_sum(R, X), g.mul(N_, _sum(J, _of("y", J)))),
    )
    # deltas
    yield "a delta picks", _sum(J, g.mul(g.equal_index(R, J), _of("x", J))), X
    yield (
        "a delta joins two sums",
        _sum(R, J, g.mul(g.equal_index(R, J), X, _of("y", J))),
        _sum(R, g.mul(X, Y)),
    )
    yield (
        "what a delta puts in is not captured",
        _sum(R, g.mul(g.equal_index(R, J), _sum(J, _of("s", R, J)))),
        _sum(L, _of("s", J, L)),
    )
    yield (
        "nor two levels down",
        _sum(R, g.mul(g.equal_index(R, J), _sum(J, L, g.mul(_of("s", R, J), _of("s", J, L))))),
        _sum(R, L, g.mul(_of("s", J, R), _of("s", R, L))),
    )
    yield (
        "nor under a maximum",
        _sum(R, g.mul(g.equal_index(R, J), g.largest(J, _of("s", R, J)))),
        g.largest(L, _of("s", J, L)),
    )
    yield "a delta is its own square", g.power(g.equal_index(R, J), 2), g.equal_index(R, J)
    yield "the first entry is there", _sum(R, g.mul(g.equal_index(R, 0), X)), _of("x", 0)
    yield "an entry in range", _sum(A, g.mul(g.equal_index(A, 3), _of("five", A))), _of("five", 3)
    yield "a one-hot row picks", _sum(J, g.mul(HOT, HOT)), _sum(J, HOT)
    # kernels
    yield "exponents add", g.mul(g.exp(U), g.exp(V)), g.exp(g.add(U, V))
    yield "a half exponent", g.power(g.exp(g.div(U, TWO)), 2), g.exp(U)
    yield "the logarithm of an exponential", g.log(g.exp(U)), U
    yield "the logarithm of a product", g.log(g.mul(g.exp(U), TWO)), g.add(U, g.log(TWO))
    yield "log 8", g.log(g.const(8)), g.mul(g.const(3), g.log(TWO))
    yield "the root of a square", _root(g.power(U, 2)), g.absolute(U)
    yield "the root of a fourth power", _root(g.power(U, 4)), g.power(U, 2)
    yield (
        "the square of a root",
        g.power(_root(g.add(g.ONE, g.power(U, 2))), 2),
        g.add(g.ONE, g.power(U, 2)),
    )
    yield "the logarithm of a square", g.log(g.power(U, 2)), g.mul(TWO, g.log(g.absolute(U)))
    yield "sin is odd", g.kernel("sin", g.sub(U, V)), g.neg(g.kernel("sin", g.sub(V, U)))
    yield "cos is even", g.kernel("cos", g.sub(U, V)), g.kernel("cos", g.sub(V, U))
    yield "erf is odd", g.kernel("erf", g.neg(U)), g.neg(g.kernel("erf", U))
    yield (
        "partial fractions",
        g.sub(g.div(g.ONE, g.add(g.ONE, g.exp(U))), g.ONE),
        g.neg(g.div(g.exp(U), g.add(g.ONE, g.exp(U)))),
    )
    yield (
        "the logistic function of both signs",
        g.add(
            g.power(g.add(g.ONE, g.exp(U)), -1),
            g.power(g.add(g.ONE, g.exp(g.neg(U))), -1),
        ),
        g.ONE,
    )
    yield (
        "a softmax does not see a shift",
        g.div(g.exp(g.sub(X, U)), _sum(J, g.exp(g.sub(_of("x", J), U)))),
        g.div(g.exp(X), _sum(J, g.exp(_of("x", J)))),
    )
    yield (
        "nor one that depends on the row",
        g.div(g.exp(g.sub(X, _top(J))), _sum(J, g.exp(g.sub(_of("x", J), _top(L))))),
        g.div(g.exp(X), _sum(J, g.exp(_of("x", J)))),
    )
    # regions
    yield "maximum and minimum", g.add(g.maximum(U, V), g.minimum(U, V)), g.add(U, V)
    yield "absolute values multiply", g.mul(g.absolute(U), g.absolute(V)), g.absolute(g.mul(U, V))
    yield "maxima associate", g.maximum(U, g.maximum(V, W)), g.maximum(g.maximum(W, U), V)
    yield "a number is its two halves", g.sub(_relu(U), _relu(g.neg(U))), U
    yield "a sign and a size", g.mul(g.sign(U), g.absolute(U)), U
    yield (
        "a maximum by an absolute value",
        g.div(g.add(U, V, g.absolute(g.sub(U, V))), TWO),
        g.maximum(U, V),
    )
    yield (
        "a region that does not exist",
        g.select(_less(g.ONE, U), g.select(_less(U, g.ZERO), g.const(7), U), U),
        U,
    )
    yield (
        "nor one of three conditions",
        g.select(
            _less(U, V),
            g.select(_less(V, W), g.select(_less(W, U), g.const(9), g.ZERO), g.ZERO),
            g.ZERO,
        ),
        g.ZERO,
    )
    yield (
        "a condition that is always true",
        g.select(_less(g.ZERO, g.add(g.ONE, g.power(U, 2))), U, V),
        U,
    )
    yield "off the boundary < is <=", g.select(_less(U, V), U, V), g.minimum(U, V)
    yield "a real number is not 3", g.select(g.compare("eq", U, g.const(3)), V, U), U
    yield (
        "a branch inside a sum",
        _sum(R, g.add(_relu(X), _relu(g.neg(X)))),
        _sum(J, g.absolute(_of("x", J))),
    )
    yield (
        "a delta out of a branch",
        _sum(J, g.mul(g.equal_index(R, J), _relu(_of("x", J)))),
        _relu(X),
    )
    # whole numbers
    y = _of("whole", R)
    yield (
        "below 2 is at most 1 for whole numbers",
        g.select(_less(y, TWO, whole=True), U, V),
        g.select(g.compare("le", y, g.ONE, whole=True), U, V),
    )
    yield (
        "whole numbers, converted, stay whole",
        g.select(_less(y, TWO), U, V),
        g.select(g.compare("le", y, g.ONE, whole=True), U, V),
    )

    under = g.add(g.power(K_, 4), g.power(_of("a", R, 0), 2), g.power(X, 2))
    over = [_sum(R, g.div(g.mul(top, Y), under)) for top in (g.ONE, g.power(_of("a", R, 0), 2))]
    yield (
        "a size that stands before the sum in which its inverse is",
        g.add(g.mul(g.power(K_, 4), over[0]), over[1], _sum(R, g.div(g.mul(X, X, Y), under))),
        _sum(R, Y),
    )


def _near_identities() -> Iterator[Pair]:
    yield (
        "a transposed matrix",
        _sum(J, g.mul(_of("s", R, J), _of("x", J))),
        _sum(J, g.mul(_of("s", J, R), _of("x", J))),
    )
    yield "the square of a sum", _sum(R, g.power(X, 2)), g.power(_sum(R, X), 2)
    yield "means over other sizes", g.div(_sum(R, X), N_), g.div(_sum(R, X), K_)
    yield (
        "diagonal and full",
        _sum(R, _of("s", R, R)),
        _sum(R, J, _of("s", R, J)),
    )
    yield (
        "two sums and one",
        _sum(R, J, g.mul(X, _of("y", J))),
        _sum(R, g.mul(X, Y)),
    )
    yield (
        "two paths of different shape",
        _sum(R, J, L, g.mul(_of("s", R, J), _of("s", J, L))),
        _sum(R, J, L, g.mul(_of("s", R, J), _of("s", R, L))),
    )
    yield "a size that may be one", N_, g.ONE
    yield "a comparison of sizes", g.select(_less(g.ONE, N_, whole=True), U, V), U
    yield "a delta of other ranges", _sum(R, g.mul(g.equal_index(R, P), X)), _of("b", P)
    yield "a delta that may miss", _sum(R, g.equal_index(R, P)), g.ONE
    yield "a number that may be out of range", _sum(R, g.mul(g.equal_index(R, 3), X)), _of("x", 3)
    yield "one that surely is", _sum(B, g.equal_index(B, 3)), g.ONE
    yield "a label may be out of range", _sum(J, HOT), g.ONE
    yield "the root of a square, signed", _root(g.power(U, 2)), U
    yield "a root squared", g.power(_root(U), 2), U
    yield "a logarithm of a square", g.mul(TWO, g.log(U)), g.log(g.power(U, 2))
    yield "an exponential of a logarithm", g.exp(g.log(U)), U
    yield (
        "roots of products of any sign",
        g.mul(_root(g.mul(U, V)), _root(g.mul(U, W))),
        g.mul(U, _root(g.mul(V, W))),
    )
    yield "a power of an exponential", g.power(g.exp(U), 2), g.exp(g.power(U, 2))
    yield "a sum of absolute values", g.absolute(g.add(U, V)), g.add(g.absolute(U), g.absolute(V))
    yield "a sum of maxima", _sum(R, _relu(X)), _relu(_sum(R, X))
    yield "a maximum of a sum", g.largest(R, g.add(X, Y)), g.add(_top(J), g.largest(J, _of("y", J)))
    yield (
        "a square that vanishes on an open set",
        g.select(_less(g.ZERO, g.power(_sum(R, _relu(X)), 2)), U, V),
        U,
    )
    yield (
        "a count that may be nothing",
        g.select(_less(g.ZERO, _sum(R, g.select(_less(g.ZERO, X), g.ONE, g.ZERO))), U, V),
        U,
    )
    top = g.select(g.compare("eq", X, _top(J)), g.ONE, g.ZERO)
    yield "one entry is the largest", _sum(R, top), g.ZERO
    yield "an entry may be the largest", g.select(g.compare("le", _top(J), X), U, V), V
    yield "an entry may not be", g.select(g.compare("le", _top(J), X), U, V), U
    yield "the largest is one of many", g.argmax_is(J, _of("x", J), R), g.div(g.ONE, N_)
    y = _of("whole", R)
    yield (
        "below 2 and at most 2",
        g.select(_less(y, TWO, whole=True), U, V),
        g.select(g.compare("le", y, TWO, whole=True), U, V),
    )
    yield (
        "the same in floating point",
        g.select(_less(y, TWO), U, V),
        g.select(g.compare("le", y, TWO), U, V),
    )
    yield "a whole number may be 1", g.select(g.compare("eq", y, g.ONE), U, V), V
    yield (
        "a one-hot row by comparing floats",
        _sum(J, g.select(g.compare("eq", y, g.index(J)), X, g.ZERO)),
        g.ZERO,
    )
    yield "a condition turned round", g.select(_less(U, V), U, V), g.select(_less(V, U), U, V)
    yield (
        "a comparison that ties identically",
        g.select(_less(g.mul(U, U), g.power(_root(g.power(U, 2)), 2)), V, W),
        V,
    )
    yield (
        "an index captured",
        _sum(R, g.mul(g.equal_index(R, J), _sum(J, _of("s", R, J)))),
        _sum(J, _of("s", J, J)),
    )
    yield "a small factor", U, g.mul(U, g.add(g.ONE, g.const(2.0**-60)))


IDENTITIES, NEAR = list(_identities()), list(_near_identities())


@pytest.mark.parametrize(("name", "left", "right"), IDENTITIES, ids=[i[0] for i in IDENTITIES])
def test_identity(name: str, left: Node, right: Node):
    outcome = equal(left, right, deadline=clock.now() + 10)
    assert outcome.equal, outcome.reason
    assert equal(right, left, domains=False).equal
    points = [_values(left, right, p) for p in _points(left, right)]
    assert len(points) >= 6
    for a, b in points:
        assert np.allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "left", "right"), NEAR, ids=[i[0] for i in NEAR])
def test_near_identity(name: str, left: Node, right: Node):
    outcome = equal(left, right, deadline=clock.now() + 10)
    assert not outcome.equal
    assert outcome.reason
    assert any(_differs(left, right, p) for p in _points(left, right))


def test_a_sum_has_one_form_whatever_its_indices_are_called():
    fresh = [[Index("t", N) for _ in range(4)] for _ in range(2)]
    sums = []
    for names in fresh:
        a, b, c, d = names
        body = g.mul(_of("s", a, b), _of("s", b, c), _of("s", c, d), _of("s", d, a))
        shuffled = random.Random(len(sums)).sample(names, 4)
        sums.append(_sum(*shuffled, body))
    assert equal(*sums).equal


def test_infeasible_regions_are_left_out():
    gaps = [g.sub(a, b) for a, b in ((U, V), (V, W), (U, W))]
    outcome = equal(g.add(*map(g.absolute, gaps)), g.add(*(g.mul(g.sign(d), d) for d in gaps)))
    assert outcome.equal
    assert outcome.regions == 6  # the orders of three numbers, not 2 * 2 * 2


def test_no_more_regions_than_the_bound_and_no_longer_than_the_deadline():
    entries = [g.entry("many", (i,)) for i in range(12)]
    total = g.add(*(g.absolute(e) for e in entries))
    outcome = equal(total, g.add(*(g.maximum(e, g.neg(e)) for e in entries)))
    assert not outcome.equal
    assert "regions" in outcome.reason
    late = equal(g.absolute(U), g.maximum(U, g.neg(U)), deadline=clock.now() - 1)
    assert late.reason == "the budget ran out"


def _points(left: Node, right: Node) -> Iterator[Point]:
    draw = random.Random(5)
    for sizes in SIZES:
        for _ in range(4):
            tensors = {}
            for name, dims in SHAPES.items():
                shape = [d if isinstance(d, int) else sizes[d] for d in dims]
                array = np.empty(shape, dtype=object)
                for at in np.ndindex(*shape):
                    sign = draw.choice((-1, 1))
                    value = draw.randrange(5) if name == "whole" else sign * draw.randint(1, 31) / 8
                    array[at] = rational(value)
                tensors[name] = array
            point = Point(sizes, tensors, ties=True)
            yield point


def test_a_function_of_a_number_depends_on_the_index_of_that_number():
    i, j, k = (Index(name, "n") for name in "ijk")

    def f(at: Index) -> Node:
        return g.apply("f", ((),), (g.entry("z", (at,)),), ())

    def summed(at: Index) -> Node:
        return g.total(at, g.mul(f(at), g.entry("w", (at, k))))

    assert equal(summed(i), summed(j)).equal
    assert not equal(g.total(i, f(i)), g.mul(g.size("n"), f(k))).equal
    assert not equal(f(i), f(j)).equal
    picked = g.total(i, g.mul(g.equal_index(i, k), f(i)))
    assert equal(picked, f(k)).equal
    assert not equal(picked, f(j)).equal


def test_a_function_of_a_number_inside_a_function_of_an_array():
    i, j, k = (Index(name, "n") for name in "ijk")

    def f(at: Index) -> Node:
        return g.apply("f", ((),), (g.mul(g.entry("z", (at,)), g.entry("w", (k,))),), ())

    one, other = (g.apply("c", ((at,),), (f(at),), ()) for at in (i, j))
    assert equal(one, other).equal
    assert equal(g.total(k, one), g.total(k, other)).equal
    assert not equal(g.total(k, one), g.mul(g.size("n"), one)).equal


def _values(left: Node, right: Node, point: Point) -> tuple[np.ndarray, np.ndarray]:
    free = sorted(left.free | right.free, key=lambda i: i.uid)
    a, b = (
        np.vectorize(lambda v: float(ball(v).mid()), otypes=[float])(evaluate(side, point, free))
        for side in (left, right)
    )
    return a, b


def _differs(left: Node, right: Node, point: Point) -> bool:
    free = sorted(left.free | right.free, key=lambda i: i.uid)
    try:
        a, b = (evaluate(side, point, free).reshape(-1) for side in (left, right))
    except (Ambiguous, IndexError):
        return True  # one of them has no value there
    return any(differ(*pair) for pair in zip(a, b, strict=True))
