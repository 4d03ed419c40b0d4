"""Another argument in its place: wᵀ for w, 1 for a scale, the output for the input."""

from collections.abc import Callable, Iterator

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.families import is_activation

Change = Callable[[np.ndarray], np.ndarray]


def of_another_argument(case: Case) -> Found | None:
    """The derivative at another value of an argument."""
    for argument in case.floats():
        for change, key, words in _changes(case, argument):
            if case.explained(
                lambda s, a=argument, c=change: (
                    case.at(s, {a: c(s.arrays[a])})
                    if c(s.arrays[a]).shape == s.arrays[a].shape
                    else None
                )
            ):
                name = case.subject.names[argument]
                return Found(key, words.format(d=case.name, a=name))
    return None


def _changes(case: Case, argument: int) -> Iterator[tuple[Change, str, str]]:
    array = case.samples[0].arrays[argument]
    convolution = "conv_general_dilated" in case.prims()
    if argument != case.argument:
        key = "scale_missing" if array.shape else "hyperparameter_missing"
        ones = "`{a}` is missing: {d} is the derivative where `{a}` is one."
        yield np.ones_like, key, ones
        zeros = "{d} is the derivative where `{a}` is zero: the term with `{a}` is missing."
        yield np.zeros_like, "hyperparameter_missing" if not array.shape else "", zeros
    if array.ndim == 2:
        key = "convolution" if convolution else "weights_not_transposed"
        yield np.transpose, key, "{d} is computed with `{a}` where its transpose `{a}`ᵀ belongs."
        symmetric = "{d} takes `{a}` for symmetric: it is computed with (`{a}` + `{a}`ᵀ)/2."
        yield lambda x: (x + x.T) / 2 if x.shape == x.T.shape else x.T, key, symmetric
    if array.ndim > 2:
        for i in range(array.ndim):
            for j in range(i):
                words = f"{{d}} is computed with axes {j} and {i} of `{{a}}` exchanged."
                key = "convolution" if convolution else "weights_not_transposed"
                yield lambda x, i=i, j=j: np.swapaxes(x, i, j), key, words
    if convolution and array.ndim > 2:
        spatial = (
            tuple(range(2, array.ndim)),
            tuple(range(array.ndim - 2)),
            tuple(range(1, array.ndim - 1)),
        )
        for axes in spatial:
            words = "{d} is computed with `{a}` where `{a}` belongs rotated (its axes reversed)."
            yield lambda x, a=axes: np.flip(x, a), "convolution", words
    if array.ndim >= 1:
        rotation = {"sin", "cos"} & case.prims()
        key = "rotation_not_reversed" if rotation else "sign"
        words = "{d} is the derivative at -`{a}`"
        if argument == case.argument:
            branches = case.prims() & {"select_n", "max", "min", "abs", "clamp"}
            yield np.negative, "negative_branch" if branches else "sign", words + "."
            return
        if rotation:
            words = (
                "The rotation is not reversed: {d} turns by `{a}` where it has to turn by -`{a}`"
            )
        yield np.negative, key, words + "."


def at_the_output(case: Case) -> Found | None:
    """Evaluated at the output for the input, or at the input for the output."""
    first = case.samples[0]
    outputs = [i for i, o in enumerate(first.outputs) if o.shape == case.truth(first).shape]
    for i in outputs:
        argument = case.argument
        name = case.subject.names[argument]
        if case.explained(lambda s, i=i, a=argument: case.at(s, {a: s.outputs[i]})):
            key = "activation_applied_twice" if is_activation(case) else "wrong_residual"
            return Found(
                key,
                f"{case.name} is the derivative at the output instead of at `{name}`: the function "
                "is applied twice.",
            )
        if case.right(lambda s, i=i, a=argument: case.at(s, {a: s.outputs[i]}, rule=True)):
            tanh = "tanh" in case.prims()
            if not tanh and not is_activation(case):
                text = f"{case.name} reads `{name}` where its formula needs the output."
                return Found("wrong_residual", text)
            return Found(
                "wrong_residual_of_tanh" if tanh else "activation_applied_twice",
                f"The formula of {case.name} is one for the output, and is evaluated at `{name}`: "
                "the residual is taken before the function where it belongs after it.",
            )
    return None
