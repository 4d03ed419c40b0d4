"""No right rule is refuted, and all are proved but those that say why not."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, check

from .operations import rule
from .right_rules import RIGHT, Right

UNDECIDED = {r.name for r in RIGHT if r.undecided}


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.name)
def test_not_refuted(right: Right):
    operation = right.operation
    report = check(rule(right.name, jnp, operation, right.bwd, right.fwd), *operation.arguments)
    short = {o.name: o for o in report.obligations if o.verdict is not Verdict.PROVED}
    assert set(short) == ({right.undecided} if right.undecided else set())
    for obligation in short.values():
        assert obligation.verdict is Verdict.UNDECIDED
        assert obligation.reason


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.name)
def test_the_table_is_right_by_differences(right: Right):
    """The table itself is tested: NumPy's central differences agree with each rule."""
    random = np.random.default_rng(3)
    spelled = rule(right.name, np, right.operation, right.bwd, right.fwd)
    args = []
    for like in right.operation.arguments:
        kind = np.dtype(getattr(like, "dtype", np.float64)).kind
        shape = getattr(like, "shape", ())
        args.append(
            random.uniform(0.2, 1.7, shape) * random.choice([-1, 1], shape)
            if kind == "f"
            else random.integers(0, 2 if kind == "b" else 4, shape).astype(like.dtype)
        )
    outputs, residuals = spelled.fwd(*args)
    several = isinstance(outputs, tuple)
    cotangents = [random.normal(size=np.shape(o)) for o in (outputs if several else [outputs])]
    pulled = spelled.bwd(residuals, tuple(cotangents) if several else cotangents[0])

    def contracted(place: int, at: tuple[int, ...], shift: float) -> float:
        moved = [np.array(a) for a in args]
        moved[place][at] += shift
        found = spelled.primal(*moved)
        found = found if several else (found,)
        return sum(float(np.sum(c * f)) for c, f in zip(cotangents, found, strict=True))

    assert len(pulled) == len(args) == len(inspect.signature(spelled.primal).parameters)
    for place, (arg, cotangent) in enumerate(zip(args, pulled, strict=True)):
        if np.asarray(arg).dtype.kind != "f":
            assert cotangent is None
            continue
        assert np.shape(cotangent) == np.shape(arg)
        for at in np.ndindex(np.shape(arg)):
            slope = (contracted(place, at, 1e-5) - contracted(place, at, -1e-5)) / 2e-5
            assert np.asarray(cotangent)[at] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_the_table_has_every_rule_once_and_few_are_undecided():
    assert len({r.name for r in RIGHT}) == len(RIGHT) >= 70
    assert len(UNDECIDED) <= 0.05 * len(RIGHT)
