"""The mistake in a refuted obligation, named: a hint, which is right where it is given."""

from collections.abc import Callable, Sequence

import numpy as np

from derivations.naming import (
    blocks,
    boundaries,
    branches,
    described,
    edits,
    families,
    ratios,
    relations,
    substitutions,
    uses,
)
from derivations.naming.case import Case, Found
from derivations.naming.catalogue import CATALOGUE
from derivations.naming.programs import TooMuch, run
from derivations.naming.samples import Sample, same, samples
from derivations.subject import Subject
from derivations.trace import double_precision
from derivations.verdict import Named, Obligation

Hypothesis = Callable[[Case], Found | None]
LEAST_SAMPLES = 3
UNLISTED = "The difference"

# The simplest and most specific first: the first that explains every sample is the name.
HYPOTHESES: tuple[Hypothesis, ...] = (
    relations.shape,
    relations.missing,
    relations.sign,
    families.softmax,
    families.log_softmax,
    uses.of_itself,
    relations.factor,
    relations.cotangent,
    families.activation,
    relations.rearranged,
    substitutions.of_another_argument,
    substitutions.at_the_output,
    families.cross_entropy,
    relations.nonlinear,
    ratios.by_an_argument,
    blocks.dropped,
    branches.split,
    edits.without_a_constant,
    uses.through,
    ratios.by_a_value,
    ratios.by_a_count,
    relations.exchanged,
    edits.with_another_constant,
    edits.of_the_rule,
    edits.of_a_value,
    uses.weighted,
    edits.of_an_operand,
    branches.somewhere,
    relations.itself,
    families.unknown_activation,
    uses.counted_oddly,
    described.remark,
)


def named(subject: Subject, obligation: Obligation, deadline: float) -> Named | None:
    """Says in textbook terms what is wrong, where that can be said truly.

    Every hypothesis is held against numbers in double precision at random points and several
    sizes; it says nothing that does not hold at all of them.

    Args:
      subject: Whose rule it is.
      obligation: What was refuted.
      deadline: When to give up, by `clock.now`.

    Returns:
      The nearest entry of the catalogue and what it looks like in this rule; a true remark without
      an entry; or `None`.

    Example:
      >>> from derivations import clock
      >>> import jax.numpy as jnp
      >>> from derivations.doors import subject_of
      >>> from derivations import check
      >>> from functional_nn import Rule
      >>> def fwd(x):
      ...     return x * x, x
      >>> rule = Rule("square", lambda x: x * x, fwd, lambda x, dy: (-2 * x * dy,))
      >>> subject = subject_of(rule, [jnp.ones(3)])
      >>> wrong = next(o for o in check(rule, jnp.ones(3)).obligations if o.name == "cotangent[x]")
      >>> named(subject, wrong, clock.now() + 5).text
      'dx has the wrong sign: every entry is the negative.'
    """
    try:
        with double_precision(), np.errstate(all="ignore"):
            found = _found(subject, obligation, deadline)
    except Exception:  # a hint must not fail, whatever the user's code does
        return None
    if found is None:
        return None
    title = CATALOGUE[found.key].title if found.key else UNLISTED
    return Named(found.key, title, found.text)


def _found(subject: Subject, obligation: Obligation, deadline: float) -> Found | None:
    if obligation.name.startswith("second"):
        return _stopped(subject, deadline)
    drawn = samples(subject, obligation.witness, deadline)
    if "shape" not in obligation.reason:  # code of one size only, run at another
        drawn = [s for s in drawn if all(s.truth[i].shape == f.shape for i, f in s.found.items())]
    if not drawn:
        return None
    if obligation.name == "value":
        return _of_the_value(subject, drawn, deadline)
    for argument in _arguments(subject, obligation, drawn[0]):
        case = _case(subject, argument, drawn, deadline)
        if case is None:
            continue
        found = first_of(case)
        if found is not None or obligation.name != "linear":
            return found
    if obligation.name == "linear":
        name = subject.names[_arguments(subject, obligation, drawn[0])[0]]
        return Found("not_linear", f"d{name} is not linear in the upstream cotangent.")
    if obligation.name == "kinks" and obligation.witness is not None:
        argument = _arguments(subject, obligation, drawn[0])[0]
        case = Case(subject, argument, tuple(drawn), deadline, {})
        there = drawn[0]
        return boundaries.at_a_boundary(case, there)
    return None


