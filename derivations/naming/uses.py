"""Which way through the primal is missing, counted twice, or has the wrong sign."""

import itertools
from collections.abc import Callable

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.paths import Paths, Use
from derivations.naming.programs import run
from derivations.naming.samples import Sample, same
from derivations.naming.words import Meaning, Reader

RANK = ["variance", "mean square", "norm", "deviation", "root mean square", "mean", "normaliser",
        "maximum"]  # fmt: skip
MOST_PAIRED = 16


class Ways:
    """The ways through the primal, at every sample whose program has the first one's form."""

    def __init__(self, case: Case):
        self.case = case
        form = case.samples[0].setting.primal.form
        self.samples = [s for s in case.samples if s.setting.primal.form == form]
        self.whole = len(self.samples) == len(case.samples) or len(self.samples) >= 4
        self.program = case.samples[0].setting.primal
        self.paths = [
            Paths(s.setting.primal, s.primal, case.argument, s.cotangents) for s in self.samples
        ]
        first = self.samples[0]
        self.reader = Reader(self.program, first.primal, case.subject.names)
        self.short = [case.found(s) - case.truth(s) for s in self.samples]
        self.scale = [float(np.abs(case.truth(s)).max(initial=0.0)) for s in self.samples]

    def trusted(self) -> bool:
        """Tells whether the ways together are the truth, everywhere."""
        if not self.whole:
            return False
        pairs = zip(self.paths, self.samples, strict=True)
        return all(same(p.gradient(), self.case.truth(s)) for p, s in pairs)

    def values(self) -> dict[int, Meaning]:
        """The statistics on the way."""
        found = {}
        for step in self.program.steps:
            for output in step.outputs:
                meaning = self.reader.meaning(output)
                if output in self.paths[0].forward and meaning.kind in RANK:
                    found[output] = meaning
        return dict(sorted(found.items(), key=lambda item: RANK.index(item[1].kind)))

    def parts(self, part: Callable[[Paths], np.ndarray]) -> list[np.ndarray]:
        """A part of the gradient, at every sample."""
        return [part(p) for p in self.paths]

    def coefficients(self, *parts: list[np.ndarray]) -> list[float] | None:
        """Gives the k for which found - true = Σ k · part everywhere, if there are any."""
        for i, short in enumerate(self.short):
            if any(p[i].shape != short.shape for p in parts):
                return None
        columns = [np.concatenate([a.reshape(-1) for a in part]) for part in parts]
        right = np.concatenate([a.reshape(-1) for a in self.short])
        matrix = np.stack(columns, axis=1)
        size = np.abs(matrix).max(initial=0.0)
        if not np.isfinite(matrix).all() or not np.isfinite(right).all() or size == 0:
            return None
        k, *_ = np.linalg.lstsq(matrix, right, rcond=1e-10)
        if np.abs(k).min() < 1e-6:
            return None
        start = 0
        for short, scale in zip(self.short, self.scale, strict=True):
            rows = slice(start, start + short.size)
            start += short.size
            if not same(matrix[rows] @ k, short.reshape(-1), scale):
                return None
        return [float(c) for c in k]


def _ways(case: Case) -> Ways:
    """Gives the ways of a case; to run the primal's derivative step by step takes its time."""
    if "ways" not in case.made:
        case.made["ways"] = Ways(case)
    return case.made["ways"]


def through(case: Case) -> Found | None:
    """One way, or two, with the wrong weight."""
    ways = _ways(case)
    if not ways.trusted():
        return None
    return _one(ways) or _denominator(ways) or _two(ways)


def weighted(case: Case) -> Found | None:
    """The way through a statistic with a factor too many or too few, or without a scale."""
    ways = _ways(case)
    return _weighted(ways) if ways.trusted() else None


