"""Factors that are no constants: what was found over what is true is a value of the primal."""

from collections.abc import Callable, Iterator

import numpy as np

from derivations.naming.case import Case, Found, spread
from derivations.naming.samples import Sample
from derivations.naming.words import Reader

Value = Callable[[Sample], np.ndarray | None]
POWERS = (-1, 1, -2, 2, 0.5, -0.5)


def factors(case: Case) -> Iterator[tuple[str, str, Value]]:
    """Gives values that a factor may be: what kind of value, its name, and the value."""
    first = case.samples[0]
    program = first.setting.primal
    for i in case.floats():
        yield "argument", f"`{case.subject.names[i]}`", lambda s, i=i: s.arrays[i]
    for k, _ in enumerate(program.outputs):
        word = "the output" if len(program.outputs) == 1 else f"output {k}"
        yield "output", word, lambda s, k=k: s.outputs[k]
    for i in case.floats():
        name = case.subject.names[i]
        for title, function in _PAIRED.items():
            text = title.format(x=name)
            yield "paired", text, lambda s, i=i, f=function: f(s.arrays[i])
    reader = Reader(program, first.primal, case.subject.names)
    form = program.form
    for step in program.steps:
        for output in step.outputs:
            if first.primal[output].dtype != np.float64:
                continue
            meaning = reader.meaning(output)
            words = meaning.words + (f" ({meaning.where})" if meaning.where else "")
            yield (
                meaning.kind,
                words,
                lambda s, o=output: s.primal[o] if s.setting.primal.form == form else None,
            )


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


_PAIRED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "σ'(`{x}`) = σ(1 - σ)": lambda x: _sigmoid(x) * (1 - _sigmoid(x)),
    "tanh'(`{x}`) = 1 - tanh²": lambda x: 1 - np.tanh(x) ** 2,
}


def by_an_argument(case: Case) -> Found | None:
    """The truth times a power of an argument, of the output, or of an activation's slope."""
    return by_a_value(case, ("argument", "output", "paired"))


def by_a_value(case: Case, kinds: tuple[str, ...] = ()) -> Found | None:
    """The truth times a power of some value."""
    first = case.samples[0]
    shape = case.truth(first).shape
    for kind, words, value in factors(case):
        if kind == "constant" or (kinds and kind not in kinds):
            continue
        u = value(first)
        if u is None or u.size == 0 or (u.size > 1 and np.ptp(u) == 0 and kind != "argument"):
            continue
        for way in range(2):
            if len(list(spread(u, shape))) <= way:
                break
            for power in POWERS:

                def guess(s: Sample, v: Value = value, w: int = way, p: float = power):
                    u = v(s)
                    forms = [] if u is None else list(spread(u, case.truth(s).shape))
                    if len(forms) <= w:
                        return None
                    return case.truth(s) * np.power(forms[w], p)

                if case.explained(guess):
                    return _named(case, kind, words, power)
    return None


def by_a_count(case: Case) -> Found | None:
    """Divided by a size where the primal divides by a number that it counts."""
    for kind, words, value in factors(case):
        if kind != "sum":
            continue
        for symbol in case.samples[0].setting.sizes:

            def guess(s: Sample, v: Value = value, c: str = symbol):
                u = v(s)
                return (
                    None
                    if u is None or u.size != 1
                    else (case.truth(s) * u.reshape(()) / s.setting.sizes[c])
                )

            if case.explained(guess):
                text = f"{case.name} is divided by the whole length where {words} belongs: entries "
                return Found("mean_divisor", text + "that the primal leaves out are counted.")
    return None


def _named(case: Case, kind: str, words: str, power: float) -> Found:
    scalar = kind == "argument" and not next(
        a.shape
        for i, a in enumerate(case.samples[0].arrays)
        if words == f"`{case.subject.names[i]}`"
    )
    if kind == "argument" and scalar:
        lacks = words if power < 0 else f"1/{words}"
        return Found("hyperparameter_missing", f"{case.name} lacks the factor {lacks}.")
    told = words + {1: "", 2: " squared", 0.5: " under the root"}[abs(power)]
    if power < 0:
        text = f"{case.name} lacks a factor: {told}."
        if kind == "paired":
            return Found("activation_paired_wrongly", text)
        if kind == "argument":
            return Found("scale_missing", text)
        if kind == "output" and "mul" not in case.prims() and len(case.subject.names) == 1:
            return Found("activation_applied_twice", text)
        return Found("factor_missing", text)
    text = f"{case.name} has a factor too many: {told}."
    if kind == "paired":
        return Found("activation_paired_wrongly", text)
    if words.startswith("|") and power == 1:
        return Found("another_variant", f"{text[:-1]}: it is the derivative of half the square.")
    return Found("factor_too_many", text)