def _arguments(subject: Subject, obligation: Obligation, sample: Sample) -> list[int]:
    """Gives the arguments whose cotangent the obligation speaks of."""
    wanted = list(sample.setting.wanted)
    if obligation.name.startswith("cotangent["):
        name = obligation.name[len("cotangent[") : -1]
        return [i for i in wanted if subject.names[i] == name]
    if obligation.witness is not None:
        output = obligation.witness.output
        first = [i for i in wanted if output.startswith(f"d{subject.names[i]}")]
        first.sort(key=lambda i: -len(subject.names[i]))
        return first or wanted
    return wanted


def _case(subject: Subject, argument: int, drawn: list[Sample], deadline: float) -> Case | None:
    """Gives the case if the cotangent is wrong at several points."""
    case = Case(subject, argument, tuple(drawn), deadline, {})
    finite = [s for s in drawn if np.isfinite(case.found(s)).all()]
    wrong = [s for s in finite if not same(case.found(s), case.truth(s))]
    if len(wrong) < LEAST_SAMPLES:
        return None
    right = [s for s in finite if not any(s is w for w in wrong)]
    return case._replace(samples=(*sorted(wrong, key=lambda s: -_gap(case, s)), *right))


def _gap(case: Case, sample: Sample) -> float:
    f, t = case.found(sample), case.truth(sample)
    if f.shape != t.shape:
        return np.inf
    return float(np.abs(f - t).max(initial=0.0) / max(np.abs(t).max(initial=0.0), 1e-300))


def first_of(case: Case, hypotheses: Sequence[Hypothesis] = HYPOTHESES) -> Found | None:
    """Gives the first hypothesis that holds."""
    for hypothesis in hypotheses:
        try:
            found = hypothesis(case)
        except TooMuch:
            return None
        except Exception:  # a hypothesis that does not fit this rule's shapes
            continue
        if found is not None:
            return found
    return None


VALUE_HYPOTHESES: tuple[Hypothesis, ...] = (
    relations.shape,
    relations.sign,
    relations.factor,
    relations.rearranged,
    substitutions.of_another_argument,
    edits.without_a_constant,
    edits.with_another_constant,
    ratios.by_a_value,
    edits.of_the_rule,
)


def _of_the_value(subject: Subject, drawn: list[Sample], deadline: float) -> Found | None:
    """Names what is wrong with the forward pass, by hypotheses that are the same for a value."""
    for place in range(len(drawn[0].setting.primal.outputs)):
        case = _case(subject, 0, [_as_value(s, place, deadline) for s in drawn], deadline)
        if case is None:
            continue
        found = first_of(case._replace(label="the value of fwd"), VALUE_HYPOTHESES)
        if found is None:
            return Found("forward_value", "fwd returns another value than the primal.")
        text = found.text.replace("the derivative", "the primal")
        return Found(found.key or "forward_value", text[0].upper() + text[1:])
    return None


def _as_value(sample: Sample, place: int, deadline: float) -> Sample:
    """Gives the sample with the forward pass for the rule, and the primal for what is right."""
    primal, value = sample.setting.primal, sample.setting.value
    setting = sample.setting._replace(
        truth=primal._replace(outputs=(primal.outputs[place],)),
        rule=value._replace(outputs=(value.outputs[place],)),
        given=(0,),
        wanted=(0,),
    )
    values = run(value, sample.arrays, deadline)
    return sample._replace(
        setting=setting,
        cotangents=[],
        rule=values,
        found={0: values[value.outputs[place]]},
        truth={0: sample.primal[primal.outputs[place]]},
    )


def _stopped(subject: Subject, deadline: float) -> Found | None:
    """A second derivative that is wrong where the rule stops a residual.

    Where the rule is right as a function, so is its derivative: JAX gives another one only where
    something is kept from it.
    """
    drawn = samples(subject, None, deadline)
    right = all(same(s.found.get(i, 0 * t), t) for s in drawn for i, t in s.truth.items())
    if len(drawn) < LEAST_SAMPLES or not right:
        return None
    for step in drawn[0].setting.rule.steps:
        if step.name == "stop_gradient":
            line = f" (line {step.where})" if step.where else ""
            text = f"stop_gradient{line} is right once: a second derivative lacks what goes through"
            return Found("stopped_residual", text + " there.")
    return None
