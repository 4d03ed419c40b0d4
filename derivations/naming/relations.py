"""Relations of what was found to what is true: signs, factors, transposes, the cotangent."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.samples import Sample, same
from derivations.naming.words import Reader, told


def missing(case: Case) -> Found | None:
    """No cotangent, or zeros."""
    if not case.explained(lambda s: np.zeros_like(case.truth(s))):
        return None
    given = case.argument in case.samples[0].found
    how = "is zero" if given else "is None, which JAX takes for zero"
    return Found("cotangent_missing", f"{case.name} {how}, and the derivative is not.")


def sign(case: Case) -> Found | None:
    """The negative of what is right."""
    if case.explained(lambda s: -case.truth(s)):
        return Found("sign", f"{case.name} has the wrong sign: every entry is the negative.")
    return None


def factor(case: Case) -> Found | None:
    """A constant times what is right."""
    factors: dict[int, float] = {}
    for sample in case.samples:
        t, f = case.truth(sample), case.found(sample)
        square = float((t * t).sum())
        if t.shape != f.shape or square == 0:
            if not same(t, f):
                return None
            continue
        c = float((t * f).sum()) / square
        known = factors.setdefault(id(sample.setting), c)
        if abs(c) < 1e-9 or abs(c - 1) < 1e-9:
            return None
        if not same(c * t, f) or abs(known - c) > 1e-9 * abs(c):
            return None
    settings = {id(s.setting): s for s in case.samples}
    firsts = [settings[k] for k in factors]
    values = list(factors.values())
    return _named_factor(case, firsts, values) if values else None


def _named_factor(case: Case, firsts: list[Sample], values: list[float]) -> Found:
    for words, key, right in _factors(case, firsts):
        if all(abs(a - b) <= 1e-9 * abs(b) for a, b in zip(values, right, strict=True)):
            return Found(key, f"{case.name} {words}.")
    numbers = ", ".join(f"{v:.6g}" for v in dict.fromkeys(values))
    several = len(set(values)) > 1
    varying = " (at different sizes)" if several else ""
    return Found("constant_factor", f"{case.name} is the derivative times {numbers}{varying}.")


def _factors(case: Case, firsts: list[Sample]) -> Iterator[tuple[str, str, list[float]]]:
    """Gives constants that a factor may be: words, the key, its value at each setting."""
    prims = case.prims()
    attention = _attention(prims)
    literals = _literals(case, firsts[0])
    dropped = any(a.dtype == np.bool_ for a in firsts[0].setting.avals) and "select_n" in prims
    for value, text in literals:
        if value in (0.0, 1.0):
            continue
        for power, words in (
            (-1, f"lacks the factor {text}"),
            (1, f"lacks the factor 1/{text}"),
        ):
            if _size_at(firsts, value):
                continue
            common = abs(value) == 2.0 or abs(value) == 0.5
            key = (
                "dropout_mask"
                if dropped
                else "attention_scale_or_rowsum"
                if attention
                else "constant_factor"
                if common and "exp" not in prims
                else "hyperparameter_missing"
            )
            yield words, key, [value**power] * len(firsts)
    for p, q in ((1, 2), (2, 1), (1, 4), (4, 1), (1, 3), (3, 1), (2, 3), (3, 2), (3, 4), (4, 3)):
        c = Fraction(p, q)
        if p < q and p == 1:
            words = f"lacks the factor {q}"
        elif q == 1:
            words = f"has a factor {p} too many"
        else:
            words = f"is the derivative times {c}"
        if not _size_at(firsts, float(c)):
            yield words, "constant_factor", [float(c)] * len(firsts)
    yield from _size_factors(case, firsts, attention)


def _attention(prims: set[str]) -> bool:
    return "dot_general" in prims and bool(prims & {"sqrt", "exp", "rsqrt"})


def _literals(case: Case, sample: Sample) -> list[tuple[float, str]]:
    reader = Reader(sample.setting.primal, sample.primal, case.subject.names)
    found = {}
    for value in sample.setting.primal.constants:
        number = reader.number(value)
        if number is not None and np.isfinite(number):
            found[number] = f"{number:.6g}"
    return list(found.items())


def _size_at(firsts: list[Sample], value: float) -> bool:
    """Tells whether a number is a size at every setting, and so may be one."""
    if len({tuple(f.setting.sizes.items()) for f in firsts}) > 1:
        return False
    sizes = list(firsts[0].setting.sizes.values())
    products = [math.prod(c) for n in (1, 2) for c in itertools.combinations(sizes, n)]
    return any(value in (float(p), 1 / p, p - 1.0) for p in products if p)


def _size_factors(
    case: Case, firsts: list[Sample], attention: bool
) -> Iterator[tuple[str, str, list[float]]]:
    names = list(firsts[0].setting.sizes)
    convolution = "conv_general_dilated" in case.prims()
    for count in (1, 2, 3):
        for chosen in itertools.combinations(names, count):
            n = [math.prod(s.setting.sizes[c] for c in chosen) for s in firsts]
            if all(x == 1 for x in n):
                continue
            words = _told_sizes(case, chosen)
            whole = _divides_by(case, firsts, n)
            down = "convolution" if convolution else "constant_factor"
            if _summed_bias(case) and not convolution:
                down = "bias_not_summed"
            yield (
                f"is divided by {words}, which does not belong there",
                down,
                [1 / x for x in n],
            )
            up = "mean_divisor" if whole else "convolution" if convolution else "constant_factor"
            yield f"lacks the factor 1/({words})", up, [float(x) for x in n]
            if attention:
                key = "attention_scale_or_rowsum"
                yield f"lacks the factor 1/√d, with d {words}", key, [math.sqrt(x) for x in n]
                yield (
                    f"has a factor 1/√d too many, with d {words}",
                    key,
                    [1 / math.sqrt(x) for x in n],
                )
            if min(n) > 1:
                one_less = [x / (x - 1) for x in n]
                yield f"is divided by N - 1 for N, with N {words}", "epsilon", one_less
                yield (
                    f"is divided by N for N - 1, with N {words}",
                    "epsilon",
                    [1 / x for x in one_less],
                )
    for a, b in itertools.permutations(names, 2):
        ratio = [s.setting.sizes[a] / s.setting.sizes[b] for s in firsts]
        words = f"is divided by {_told_sizes(case, (b,))} for {_told_sizes(case, (a,))}"
        yield words, "constant_factor", ratio
    yield from _counts(firsts, convolution)


def _counts(firsts: list[Sample], convolution: bool) -> Iterator[tuple[str, str, list[float]]]:
    """Gives numbers of entries of the output, along some of its axes."""
    shapes = [s.cotangents[0].shape if s.cotangents else () for s in firsts]
    if len({len(shape) for shape in shapes}) != 1 or len(shapes[0]) > 5:
        return
    key = "convolution" if convolution else "constant_factor"
    for axes in _subsets(len(shapes[0])):
        n = [math.prod(shape[a] for a in axes) for shape in shapes]
        if any(x != 1 for x in n):
            words = f"the number of the output's entries along {told(axes)}"
            yield f"is divided by {words}, which does not belong there", key, [1 / x for x in n]
            yield f"lacks the factor 1/({words})", key, [float(x) for x in n]


def _told_sizes(case: Case, chosen: tuple[str, ...]) -> str:
    return " times ".join(told_size(case, c) for c in chosen)


def told_size(case: Case, symbol: str) -> str:
    """Says where a size stands: the length of axis 0 of `x`."""
    from derivations.trace import symbolic

    general = symbolic(case.subject.shapes, case.subject.names)
    for name, aval in zip(case.subject.names, general.avals, strict=True):
        for axis, dim in enumerate(aval.shape):
            if str(dim) == symbol:
                example = general.sizes[symbol]
                return f"the length of axis {axis} of `{name}` ({example} in the example)"
    return symbol


def _divides_by(case: Case, firsts: list[Sample], n: list[int]) -> bool:
    """Tells whether the primal divides by this size."""
    for sample, size in zip(firsts, n, strict=True):
        numbers = [v for v, _ in _literals(case, sample)]
        if not any(abs(x - size) < 1e-9 or abs(x * size - 1) < 1e-9 for x in numbers):
            return False
    return True


def _summed_bias(case: Case) -> bool:
    """Tells whether the cotangent is the output's, summed over the axes before the last."""

    def summed(sample: Sample) -> np.ndarray | None:
        cotangent, truth = sample.cotangents[0], case.truth(sample)
        if cotangent.ndim <= truth.ndim or truth.ndim != 1:
            return None
        return cotangent.sum(axis=tuple(range(cotangent.ndim - truth.ndim)))

    return case.right(summed)


