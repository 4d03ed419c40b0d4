"""True remarks on a difference that has no name: where it is right, what it does not depend on."""

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.samples import Sample, at, same, traced
from derivations.trace import concrete, double_precision, small_sizes, symbolic


def remark(case: Case) -> Found | None:
    """Something true and useful about the difference."""
    for test in (_where_one, _batch_of_one, _nowhere, _independent):
        case.in_time()
        found = test(case)
        if found is not None:
            return found
    return None


def _where_one(case: Case) -> Found | None:
    """Right for some default of an argument."""
    for argument in case.floats():
        name = case.subject.names[argument]
        for number, words in ((1.0, "one"), (0.0, "zero")):

            def agrees(s: Sample, i: int = argument, n: float = number) -> bool:
                inputs = {i: np.full_like(s.arrays[i], n)}
                a, b = case.at(s, inputs), case.at(s, inputs, rule=True)
                if a is None or b is None or not np.isfinite(a).all():
                    return False
                return same(a, b) and np.abs(a).max(initial=0.0) > 0

            if all(agrees(s) for s in case.samples):
                entries = f"all entries of `{name}` are" if case.samples[0].arrays[argument].shape \
                    else f"`{name}` is"  # fmt: skip
                return Found(
                    "", f"{case.name} is right where {entries} {words}, and wrong elsewhere."
                )
    return None


def _batch_of_one(case: Case) -> Found | None:
    """Right once some size is one."""
    general = symbolic(case.subject.shapes, case.subject.names)
    for symbol in general.sizes:
        case.in_time()
        sizes = {**small_sizes(general), symbol: 1}
        avals = concrete(general, sizes).avals
        with double_precision(), np.errstate(all="ignore"):
            try:
                setting = traced(case.subject, avals, sizes)
            except Exception:  # the user's code may refuse this size
                continue
            draw = np.random.default_rng(5)
            inputs = [
                draw.uniform(0.3, 1.7, a.shape)
                if a.dtype == np.float64
                else np.zeros(a.shape, a.dtype)
                for a in (*avals, *setting.outputs)
            ]
            sample = at(setting, inputs[: len(avals)], inputs[len(avals) :], case.deadline)
        truth = sample.truth[case.argument]
        if (
            truth.size
            and np.abs(truth).max() > 1e-9
            and same(sample.found.get(case.argument, np.zeros_like(truth)), truth)
        ):
            where = next(
                f"axis {axis} of `{name}`"
                for name, aval in zip(case.subject.names, general.avals, strict=True)
                for axis, dim in enumerate(aval.shape)
                if str(dim) == symbol
            )
            return Found(
                "", f"{case.name} is right where {where} has length one, and wrong beyond."
            )
    return None


def _nowhere(case: Case) -> Found | None:
    """Which entries are right."""
    first = case.samples[0]
    shape = case.truth(first).shape
    if any(case.truth(s).shape != case.found(s).shape for s in case.samples) or not shape:
        return None
    shapes = {case.truth(s).shape for s in case.samples}
    if len(shapes) > 1:
        return None
    wrong = np.zeros(shape, dtype=bool)
    for s in case.samples:
        wrong |= ~np.isclose(case.found(s), case.truth(s), rtol=1e-9, atol=1e-12)
    if wrong.all() or not wrong.any() or wrong.sum() > wrong.size / 2:
        return None
    places = ", ".join(str(tuple(map(int, p))) for p in np.argwhere(wrong)[:3])
    return Found("", f"{case.name} is wrong at {places} only, and right at every other entry.")


def _independent(case: Case) -> Found | None:
    """What the difference does not depend on."""
    draw = np.random.default_rng(9)

    def steady(s: Sample, inputs: dict[int, np.ndarray]) -> bool:
        a, b = case.at(s, inputs), case.at(s, inputs, rule=True)
        short = case.found(s) - case.truth(s)
        return a is not None and b is not None and same(b - a, short, case.truth(s).max(initial=0))

    def matters(s: Sample, inputs: dict[int, np.ndarray]) -> bool:
        a = case.at(s, inputs)
        return a is not None and not same(a, case.truth(s))

    def moved(s: Sample, i: int) -> dict[int, np.ndarray]:
        return {i: s.inputs[i] * draw.uniform(0.6, 1.4, s.inputs[i].shape)}

    count = len(case.samples[0].cotangents)
    whole = {case.arity + i for i in range(count)}
    if all(steady(s, {i: moved(s, i)[i] for i in whole}) for s in case.samples):
        return Found(
            "not_linear",
            f"{case.name} differs by a term that does not depend on the upstream cotangent.",
        )
    for i in case.floats():
        if all(steady(s, m) and matters(s, m) for s in case.samples for m in [moved(s, i)]):
            name = case.subject.names[i]
            return Found("", f"{case.name} differs by a term that does not depend on `{name}`.")
    return None
