"""What a rule does exactly on the boundaries that its code branches on."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import pytest

from derivations import Obligation, Verdict, check
from functional_nn import RULES, Rule

from ..corpus.entry import floats


class Case(NamedTuple):
    """A function, a derivative with respect to each argument, and what is found on boundaries.

    Attributes:
      primal: The function of scalars.
      derivatives: Takes the same scalars.
      classes: For each boundary and argument, where the rule's value lies.
    """

    primal: Callable[..., Any]
    derivatives: Callable[..., tuple[Any, ...]]
    classes: dict[str, str]


def _relu(x):
    return jnp.maximum(x, 0.0)


def _relu6(x):
    return jnp.minimum(jnp.maximum(x, 0.0), 6.0)


def _larger(x, y):
    return jnp.maximum(x, y)


def _leaky(x):
    return jnp.where(x > 0, x, x / 8)


def _root(x):
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)


def _on(condition: Any, yes: Any = 1.0, no: Any = 0.0) -> Any:
    return jnp.where(condition, yes, no)


CONVENTIONS = {
    "relu, 0 at 0": Case(_relu, lambda x: (_on(x > 0),), {"x = 0, along x": "left"}),
    "relu, 1 at 0": Case(_relu, lambda x: (_on(x >= 0),), {"x = 0, along x": "right"}),
    "relu, 1/2 at 0": Case(_relu, lambda x: ((1 + jnp.sign(x)) / 2,), {"x = 0, along x": "middle"}),
    "relu, 1/4 at 0": Case(
        _relu, lambda x: (_on(x == 0, 0.25, _on(x > 0)),), {"x = 0, along x": "inside"}
    ),
    "relu6": Case(
        _relu6,
        lambda x: (_on((x > 0) & (x < 6)),),
        {"x = 0, along x": "left", "x = 6, along x": "right"},
    ),
    "abs, 0 at 0": Case(jnp.abs, lambda x: (jnp.sign(x),), {"x = 0, along x": "middle"}),
    "abs, 1 at 0": Case(jnp.abs, lambda x: (_on(x >= 0, 1.0, -1.0),), {"x = 0, along x": "right"}),
    "clamp": Case(
        lambda x: jnp.clip(x, -2.0, 1.0),
        lambda x: (_on((x >= -2) & (x < 1)),),
        {"x = -2, along x": "right", "x = 1, along x": "right"},
    ),
    "hard tanh": Case(
        lambda x: jnp.clip(x, -1.0, 1.0),
        lambda x: (_on((x > -1) & (x <= 1)),),
        {"x = -1, along x": "left", "x = 1, along x": "left"},
    ),
    "leaky relu": Case(_leaky, lambda x: (_on(x > 0, 1.0, 0.125),), {"x = 0, along x": "left"}),
    "larger of two": Case(
        _larger,
        lambda x, y: (_on(x >= y), _on(x >= y, 0.0, 1.0)),
        {"x = y, along x": "right", "x = y, along y": "left"},
    ),
    "larger of two, shared": Case(
        _larger,
        lambda x, y: ((1 + jnp.sign(x - y)) / 2, (1 + jnp.sign(y - x)) / 2),
        {"x = y, along x": "middle", "x = y, along y": "middle"},
    ),
    "a kink inside a region": Case(
        lambda x: _on(x > 0, _on(x > 1, 2 * x - 1, x), 0.0),
        lambda x: (_on(x > 0, _on(x > 1, 2.0, 1.0), 0.0),),
        {"x = 0, along x": "left", "x = 1, along x": "left"},
    ),
    "a kink at a decimal": Case(
        lambda x: jnp.maximum(x, 0.1), lambda x: (_on(x > 0.1),), {"x = 1/10, along x": "left"}
    ),
    "no kink after all": Case(
        lambda x: _on(x > 0, x * x, 0.0),
        lambda x: (_on(x > 0, 2 * x, 0.0),),
        {"x = 0, along x": "smooth"},
    ),
    "an infinite slope": Case(
        _root,
        lambda x: (_on(x > 0, 0.5 / jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0),),
        {"x = 0, along x": "singular"},
    ),
    "a jump": Case(lambda x: _on(x > 0) + x, lambda x: (_on(x > 0, 1.0, 1.0),), {"x = 0": "jump"}),
    "a tie to second order": Case(
        lambda x: _on(x * x > 0, x, 3 * x),
        lambda x: (jnp.ones_like(x),),
        {"x = 0, along x": "smooth"},
    ),
    "a hole": Case(lambda x: _on(x == 0, 1.0, x), lambda x: (jnp.ones_like(x),), {"x = 0": "jump"}),
}

OUTSIDE = {
    "relu, 2 at 0": Case(_relu, lambda x: (_on(x == 0, 2.0, _on(x > 0)),), {"x = 0": "outside"}),
    "relu, -1 at 0": Case(_relu, lambda x: (_on(x == 0, -1.0, _on(x > 0)),), {"x = 0": "outside"}),
    "relu, nan at 0": Case(_relu, lambda x: ((1 + x / jnp.abs(x)) / 2,), {"x = 0": "outside"}),
    "relu6, 2 at 6": Case(
        _relu6,
        lambda x: (_on(x == 6, 2.0, _on((x > 0) & (x < 6))),),
        {"x = 6": "outside", "x = 0": "left"},
    ),
    "abs, 2 at 0": Case(jnp.abs, lambda x: (_on(x == 0, 2.0, jnp.sign(x)),), {"x = 0": "outside"}),
    "a smooth point": Case(
        lambda x: x * x, lambda x: (_on(x == 3, 0.0, 2 * x),), {"x = 3": "outside"}
    ),
    "larger of two, both": Case(
        _larger, lambda x, y: (_on(x >= y), _on(x <= y)), {"x = y": "outside"}
    ),
    "larger of two, neither": Case(
        _larger, lambda x, y: (_on(x > y), _on(x < y)), {"x = y": "outside"}
    ),
}


def _kinks(case: Case, *shapes: tuple[int, ...]) -> Obligation:
    def bwd(args: Any, dy: Any) -> tuple[Any, ...]:
        return tuple(dy * d for d in case.derivatives(*args))

    count = case.primal.__code__.co_argcount if hasattr(case.primal, "__code__") else 1
    rule = Rule("case", _named(case.primal, count), lambda *a: (case.primal(*a), a), bwd)
    report = check(rule, *floats(*(shapes or ((),) * count)))
    others = [o for o in report.obligations if o.name != "kinks"]
    assert Verdict.REFUTED not in {o.verdict for o in others}
    return next(o for o in report.obligations if o.name == "kinks")


def _named(primal: Callable[..., Any], count: int) -> Callable[..., Any]:
    return (lambda x: primal(x)) if count == 1 else (lambda x, y: primal(x, y))


def _found(kinks: Obligation) -> dict[str, str]:
    """Reads the details: boundary and argument to class."""
    found = {}
    for line in kinks.details:
        where, what = re.split(r" at [^:]*: ", line, maxsplit=1)
        for pattern in (r"the rule takes \S+ \((\w+)\)", r"(smooth)", r"the primal (jump)s"):
            match = re.search(pattern, what)
            if match is not None:
                found[where] = match[1]
                break
    return found


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_is_listed_and_not_refuted(name: str):
    case = CONVENTIONS[name]
    kinks = _kinks(case)
    assert kinks.verdict is Verdict.PROVED, kinks.reason
    found = _found(kinks)
    for where, kind in case.classes.items():
        assert [k for place, k in found.items() if place.startswith(where)] == [kind]
    assert len(found) == len(case.classes)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_value_outside_is_refuted(name: str):
    case = OUTSIDE[name]
    kinks = _kinks(case)
    assert kinks.verdict is Verdict.REFUTED
    assert kinks.witness is not None
    found = _found(kinks)
    for where, kind in case.classes.items():
        assert {k for place, k in found.items() if place.startswith(where)} == {kind}


def test_a_smooth_function_has_no_boundaries():
    kinks = _kinks(Case(lambda x: jnp.tanh(x), lambda x: (1 - jnp.tanh(x) ** 2,), {}))
    assert kinks.verdict is Verdict.PROVED
    assert "nowhere" in kinks.scope
    assert kinks.details == ()


def test_the_entries_of_an_array_meet_their_own_boundary():
    kinks = _kinks(CONVENTIONS["relu, 0 at 0"], (3,))
    assert kinks.verdict is Verdict.PROVED
    assert re.fullmatch(r"x = 0, along x\[\d\]", next(iter(_found(kinks))))


def test_a_boundary_without_rational_points_is_undecided():
    case = Case(
        lambda x: _on(x * x > 2, x * x, 2.0),
        lambda x: (_on(x * x > 2, 2 * x, 0.0),),
        {},
    )
    kinks = _kinks(case)
    assert kinks.verdict is Verdict.UNDECIDED
    assert "no rational point" in kinks.reason


def test_a_tie_to_every_known_order_is_not_guessed():
    def condition(x: Any) -> Any:
        return jnp.sin(x) - x + x**3 / 6 > 0

    case = Case(lambda x: _on(condition(x), x, 3 * x), lambda x: (_on(condition(x), 1.0, 3.0),), {})
    kinks = _kinks(case)
    assert kinks.verdict is Verdict.UNDECIDED
    assert "unresolved" in kinks.reason


def test_a_forward_pass_that_differs_on_the_boundary_alone_is_refuted():
    rule = Rule(
        "hole",
        lambda x: x * x,
        lambda x: (jnp.where(x == 5, 7.0, x * x), x),
        lambda x, dy: (2 * x * dy,),
    )
    report = check(rule, *floats(()))
    assert report.verdict is Verdict.REFUTED
    kinks = next(o for o in report.obligations if o.name == "kinks")
    assert kinks.witness is not None
    assert kinks.witness.inputs["x"] == "5"


def test_a_constant_that_the_code_rounds_is_no_mistake():
    a, b = 1.2345678901, 0.9876543217  # whose product, rounded, is another constant
    of_one = Case(
        lambda x: x * jnp.abs(x) + a * (b * x),
        lambda x: (2 * jnp.abs(x) + a * b,),
        {},
    )
    of_two = Case(
        lambda x, y: x * jnp.abs(x) + a * (b * y),
        lambda x, y: (2 * jnp.abs(x), a * b * jnp.ones_like(y)),
        {},
    )
    for case in (of_one, of_two):
        kinks = _kinks(case)
        assert kinks.verdict is Verdict.UNDECIDED, kinks.reason


def test_an_exact_number_of_many_digits_is_told_as_one_that_can_be_read():
    report = check(RULES["selu"], *floats((2, 3)))
    (told,) = next(o for o in report.obligations if o.name == "kinks").details
    assert "left [1.75809934084738 +/-" in told
