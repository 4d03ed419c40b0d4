"""What cannot be read is refused, by its name and the line of the user's code that has it."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from derivations import Verdict, check
from derivations.lift import Unsupported

from .holding import jaxpr_of, lifted

FLOAT = np.dtype(np.float64)


def random(x):
    return x * jax.random.normal(jax.random.key(0), x.shape, x.dtype)


def outside(x):
    return jax.pure_callback(np.sin, x, x)


def bits(x):
    return jnp.nextafter(x, 2 * x)


def unknown(x):
    return lax.bessel_i0e(x)


def remainder(x):
    return lax.rem(x, 2 * x)


def long_sort(x):
    return jnp.sort(jnp.tile(x, 3))


def endless(x):
    return lax.while_loop(lambda s: s[0] >= 0, lambda s: (s[0], 2 * s[1]), (0, x))[1]


def long_loop(x):
    return lax.fori_loop(0, 100_000, lambda i, a: a + i, x)


def by_value(x):
    return lax.while_loop(lambda a: a[0] < 3, lambda a: 2 * a, x)


def written_twice(x):
    return x.at[jnp.array([0, 0])].set(jnp.stack([x[0], x[1]]))


def wrapped(x):
    return x * (jnp.zeros(2, jnp.uint8) - jnp.ones(2, jnp.uint8)).astype(x.dtype)


def too_large(x):
    return x * (jnp.full(2, 2**30, jnp.int32) * jnp.full(2, 4, jnp.int32)).astype(x.dtype)


def application(x):
    return x.at[0].apply(jnp.sin)


REASONS = {
    random: "the primitive random_",
    outside: "the primitive pure_callback, whose code JAX does not show",
    bits: "the primitive nextafter, which takes the bits of a float apart",
    unknown: "the primitive bessel_i0e",
    remainder: "a remainder that depends on the inputs, in rem",
    long_sort: "the order of 6 numbers that depend on the inputs, in sort",
    endless: "a loop of more than 1000 steps, in while",
    long_loop: "a loop of 100000 steps, in scan",
    by_value: "a loop whose end depends on the inputs, in while",
    written_twice: "an entry that is written twice, in scatter",
    wrapped: "a whole number that uint8 does not hold, in sub",
    too_large: "a whole number that int32 does not hold, in mul",
    application: "a function that is applied to some entries, in scatter",
}


@pytest.mark.parametrize("function", REASONS, ids=lambda f: f.__name__)
def test_by_name_and_line(function):
    with pytest.raises(Unsupported, match=re.escape(REASONS[function])) as caught:
        lifted(jaxpr_of(function, [(2,)], [FLOAT]), explicit=True)[0].at(0)
    path, line = str(caught.value).rsplit(" at ", 1)[1].rsplit(":", 1)
    lines, first = inspect.getsourcelines(function)
    assert path == __file__
    assert first < int(line) < first + len(lines)


def test_inside_a_function_that_was_traced_before():
    """JAX keeps the traced `jnp.sort`, whose equations then have no line of their own."""
    jnp.sort(jnp.ones(7))
    test_by_name_and_line(long_sort)


def test_by_check():
    @jax.custom_vjp
    def rule(x):
        return remainder(x)

    rule.defvjp(lambda x: (remainder(x), x), lambda x, dy: (dy,))
    report = check(rule, jnp.ones(2))
    assert report.verdict is Verdict.UNDECIDED
    assert "in rem" in report.obligations[0].reason
    assert "test_refused.py" in report.obligations[0].reason


@pytest.mark.parametrize(
    ("function", "shape", "match"),
    [
        (lambda x: lax.scan(lambda c, r: (c + r, None), x[0], x)[0], ("n",), "symbolic size n"),
        (lambda x: jnp.prod(x), ("n",), "symbolic size n"),
        (lambda x: jnp.sort(x), ("n",), "symbolic size n"),
        (lambda x: x.reshape(-1), ("n", "k"), "an axis of size"),
        (lambda x: jnp.argmax(x), ("n",), "symbolic size n"),
    ],
)
def test_what_needs_sizes_says_so(function, shape, match):
    symbols = dict(zip("nk", jax.export.symbolic_shape("n, k"), strict=True))
    jaxpr = jaxpr_of(function, [tuple(symbols[d] for d in shape)], [FLOAT])

    def read():
        (array,) = lifted(jaxpr, explicit=False)
        array.at(*(0 for _ in array.shape))

    with pytest.raises(Unsupported, match=match):
        read()