def shape(case: Case) -> Found | None:
    """A cotangent of another shape than its argument."""
    first = case.samples[0]
    f, t = case.found(first).shape, case.truth(first).shape
    if f == t:
        return None
    says = f"{case.name} has shape {f} where the argument has {t}"
    for axes in _subsets(len(f)):
        if case.right(lambda s, axes=axes: _fit(case.found(s).sum(axis=axes), case.truth(s).shape)):
            over = "the batch axis" if axes == (0,) else f"axes {axes}"
            key = "bias_not_summed" if 0 in axes else "broadcast_summed_over_the_wrong_axis"
            if len(t) == 1 and any(c.ndim > 2 and c.ndim > len(f) for c in first.cotangents):
                key = "rank_assumed"
            return Found(key, f"{says}: it is not summed over {over}.")
    if len(f) == len(t):
        for order in itertools.permutations(range(len(f))):
            if case.right(lambda s, o=order: np.transpose(case.found(s), o)):
                return Found("weight_cotangent_transposed", f"{says}: it is transposed.")
    return Found("broadcast_summed_over_the_wrong_axis", says + ".") if len(f) <= len(t) else None


def _fit(array: np.ndarray, wanted: tuple[int, ...]) -> np.ndarray | None:
    return array.reshape(wanted) if array.size == math.prod(wanted) else None


