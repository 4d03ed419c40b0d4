"""Mutants that survive: proved equal to the original, told apart from it, or neither."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations.mutation.equivalence import compare, example_of, telling

X = np.ones((2, 3), np.float32)


def softmax_fwd(x):
    s = jax.nn.softmax(x)
    return s, s


def softmax_bwd(s, ds):
    return (s * (ds - jnp.sum(ds * s, axis=-1, keepdims=True)),)


def divided(s, ds):
    return (softmax_bwd(s, ds)[0] / jnp.sum(s, axis=-1, keepdims=True),)


def compared(mutated, fwd=softmax_fwd, original=softmax_bwd, args=(X,), reached=True, static=()):
    """Compares, with a mutant that says whether it is one."""
    seen = set()

    def watched(*arguments):
        seen.add(reached)
        return mutated(*arguments)

    example = example_of(args, ["x"], static)
    assert example is not None
    return compare(fwd, original, watched, [example], seen)


def test_equal_because_of_what_the_forward_pass_keeps():
    found = compared(divided)
    assert found.verdict == "equal"
    assert "all sizes n, k" in found.detail


def test_different_with_a_witness():
    found = compared(lambda s, ds: (s * ds,))
    assert found.verdict == "different"
    assert found.detail.startswith("at x = [[")
    assert "cotangent = [[" in found.detail
    assert "cotangent'" not in found.detail
    assert " the mutant gives " in found.detail


def test_what_was_never_mutated_is_not_equal():
    found = compared(divided, reached=False)
    assert found.verdict == "undecided"
    assert "no place in it" in found.detail


def test_different_at_other_sizes_than_the_examples():
    def averaged(x, dy):
        return jnp.mean(dy, axis=0), dy

    def summed(x, dy):
        return jnp.sum(dy, axis=0), dy

    def fwd(b, x):
        return x + jnp.broadcast_to(b, x.shape), None

    one, several = (
        example_of((np.ones(3, np.float32), np.ones((n, 3), np.float32)), ["b", "x"], ())
        for n in (1, 5)
    )
    assert one is not None
    assert several is not None
    assert telling(several) > telling(one)
    reached = set()

    def watched(*arguments):
        reached.add(True)
        return averaged(*arguments)

    assert compare(fwd, summed, watched, [several], reached).verdict == "different"
    assert compare(fwd, summed, watched, [one, several], reached).verdict == "different"


@pytest.mark.slow
def test_what_cannot_be_lifted_is_compared_in_numbers():
    def fwd(x):
        return jnp.linalg.det(x), x

    def bwd(x, dy):
        return (dy * jnp.linalg.det(x) * jnp.linalg.inv(x).T,)

    def same(x, dy):
        return (dy * (jnp.linalg.det(x) * jnp.linalg.inv(x)).T,)

    def other(x, dy):
        return (dy * jnp.linalg.det(x) * jnp.linalg.inv(x),)

    square = (np.eye(3, dtype=np.float32),)
    found = compared(same, fwd, bwd, square)
    assert found.verdict == "undecided"
    assert found.detail.startswith("equal at 60 random points; ")
    found = compared(other, fwd, bwd, square)
    assert found.verdict == "different"


def test_static_arguments_keep_their_values():
    def fwd(x, power):
        return x**power, x

    def bwd(power, x, dy):
        return (power * x ** (power - 1) * dy,)

    def once(power, x, dy):
        return (2 * x * dy,)

    assert compared(once, fwd, bwd, (X, 2), static={1}).verdict == "equal"
    assert compared(once, fwd, bwd, (X, 3), static={1}).verdict == "different"


def test_code_that_fails_at_other_shapes_does_not_fail_the_comparison():
    def fussy(s, ds):
        raise RuntimeError("not here")

    found = compared(fussy)
    assert found.verdict == "undecided"
    assert "not here" in found.detail


def test_nothing_to_start_from():
    assert compare(softmax_fwd, softmax_bwd, divided, [], set()).verdict == "undecided"


@pytest.mark.parametrize("argument", [object(), "text"])
def test_arguments_that_are_no_arrays_are_no_example(argument):
    assert example_of((argument,), ["x"], ()) is None
