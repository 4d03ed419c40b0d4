"""Where it is right and where it is wrong: the branches of the primal, and what is given there."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from derivations.naming.case import Case, Found, spread
from derivations.naming.programs import Program, Values
from derivations.naming.ratios import factors
from derivations.naming.samples import CLOSE, Sample
from derivations.naming.words import Reader

Mask = Callable[[Sample], np.ndarray | None]
MOST_JOINED = 10
LEAST = 2  # entries on each side, all samples together
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "eq": "=", "ne": "≠"}
_OPPOSITE = {">": "≤", "≥": "<", "<": "≥", "≤": ">", "=": "≠", "≠": "="}


class Branch(NamedTuple):
    """A set of entries.

    Attributes:
      words: Which ones, such as "`x` < 0".
      mask: True there.
      number: What an argument is compared with; `None` if it is no number.
      kind: `sign`, `mask` (an argument of truth values), `positions`, `tie`, or `other`.
    """

    words: str
    mask: Mask
    number: float | None
    kind: str


def branches(case: Case) -> Iterator[Branch]:
    """Gives the sets that comparisons make, the primal's and the rule's, and their complements."""
    first = case.samples[0]
    names = case.subject.names
    primal, rule = first.setting.primal, first.setting.rule
    yield from _of_program(
        Reader(primal, first.primal, names), lambda s: (s.setting.primal, s.primal)
    )
    for i, aval in enumerate(first.setting.avals):
        if aval.dtype == np.bool_:
            name = f"`{names[i]}`"
            yield Branch(f"{name} is true", lambda s, i=i: s.arrays[i], None, "mask")
            yield Branch(f"{name} is false", lambda s, i=i: ~s.arrays[i], None, "mask")
    yield from _signs(case)
    yield from _of_program(Reader(rule, first.rule, names), lambda s: (s.setting.rule, s.rule))


Run = Callable[[Sample], tuple[Program, Values]]


def _of_program(reader: Reader, of: Run) -> Iterator[Branch]:
    form = reader.program.form

    def at(sample: Sample) -> Values | None:
        program, values = of(sample)
        return values if program.form == form else None

    for step in reader.program.steps:
        if step.name == "clamp":
            yield from _bounded(reader, at, *step.inputs)
            yield from _compared(reader, at, step.inputs[1], step.inputs[0], "<")
            yield from _compared(reader, at, step.inputs[1], step.inputs[2], ">")
        elif step.name in ("max", "min"):
            a, b = step.inputs
            yield from _compared(reader, at, a, b, ">")
        elif step.name in _SIGNS:
            a, b = step.inputs
            yield from _compared(reader, at, a, b, _SIGNS[step.name])
        elif step.name in ("abs", "sign"):
            words, value = reader.meaning(step.inputs[0]).words, step.inputs[0]
            for sign in "><":

                def mask(s: Sample, v: int = value, t: str = sign) -> np.ndarray | None:
                    values = at(s)
                    return None if values is None else _TESTS[t](values[v], 0)

                yield Branch(f"{words} {sign} 0", mask, 0.0, "sign")


Of = Callable[[Sample], Values | None]


def _bounded(reader: Reader, at: Of, low: int, x: int, high: int) -> Iterator[Branch]:
    def outside(s: Sample) -> np.ndarray | None:
        values = at(s)
        if values is None:
            return None
        return (values[x] < values[low]) | (values[x] > values[high])

    yield Branch(f"{reader.meaning(x).words} is outside the bounds", outside, 1.0, "other")


def _signs(case: Case) -> Iterator[Branch]:
    for i in case.floats():
        name = f"`{case.subject.names[i]}`"
        yield Branch(f"{name} > 0", lambda s, i=i: s.arrays[i] > 0, 0.0, "sign")
        yield Branch(f"{name} < 0", lambda s, i=i: s.arrays[i] < 0, 0.0, "sign")


_TESTS = {">": np.greater, "≥": np.greater_equal, "<": np.less, "≤": np.less_equal,
          "=": np.equal, "≠": np.not_equal}  # fmt: skip


def _compared(reader: Reader, at: Of, a: int, b: int, sign: str) -> Iterator[Branch]:
    left, right = reader.meaning(a), reader.meaning(b)
    number = reader.number(b)
    if number is None and (number := reader.number(a)) is not None:
        a, b, left, right = b, a, right, left
        sign = {">": "<", "<": ">", "≥": "≤", "≤": "≥"}.get(sign, sign)
    of_argument = {left.kind, right.kind} & {"argument"} or left.kind == "other"
    kind = "sign" if number == 0 else "other" if of_argument else "positions"
    for one in (sign, _OPPOSITE[sign]):

        def mask(s: Sample, t: str = one) -> np.ndarray | None:
            values = at(s)
            return None if values is None else _TESTS[t](values[a], values[b])

        yield Branch(f"{left.words} {one} {right.words}", mask, number, kind)


def split(case: Case) -> Found | None:
    """Right on one side of a comparison, and named on the other."""
    known = list(branches(case))
    for branch in (*known, *_unions(known)):
        case.in_time()
        sides = _sides(case, branch)
        found = None if sides is None else _on(case, branch, sides)
        if found is not None:
            return found
    return None


def _unions(known: list[Branch]) -> Iterator[Branch]:
    """Gives what lies beyond either of two bounds."""
    bounds = [b for b in known if b.number is not None][:MOST_JOINED]
    for a, b in itertools.combinations(bounds, 2):

        def either(s: Sample, a: Branch = a, b: Branch = b) -> np.ndarray | None:
            one, other = a.mask(s), b.mask(s)
            if one is None or other is None or one.shape != other.shape:
                return None
            return one | other

        kind = "sign" if a.kind == b.kind == "sign" else "other"
        number = a.number if a.number != 0 else b.number
        yield Branch(f"{a.words} or {b.words}", either, number, kind)


def somewhere(case: Case) -> Found | None:
    """Right on one side of a comparison, and wrong on the other."""
    for branch in branches(case):
        case.in_time()
        if _sides(case, branch) is not None:
            text = f"{case.name} is wrong where {branch.words}, and right elsewhere."
            return Found(_key(case, branch, None), text)
    return None


def _sides(case: Case, branch: Branch) -> list[np.ndarray] | None:
    """Gives the mask at every sample if all is right off it, and something wrong on it."""
    masks, on, off, wrong = [], 0, 0, 0
    for sample in case.samples:
        t, f = case.truth(sample), case.found(sample)
        mask = branch.mask(sample)
        if mask is None or t.shape != f.shape:
            return None
        forms = list(spread(np.asarray(mask), t.shape))
        if not forms:
            return None
        mask = forms[0]
        far = ~(np.abs(f - t) <= CLOSE * max(np.abs(t).max(initial=0.0), 1e-12))
        if (far & ~mask).any():
            return None
        masks.append(mask)
        on, off, wrong = on + mask.sum(), off + (~mask).sum(), wrong + (far & mask).sum()
    return masks if wrong >= LEAST and off >= LEAST and wrong >= 0.3 * on else None


def _on(case: Case, branch: Branch, masks: list[np.ndarray]) -> Found | None:
    """Says what is given on the wrong side."""
    found = [case.found(s)[m] for s, m in zip(case.samples, masks, strict=True)]
    truth = [case.truth(s)[m] for s, m in zip(case.samples, masks, strict=True)]
    f, t = np.concatenate(found), np.concatenate(truth)
    where = f"where {branch.words}"
    if not np.isfinite(f).all():
        return None
    if _alike(f, 0 * f):
        told = f"{case.name} is zero {where}, and the derivative is not"
        return Found(_key(case, branch, 0.0), f"{told}{_slope(case, masks, truth)}.")
    upstream = [_upstream(case, s, m) for s, m in zip(case.samples, masks, strict=True)]
    g = (
        None
        if any(u is None for u in upstream)
        else np.concatenate([u for u in upstream if u is not None])
    )
    if _alike(t, 0 * t):
        how = (
            f"passes the cotangent on {where}"
            if g is not None and _alike(f, g)
            else (f"is not zero {where}")
        )
        return Found(_key(case, branch, None, passes=True),
                     f"{case.name} {how}, and the derivative is zero there.")  # fmt: skip
    c = float((f * t).sum() / (t * t).sum())
    if _alike(f, c * t):
        if abs(c + 1) < 1e-9:
            return Found("sign", f"{case.name} has the wrong sign {where}.")
        told = f"{case.name} is the derivative times {c:.6g} {where}"
        return Found(_key(case, branch, c), f"{told}: a constant is wrong or missing there.")
    if g is not None:
        c = float((f * g).sum() / max((g * g).sum(), 1e-300))
        if _alike(f, c * g) and abs(c) > 1e-9:
            told = f"{case.name} is {c:.6g} times the cotangent {where}"
            return Found(_key(case, branch, c), f"{told}, and the derivative is not.")
    return _by_value(case, branch, masks, f)


def _by_value(case: Case, branch: Branch, masks: list[np.ndarray], f: np.ndarray) -> Found | None:
    for kind, words, value in factors(case):
        if kind in ("constant", "paired"):
            continue
        for power in (-1, 1):
            parts = []
            for sample, mask in zip(case.samples, masks, strict=True):
                u = value(sample)
                forms = [] if u is None else list(spread(u, case.truth(sample).shape))
                if not forms:
                    break
                parts.append((case.truth(sample) * forms[0] ** power)[mask])
            if len(parts) == len(masks) and _alike(f, np.concatenate(parts)):
                how = "lacks the factor" if power < 0 else "has a factor too many:"
                text = f"{case.name} {how} {words} where {branch.words}."
                return Found(_key(case, branch, None), text)
    return None


def _slope(case: Case, masks: list[np.ndarray], truth: list[np.ndarray]) -> str:
    upstream = [_upstream(case, s, m) for s, m in zip(case.samples, masks, strict=True)]
    if any(u is None for u in upstream):
        return ""
    g = np.concatenate([u for u in upstream if u is not None])
    t = np.concatenate(truth)
    c = float((t * g).sum() / max((g * g).sum(), 1e-300))
    return f": the slope {c:.6g} is lost" if _alike(t, c * g) else ""


def _upstream(case: Case, sample: Sample, mask: np.ndarray) -> np.ndarray | None:
    shape = case.truth(sample).shape
    forms = list(spread(sample.cotangents[0], shape)) if len(sample.cotangents) == 1 else []
    return forms[-1][mask] if forms else None


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    return bool(np.all(np.abs(a - b) <= CLOSE * np.maximum(np.abs(a), np.abs(b)) + 1e-13))


FAR = 3.0  # where random inputs seldom are


def _key(case: Case, branch: Branch, c: float | None, *, passes: bool = False) -> str:
    if branch.kind == "mask":
        return "dropout_mask"
    if branch.kind == "positions":
        return "mask_misaligned"
    bound = branch.number
    if bound is None:
        return "counted_more_than_once" if passes else ""
    if bound == 0:
        return "negative_branch"
    of_bound = c is not None and any(abs(abs(c) - b) < 1e-9 for b in (abs(bound), 1 / abs(bound)))
    if of_bound or (c and not passes and abs(bound) < FAR):
        return "branch_constant"
    return "rare_branch"