def _subsets(n: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, n + 1):
        yield from itertools.combinations(range(n), count)


def rearranged(case: Case) -> Found | None:
    """The right numbers at the wrong places."""
    dims = case.truth(case.samples[0]).ndim
    prims = case.prims()
    for order in itertools.permutations(range(dims)):
        if order == tuple(range(dims)):
            continue
        if case.explained(lambda s, o=order: np.transpose(case.truth(s), o)):
            key = (
                "convolution" if "conv_general_dilated" in prims else "weight_cotangent_transposed"
            )
            how = "transposed" if dims == 2 else f"the derivative with its axes in order {order}"
            return Found(key, f"{case.name} is {how}.")
    for axes in _subsets(dims):
        if case.explained(lambda s, a=axes: np.flip(case.truth(s), a)):
            cumulative = prims & {"cumsum", "cumprod", "cumlogsumexp", "reduce_window_sum"}
            key = (
                "convolution"
                if "conv_general_dilated" in prims
                else "cumulative_not_reversed"
                if cumulative
                else ""
            )
            return Found(key, f"{case.name} is the derivative reversed along axes {axes}.")
    for axis in range(dims):
        for by in (1, -1):
            if case.explained(lambda s, a=axis, b=by: np.roll(case.truth(s), b, a)):
                return Found("", f"{case.name} is the derivative moved by {by} along axis {axis}.")
    return None


def exchanged(case: Case) -> Found | None:
    """The cotangent of another argument."""
    for other in case.floats():
        if other == case.argument:
            continue
        for c, word in ((1, ""), (-1, "the negative of ")):
            if case.explained(lambda s, o=other, c=c: c * s.truth[o]):
                rotation = {"sin", "cos"} <= case.prims()
                normalised = case.prims() & {"sqrt", "rsqrt"}
                key = "not_normalised_input" if normalised else "wrong_residual"
                key = "rotation_not_reversed" if rotation else key
                name = case.subject.names[other]
                return Found(key, f"{case.name} is {word}what belongs to `{name}`.")
    return None


def cotangent(case: Case) -> Found | None:
    """The upstream cotangent ignored, or one of several."""
    first, count = case.arity, len(case.samples[0].cotangents)
    places = range(first, first + count)
    everything = {
        "is ignored": lambda c: np.ones_like(c),
    }
    for words, change in everything.items():
        if case.explained(
            lambda s, ch=change: case.at(
                s, {p: ch(c) for p, c in zip(places, s.cotangents, strict=True)}
            )
        ):
            return Found(
                "upstream_ignored",
                f"The upstream cotangent {words}: {case.name} is right where it is all ones.",
            )
    if count > 1:
        for place in places:
            ignored = f"The cotangent of output {place - first}"
            if case.explained(lambda s, p=place: case.at(s, {p: 0 * s.inputs[p]})):
                return Found("upstream_ignored", f"{ignored} is ignored in {case.name}.")
            for other in places:
                if other != place and case.explained(
                    lambda s, p=place, o=other: _moved(case, s, p, o)
                ):
                    return Found(
                        "skip_through_the_jacobian",
                        f"{ignored} is added to that of output {other - first} and passed on with "
                        f"it, instead of by itself, in {case.name}.",
                    )
    return None


def itself(case: Case) -> Found | None:
    """The cotangent itself, added or left out."""
    for sign, words in ((-1, "lacks"), (1, "has too much")):

        def guess(s: Sample, c: int = sign) -> np.ndarray | None:
            g, t = s.cotangents[0], case.truth(s)
            return t + c * g if g.shape == t.shape else None

        if case.explained(guess):
            cumulative = any(p.startswith("cum") for p in case.prims())
            text = f"{case.name} {words} the upstream cotangent of its own place."
            return Found("cumulative_not_reversed" if cumulative else "", text)
    return None


def _moved(case: Case, s: Sample, place: int, other: int) -> np.ndarray | None:
    a, b = s.inputs[place], s.inputs[other]
    return case.at(s, {place: 0 * a, other: a + b}) if a.shape == b.shape else None


def nonlinear(case: Case) -> Found | None:
    """Right for some cotangents: clipped, gated, squared."""
    changes = {
        "is clipped to [-1, 1]": lambda c: np.clip(c, -1, 1),
        "is gated: its negative entries are lost": lambda c: np.maximum(c, 0),
        "is gated: its positive entries are lost": lambda c: np.minimum(c, 0),
        "enters as its sign": np.sign,
        "enters as its absolute value": np.abs,
        "enters squared": np.square,
        "enters squared, with its sign": lambda c: c * np.abs(c),
        "enters as its square root, with its sign": lambda c: np.sign(c) * np.sqrt(np.abs(c)),
        "enters through tanh": np.tanh,
    }
    for words, change in changes.items():
        if case.explained(
            lambda s, ch=change: case.at(
                s, {case.arity + i: ch(c) for i, c in enumerate(s.cotangents)}
            )
        ):
            return Found("not_linear", f"The upstream cotangent {words} in {case.name}.")
    return None