def _denominator(ways: Ways) -> Found | None:
    """The softmax's denominator taken for a constant, the shift by the maximum left out as well."""
    kinds = {v: m for v, m in ways.values().items() if m.kind in ("normaliser", "maximum")}
    main = next((m for m in kinds.values() if m.kind == "normaliser"), None)
    if main is None:
        return None
    uses = ways.paths[0].jacobians
    steps = ways.program.steps
    stopped = {u: 0.0 for u in uses if steps[u.place].inputs[u.slot] in kinds}
    pairs = zip(ways.paths, ways.samples, strict=True)
    if not all(same(p.gradient(stopped), ways.case.found(s)) for p, s in pairs):
        return None
    line = f" (line {main.where})" if main.where else ""
    text = f"In {ways.case.name}, the path through {main.words}{line} is missing: the row sum."
    return Found(_of_statistic(ways.case, main), text)


def counted_oddly(case: Case) -> Found | None:
    """One way with a weight that is no small whole number."""
    ways = _ways(case)
    return _one(ways, odd=True) if ways.trusted() else None


def of_itself(case: Case) -> Found | None:
    """One of the two uses of an argument that is multiplied by itself."""
    ways = _ways(case)
    if not ways.trusted():
        return None
    for use in ways.paths[0].jacobians:
        if ways.program.steps[use.place].name in ("mul", "dot_general") and _square_of(ways, use):
            k = ways.coefficients(ways.parts(lambda p, u=use: p.through(u)))
            if k is not None and (_near(k[0], -1) or _near(k[0], 1)):
                return _use(ways, use, k[0])
    return None


def _one(ways: Ways, *, odd: bool = False) -> Found | None:
    for value, meaning in ways.values().items():
        case = ways.case
        case.in_time()
        k = ways.coefficients(ways.parts(lambda p, v=value: p.through_value(v)))
        if k is not None and (odd or any(_near(k[0], c) for c in (-1, 1, -2))):
            return _statistic(case, meaning, k[0])
    matching: list[tuple[Use, float]] = []
    for use in ways.paths[0].jacobians:
        ways.case.in_time()
        k = ways.coefficients(ways.parts(lambda p, u=use: p.through(u)))
        plain = k is not None and (_near(abs(k[0]), 1) or _negated(ways, use, k[0]))
        if k is not None and (odd or (plain and not _of_a_power(ways, use))):
            matching.append((use, k[0]))
    if not matching:
        return None
    return _use(ways, *min(matching, key=lambda m: _rank(ways, m[0])))


def _rank(ways: Ways, use: Use) -> int:
    """Where the same way can be cut in several places: at a sum or a product is said best."""
    step = ways.program.steps[use.place]
    own = ways.reader.source(step.inputs[use.slot]) == ways.program.inputs[ways.case.argument]
    if step.name in ("add", "add_any") and own:
        return 0
    return 1 if step.name in ("mul", "div", "dot_general", "pow") else 2


def _of_a_power(ways: Ways, use: Use) -> bool:
    """Tells whether a use is inside a power of the argument, such as x·x·x."""
    step = ways.program.steps[use.place]
    kinds = {ways.reader.meaning(i).kind for i in step.inputs}
    return step.name == "mul" and "power" in kinds and kinds <= {"argument", "power", "constant"}


def _negated(ways: Ways, use: Use, k: float) -> bool:
    return _near(k, -2) and ways.program.steps[use.place].name in ("add", "add_any", "sub", "neg")


def _near(a: float, b: float) -> bool:
    return abs(a - b) < 1e-7


def _statistic(case: Case, meaning: Meaning, k: float) -> Found:
    line = f" (line {meaning.where})" if meaning.where else ""
    path = f"the path through {meaning.words}{line}"
    if _near(k, -1):
        return Found(_of_statistic(case, meaning), f"In {case.name}, {path} is missing.")
    if _near(k, 1):
        key = "mean_subtracted_twice" if meaning.kind == "mean" else "counted_more_than_once"
        return Found(key, f"In {case.name}, {path} counts twice.")
    if _near(k, -2):
        return Found("sign", f"In {case.name}, {path} has the wrong sign.")
    times = f"counts {k + 1:.6g} times"
    return Found(_of_statistic(case, meaning), f"In {case.name}, {path} {times}.")


