"""No right rule is refuted, and all are proved but those that say why not."""

import jax
import numpy as np
import pytest

from derivations import Verdict, check

from .entry import Entry, as_handed_over, as_rule
from .table import RIGHT

NAMES = [entry.name for entry in RIGHT]
NIGHTLY = [pytest.mark.nightly]
EVERY = [pytest.param(entry, id=entry.name, marks=NIGHTLY if entry.slow else []) for entry in RIGHT]
REVERSE = [entry for entry in RIGHT if entry.door != "custom_jvp"]
SETTLED = {Verdict.PROVED, Verdict.EXACT}


@pytest.mark.parametrize("entry", EVERY)
def test_not_refuted(entry: Entry):
    operation = entry.operation
    budget = 120.0 if entry.slow else 30.0  # a nightly run shares its machine
    report = check(
        as_handed_over(entry), *operation.arguments, sizes=operation.sizes, budget=budget
    )
    short = [o for o in report.obligations if o.verdict not in SETTLED]
    if not entry.open:
        assert not short, str(report)
        return
    assert short, "delete its `open`"
    for obligation in short:
        assert obligation.verdict is Verdict.UNDECIDED, str(report)
        assert entry.open in obligation.reason


@pytest.mark.parametrize(
    "entry", [e for e in RIGHT if e.door != "custom_jvp"], ids=lambda e: e.name
)
def test_the_table_is_right_by_differences(entry: Entry):
    """The table itself is tested: NumPy's central differences agree with each rule."""
    rule = as_rule(entry, np)
    random = np.random.default_rng(3)
    leaves, tree = jax.tree.flatten(list(entry.operation.arguments))
    leaves = [_drawn(leaf, random) for leaf in leaves]
    args = jax.tree.unflatten(tree, leaves)
    outputs, residuals = rule.fwd(*args)
    several = isinstance(outputs, tuple)
    cotangents = [random.normal(size=np.shape(o)) for o in (outputs if several else [outputs])]
    pulled = iter(rule.bwd(residuals, tuple(cotangents) if several else cotangents[0]))
    found = []
    for place, argument in enumerate(args):
        cotangent = None if place in entry.operation.static else next(pulled)
        size = len(jax.tree.leaves(argument))
        found += [None] * size if cotangent is None else jax.tree.leaves(cotangent)
    assert next(pulled, None) is None

    def contracted(place: int, at: tuple[int, ...], shift: float) -> float:
        moved = [np.array(leaf) for leaf in leaves]
        moved[place][at] += shift
        found = rule.primal(*jax.tree.unflatten(tree, moved))
        found = found if several else (found,)
        return sum(float(np.sum(c * f)) for c, f in zip(cotangents, found, strict=True))

    for place, (leaf, cotangent) in enumerate(zip(leaves, found, strict=True)):
        if cotangent is None:
            assert not isinstance(leaf, np.ndarray) or leaf.dtype.kind != "f"
            continue
        assert np.shape(cotangent) == np.shape(leaf)
        for at in np.ndindex(np.shape(leaf)):
            slope = (contracted(place, at, 1e-5) - contracted(place, at, -1e-5)) / 2e-5
            assert np.asarray(cotangent)[at] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def _drawn(like, random: np.random.Generator):
    if not hasattr(like, "shape"):
        return like  # a Python number is meant as it is
    if isinstance(like, (np.ndarray, jax.Array)):
        return np.asarray(like, np.float64) if like.dtype.kind == "f" else np.asarray(like)
    kind, shape = np.dtype(like.dtype).kind, like.shape
    if kind == "f":
        return random.uniform(0.2, 1.7, shape) * random.choice([-1, 1], shape)
    return random.integers(0, 2 if kind == "b" else 4, shape).astype(like.dtype)


def test_every_right_rule_has_its_own_name():
    assert len(set(NAMES)) == len(NAMES) >= 80