def _of_statistic(case: Case, meaning: Meaning) -> str:
    if meaning.kind in ("mean square", "root mean square"):
        return "rms_taken_as_constant"
    if meaning.kind == "maximum":
        return "shift_half_stopped"
    if meaning.kind == "normaliser":
        products = [s for s in case.samples[0].setting.primal.steps if s.name == "dot_general"]
        return "attention_scale_or_rowsum" if len(products) >= 2 else "softmax_wrong_sum"
    dims = max((a.ndim for a in case.samples[0].arrays), default=0)
    over_rows = 0 in meaning.axes and dims >= 2 and dims - 1 not in meaning.axes
    images = dims >= 3 and 0 in meaning.axes
    return "batch_statistics" if over_rows or images else "statistics_taken_as_constant"


def _use(ways: Ways, use: Use, k: float) -> Found:
    case, step = ways.case, ways.program.steps[use.place]
    source = ways.reader.source(step.inputs[use.slot])
    meaning = ways.reader.meaning(source)
    line = f" (line {step.where})" if step.where else ""
    what = meaning.words if meaning.kind != "other" else "one value"
    if meaning.kind in RANK and _near(k, -1):
        key = _of_statistic(case, meaning)
        return Found(key, f"In {case.name}, the path through one use of {what}{line} is missing.")
    name = f"`{case.subject.names[case.argument]}`"
    own = ways.reader.source(source) == ways.program.inputs[case.argument]
    if _near(k, -1):
        if step.name in ("add", "add_any") and own:
            return Found("skip_missing", f"In {case.name}, the skip connection{line} is missing.")
        if step.name in ("dot_general", "mul") and (own or _square_of(ways, use)):
            text = f"In {case.name}, one of the uses of {name}{line} is not counted."
            own_uses = [s for s in ways.program.steps if source in s.inputs]
            repeated = len(own_uses) > 1 and {s.name for s in own_uses} <= {"mul", "dot_general"}
            both = _square_of(ways, use) or step.name == "dot_general" or repeated
            return Found("a_use_not_counted" if both else "product_rule_term_missing", text)
        if step.name in ("mul", "div", "pow"):
            text = f"In {case.name}, one term of the product rule{line} is missing"
            return Found("product_rule_term_missing", f"{text}: {what} is taken for a constant.")
        text = f"In {case.name}, the way through `{step.name}`{line} is missing."
        return Found("a_use_not_counted", text)
    if _near(k, 1):
        text = f"In {case.name}, the way through `{step.name}`{line} counts twice."
        return Found("counted_more_than_once", text)
    if _near(k, -2):
        rotation = {"sin", "cos"} <= case.prims()
        return Found(
            "rotation_not_reversed" if rotation else "sign",
            f"In {case.name}, the way through `{step.name}`{line} has the wrong sign.",
        )
    text = f"In {case.name}, the way through `{step.name}`{line} counts {k + 1:.6g} times."
    return Found("constant_factor", text)


def _square_of(ways: Ways, use: Use) -> bool:
    """Tells whether both operands of a product are the argument itself."""
    step = ways.program.steps[use.place]
    sources = [_behind(ways, i) for i in step.inputs]
    return len(sources) == 2 and sources[0] == sources[1] == ways.program.inputs[ways.case.argument]


def _behind(ways: Ways, value: int) -> int:
    value = ways.reader.source(value)
    while (step := ways.reader.makers.get(value)) is not None and step.name == "transpose":
        value = ways.reader.source(step.inputs[0])
    return value


def _two(ways: Ways) -> Found | None:
    case = ways.case
    statistics = _distinct(ways)
    for (a, one), (b, other) in itertools.combinations(statistics[:MOST_PAIRED], 2):
        case.in_time()
        k = ways.coefficients(
            ways.parts(lambda p, v=a: p.through_value(v)),
            ways.parts(lambda p, v=b: p.through_value(v)),
        )
        if k is None:
            continue
        if _near(k[0], -1) and _near(k[1], -1):
            lines = f" (lines {one.where} and {other.where})" if one.where else ""
            text = f"{case.name} takes {one.words} and {other.words}{lines} for constants."
            return Found(_of_statistic(case, one), text)
    joints = ("add", "mul", "dot_general")
    adds = [u for u in ways.paths[0].jacobians if ways.program.steps[u.place].name in joints]
    for first, second in itertools.permutations(adds, 2):
        if first.place != second.place:
            continue
        case.in_time()
        k = ways.coefficients(
            ways.parts(lambda p, u=first: p.through(u)),
            ways.parts(lambda p, u=second: p.through(u)),
        )
        if k is not None and {round(c, 7) for c in k} == {1.0, -1.0}:
            step = ways.program.steps[first.place]
            line = f" (line {step.where})" if step.where else ""
            if step.name == "add":
                text = f"In {case.name}, the cotangent of the skip connection{line}"
                text += " goes through the Jacobian of the layer beside it."
                return Found("skip_through_the_jacobian", text)
            text = f"In {case.name}, one factor of the product{line} counts twice, and the other "
            return Found("a_use_not_counted", text + "not at all.")
    return None


def _distinct(ways: Ways) -> list[tuple[int, Meaning]]:
    """Gives statistics whose parts of the gradient differ."""
    kept: list[tuple[int, Meaning]] = []
    known: list[np.ndarray] = []
    for value, meaning in ways.values().items():
        part = ways.paths[0].through_value(value)
        if np.abs(part).max(initial=0.0) == 0 or any(same(part, k) for k in known):
            continue
        known.append(part)
        kept.append((value, meaning))
    return kept


def _weighted(ways: Ways) -> Found | None:
    """The way through a statistic with a factor too many or too few, or without a scale."""
    from derivations.naming.ratios import factors

    case = ways.case
    for value, meaning in _distinct(ways):
        if not meaning.statistic:
            continue
        parts = ways.parts(lambda p, v=value: p.through_value(v))
        rests = [f + p for f, p in zip(ways.short, parts, strict=True)]  # found - (true - part)
        for argument in case.floats():
            if argument == case.argument:
                continue
            others = [_at_one(case, s, value, argument) for s in ways.samples]
            if all(map(same, rests, others, ways.scale)):
                name = case.subject.names[argument]
                line = f" (line {meaning.where})" if meaning.where else ""
                text = f"In {case.name}, `{name}` is missing on the path through {meaning.words}"
                return Found(_of_statistic(case, meaning), f"{text}{line}.")
        for _, words, factor in factors(case):
            case.in_time()
            for power in (-1, 1):
                guesses = [
                    _times(p, factor(s), power) for p, s in zip(parts, ways.samples, strict=True)
                ]
                if all(map(same, rests, guesses, ways.scale)):
                    how = "lacks the factor" if power < 0 else "has a factor too many:"
                    text = f"In {case.name}, the path through {meaning.words} {how} {words}."
                    return Found(_of_statistic(case, meaning), text)
    return None


def _times(part: np.ndarray, factor: np.ndarray | None, power: int) -> np.ndarray:
    try:
        return part * np.broadcast_to(factor, part.shape) ** power if factor is not None else part
    except ValueError:
        return part


def _at_one(case: Case, sample: Sample, value: int, argument: int) -> np.ndarray:
    arrays = [np.ones_like(a) if i == argument else a for i, a in enumerate(sample.arrays)]
    program = sample.setting.primal
    values = run(program, arrays, case.deadline)
    paths = Paths(program, values, case.argument, sample.cotangents)
    return paths.through_value(value)
