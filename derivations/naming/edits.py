"""One change to the rule's own code that would make it right, and one to the primal's."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.programs import Change, Program, Step, Values, applied, rerun, run
from derivations.naming.relations import told_size
from derivations.naming.samples import Sample, same
from derivations.naming.words import Reader, told

COMPARISONS = ("gt", "ge", "lt", "le", "eq", "ne")
_TESTS: dict[str, Callable[..., np.ndarray]] = {
    "gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal,
    "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "eq": "=", "ne": "≠"}
_FLIPS = {"gt": ("lt", "le"), "ge": ("lt", "le"), "lt": ("gt", "ge"), "le": ("gt", "ge"),
          "eq": ("ne",), "ne": ("eq",)}  # fmt: skip
SMALL = 0.1


class Edit(NamedTuple):
    """A change of one step, for every sample.

    Attributes:
      place: Which step.
      change: What it does instead, given the sample; `None` if it does the same.
      found: What the mistake is then.
      values: Values that are others, by number, given the sample.
    """

    place: int
    change: Callable[[Sample], Change] | None
    found: Found
    values: Callable[[Sample], dict[int, np.ndarray]] = lambda sample: {}


class Code:
    """The rule's program, as far as one cotangent needs it."""

    def __init__(self, case: Case):
        self.case = case
        first = case.samples[0]
        self.program = first.setting.rule
        self.output = self.program.outputs[first.setting.given.index(case.argument)]
        self.reader = Reader(self.program, first.rule, case.subject.names)
        self.primal = Reader(first.setting.primal, first.primal, case.subject.names)
        self.needed = self._needed()
        form = self.program.form
        self.fits = all(s.setting.rule.form == form for s in case.samples)
        self.floor = [float(np.abs(case.truth(s)).max(initial=0.0)) for s in case.samples]

    def _needed(self) -> list[int]:
        used, places = {self.output}, []
        for place in reversed(range(len(self.program.steps))):
            step = self.program.steps[place]
            if used.intersection(step.outputs):
                places.append(place)
                used.update(step.inputs)
        return places[::-1]

    def mends(self, edit: Edit) -> bool:
        """Tells whether the rule is right everywhere once it is edited."""
        for sample in self.case.samples:
            self.case.in_time()
            try:
                at = {} if edit.change is None else {edit.place: edit.change(sample)}
                values = rerun(
                    sample.setting.rule, sample.rule, edit.values(sample), at, self.case.deadline
                )
            except (ValueError, TypeError, IndexError):  # the shapes do not fit
                return False
            if not same(values[self.output], self.case.truth(sample)):
                return False
        return True

    def line(self, place: int) -> str:
        """The source line of a step, in parentheses."""
        where = self.program.steps[place].where
        return f" (line {where})" if where else ""


def of_the_rule(case: Case) -> Found | None:
    """The change to the backward pass that makes it right: a step, a constant."""
    return _mended(case, lambda code: itertools.chain(_steps(code), _constants(code)))


def of_a_value(case: Case) -> Found | None:
    """Another value that has to stand in the backward pass, at all its uses."""
    return _mended(case, _values)


def of_an_operand(case: Case) -> Found | None:
    """Another value, a factor or a sign that has to stand at one place in the backward pass."""
    return _mended(
        case, lambda code: itertools.chain(_operands(code), _factors(code), _negated(code))
    )


def _mended(case: Case, edits: Callable[[Code], Iterator[Edit]]) -> Found | None:
    if case.argument not in case.samples[0].setting.given:
        return None
    code = Code(case)
    if not code.fits:
        return None
    return next((edit.found for edit in edits(code) if code.mends(edit)), None)


def _steps(code: Code) -> Iterator[Edit]:
    """Another comparison, another axis, adding for setting, the other direction."""
    name = code.case.name
    for place in code.needed:
        step, line = code.program.steps[place], code.line(place)
        if step.name == "scatter":
            text = f"{name} sets entries{line} where it has to add: repeated indices are lost."
            yield Edit(place, lambda s: _scatter_add, Found("repeated_indices_lost", text))
        if step.name.startswith("cum"):
            text = f"In {name}, `{step.name}`{line} runs the wrong way: it is not reversed."
            yield Edit(place, lambda s: _reversed, Found("cumulative_not_reversed", text))
        if step.name in COMPARISONS:
            yield from _comparisons(code, place, step, line)
        if step.name in ("reduce_sum", "reduce_max", "reduce_min"):
            yield from _axes(code, place, step, line)
        if step.name in ("sqrt", "rsqrt"):
            yield from _epsilon_dropped(code, place, line)
        if step.name == "add" and code.reader.number(step.inputs[1]) is not None:
            maker = code.program.maker(step.inputs[0])
            if maker is not None and maker.name == "sqrt":
                text = (
                    f"In {name}, ε is added outside the root{line}, and the primal adds it inside."
                )
                yield Edit(place, lambda s: _inside, Found("epsilon", text))
        if step.name in ("transpose", "rev") and step.eqn.invars[0].aval.shape == (
            step.eqn.outvars[0].aval.shape
        ):
            key = "weights_not_transposed" if step.name == "transpose" else "convolution"
            text = f"In {name}, `{step.name}`{line} does not belong there."
            yield Edit(place, lambda s: lambda step, inputs: [inputs[0]], Found(key, text))
        if step.name == "dot_general":
            for slot in range(2):
                text = f"In {name}, an operand of the product{line} has to be transposed."
                found = Found("weights_not_transposed", text)
                yield Edit(place, lambda s, k=slot: _on_operand(k, np.transpose), found)


def _on_operand(slot: int, change: Callable[[np.ndarray], np.ndarray]) -> Change:
    def changed(step: Step, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return applied(step, [change(x) if i == slot else x for i, x in enumerate(inputs)])

    return changed


def _scatter_add(step: Step, inputs: list[np.ndarray]) -> list[np.ndarray]:
    import jax

    operand, indices, updates = inputs
    added = jax.lax.scatter_add(
        jax.numpy.asarray(operand),
        jax.numpy.asarray(indices),
        jax.numpy.asarray(updates),
        step.params["dimension_numbers"],
        mode=step.params["mode"],
    )
    return [np.asarray(added)]


def _reversed(step: Step, inputs: list[np.ndarray]) -> list[np.ndarray]:
    turned = step._replace(params={**step.params, "reverse": not step.params["reverse"]})
    return applied(turned, inputs)


def _inside(step: Step, inputs: list[np.ndarray]) -> list[np.ndarray]:
    return [np.sqrt(inputs[0] ** 2 + inputs[1])]


def _epsilon_dropped(code: Code, place: int, line: str) -> Iterator[Edit]:
    for number in _numbers(code.case):
        if 0 < number <= SMALL:
            text = f"In {code.case.name}, ε = {number:g} is missing under the root{line}."
            yield Edit(
                place, lambda s, e=number: _on_operand(0, lambda x: x + e), Found("epsilon", text)
            )


def _numbers(case: Case) -> list[float]:
    sample = case.samples[0]
    reader = Reader(sample.setting.primal, sample.primal, case.subject.names)
    found = (reader.number(c) for c in sample.setting.primal.constants)
    return list(dict.fromkeys(n for n in found if n is not None and np.isfinite(n)))


def _comparisons(code: Code, place: int, step: Step, line: str) -> Iterator[Edit]:
    positions = _of_positions(code, step)
    key = "mask_misaligned" if positions else "negative_branch"
    for other in COMPARISONS:
        if other == step.name or (not positions and other not in _FLIPS.get(step.name, ())):
            continue

        def compared(_: Step, inputs: list[np.ndarray], o: str = other) -> list[np.ndarray]:
            return [_TESTS[o](*inputs)]

        text = f"In {code.case.name}, the comparison{line} is {_SIGNS[step.name]} where "
        text += f"{_SIGNS[other]} belongs."
        yield Edit(place, lambda s, c=compared: c, Found(key, text))
    if positions:
        for by in (1, -1, 2, -2):

            def shifted(step: Step, inputs: list[np.ndarray], b: int = by) -> list[np.ndarray]:
                return applied(step, [inputs[0] + b, inputs[1]])

            text = f"In {code.case.name}, the mask{line} is off by {abs(by)}."
            yield Edit(place, lambda s, c=shifted: c, Found("mask_misaligned", text))


def _of_positions(code: Code, step: Step) -> bool:
    """Tells whether a comparison is one of positions, not of what the arguments hold."""
    seen, todo = set(), list(step.inputs)
    while todo:
        value = todo.pop()
        if value in code.program.inputs:
            return False
        maker = code.reader.makers.get(value)
        if maker is not None and value not in seen:
            seen.add(value)
            todo += maker.inputs
    return True


def _axes(code: Code, place: int, step: Step, line: str) -> Iterator[Edit]:
    own = tuple(step.params["axes"])
    dims = len(step.eqn.invars[0].aval.shape)
    run_ = {"reduce_sum": np.sum, "reduce_max": np.max, "reduce_min": np.min}[step.name]
    key = "broadcast_summed_over_the_wrong_axis"
    if "exp" in code.case.prims():
        key = "softmax_wrong_sum"
    for count in range(dims + 1):
        for axes in itertools.combinations(range(dims), count):
            if axes == own:
                continue

            def reduced(
                step: Step, inputs: list[np.ndarray], a: tuple[int, ...] = axes
            ) -> list[np.ndarray]:
                shape = step.eqn.outvars[0].aval.shape
                out = run_(inputs[0], axis=a) if a else inputs[0]
                if out.shape != shape:
                    raise ValueError("another shape")
                return [out]

            text = f"{code.case.name} sums over {told(own)}{line} where {told(axes)} belongs."
            yield Edit(place, lambda s, c=reduced: c, Found(key, text))


Number = Callable[[Sample], float]


def _sizes(case: Case) -> Iterator[tuple[str, Number]]:
    for symbol in case.samples[0].setting.sizes:
        yield told_size(case, symbol), lambda s, c=symbol: float(s.setting.sizes[c])


def _constants(code: Code) -> Iterator[Edit]:
    """Another constant in the rule."""
    case = code.case
    sizes = list(_sizes(case))
    primal = [n for n in _numbers(case) if n not in (0.0, 1.0)]
    for place in code.needed:
        step = code.program.steps[place]
        for slot, value in enumerate(step.inputs):
            number = code.reader.number(value)
            if number is None or code.program.steps[place].name in ("broadcast_in_dim", "select_n"):
                continue
            if step.name in ("sub", "add", "mul", "div") and slot == 1:
                found = _needless(code, place, number, step)
                yield Edit(place, lambda s: lambda _, inputs: [inputs[0]], found)
            for words, key, right in _replacements(case, number, primal, sizes, value, code):
                text = (
                    f"In {case.name}, the constant {number:.6g}{code.line(place)} is wrong: "
                    f"{words} belongs there."
                )

                def changed(s: Sample, k: int = slot, r: Number = right) -> Change:
                    return _on_operand(k, lambda x: np.full_like(x, r(s)))

                yield Edit(place, changed, Found(key, text))


def _needless(code: Code, place: int, number: float, step: Step) -> Found:
    line = code.line(place)
    if step.name == "sub" and number == 1.0 and "log" in code.case.prims() | {"log1p"}:
        text = f"In {code.case.name}, C - 1{line} stands where the number of classes C belongs."
        return Found("label_smoothing_divisor" if "exp" in code.case.prims() else "epsilon", text)
    text = f"In {code.case.name}, `{step.name}` with {number:.6g}{line} does not belong there."
    roots = code.case.prims() & {"sqrt", "rsqrt", "div", "log"}
    if step.name == "add" and 0 < number <= SMALL and roots:
        return Found(_added_epsilon(code.case), text)
    return Found("wrong_constant", text)


def _replacements(
    case: Case,
    number: float,
    primal: list[float],
    sizes: list[tuple[str, Number]],
    value: int,
    code: Code,
) -> Iterator[tuple[str, str, Number]]:
    smoothing = {"exp", "log"} <= case.prims() and any(0 < abs(p) < 1 for p in primal)

    def own(s: Sample) -> float:
        return float(np.asarray(s.setting.rule.constants[code.reader.source(value)]).flat[0])

    for words, size in sizes:
        n = size(case.samples[0])
        if abs(number - (n - 1)) < 1e-9:
            key = "label_smoothing_divisor" if smoothing else "epsilon"
            yield f"the {words.removeprefix('the ')}", key, size
        if abs(number * (n - 1) - 1) < 1e-9:
            key = "label_smoothing_divisor" if smoothing else "epsilon"
            yield f"1 over {words}", key, lambda s, f=size: 1 / f(s)
    for p in primal:
        if p != number:
            yield (
                f"{p:.6g}",
                "epsilon"
                if abs(p) < SMALL and abs(number) < SMALL and (p > 0) and p < 0.02
                else "wrong_constant",
                lambda s, p=p: p,
            )
    for words, times in (("3 times it", 3.0), ("a third of it", 1 / 3), ("twice it", 2.0),
                         ("half of it", 0.5), ("its negative", -1.0)):  # fmt: skip
        key = "sign" if times < 0 else "wrong_constant"
        yield f"{words}, {times * number:.6g},", key, lambda s, t=times: t * own(s)
    for p in primal:
        for q in (3.0, 2.0, 0.5):
            yield f"{q * p:.6g} = {q:g}·{p:.6g}", "wrong_constant", lambda s, r=q * p: r
        for other in primal:
            yield (
                f"{p * other:.6g} = {p:.6g}·{other:.6g}",
                "wrong_constant",
                (lambda s, r=p * other: r),
            )
    for words, size in sizes:
        yield words, "mean_divisor", size
        yield f"1/{words}", "mean_divisor", lambda s, f=size: 1 / f(s)
    if number != 0:
        yield "1", "wrong_constant", lambda s: 1.0
    small = 0 < number <= SMALL and bool(case.prims() & {"sqrt", "rsqrt", "div", "log"})
    yield "0", _added_epsilon(case) if small else "wrong_constant", lambda s: 0.0


def _added_epsilon(case: Case) -> str:
    """An ε that the primal does not have is there against a division by zero."""
    own = any(0 < number <= SMALL for number in _numbers(case))
    return "epsilon" if own else "norm_at_zero"


Wanted = Callable[[Sample], np.ndarray | None]


def _candidates(code: Code) -> list[tuple[str, str, tuple[int, ...], Wanted]]:
    """Gives values of the primal that may belong in the rule: kind, words, shape, value."""
    case = code.case
    first = case.samples[0]
    found: list[tuple[str, str, tuple[int, ...], Wanted]] = []
    for i in case.floats():
        name = f"`{case.subject.names[i]}`"
        found.append(("argument", name, first.arrays[i].shape, lambda s, i=i: s.arrays[i]))
    for k, output in enumerate(first.outputs):
        found.append(("output", "the output", output.shape, lambda s, k=k: s.outputs[k]))
    form = first.setting.primal.form
    for step in first.setting.primal.steps:
        for o in step.outputs:
            if first.primal[o].dtype == np.float64:
                meaning = code.primal.meaning(o)
                words = meaning.words + (f" of line {meaning.where}" if meaning.where else "")

                def value(s: Sample, o: int = o) -> np.ndarray | None:
                    return s.primal[o] if s.setting.primal.form == form else None

                found.append((meaning.kind, words, first.primal[o].shape, value))
    for i, c in enumerate(first.cotangents):
        found.append(("cotangent", "the cotangent", c.shape, lambda s, i=i: s.cotangents[i]))
    return found


def _values(code: Code) -> Iterator[Edit]:
    """Another value of the primal where a value stands that is used more than once."""
    case, first = code.case, code.case.samples[0]
    uses: dict[int, list[int]] = {}
    for place in code.needed:
        for value in code.program.steps[place].inputs:
            uses.setdefault(value, []).append(place)
    candidates = _candidates(code)
    for value, places in uses.items():
        here = first.rule[value]
        if len(places) < 2 or here.dtype != np.float64 or value in code.program.constants:
            continue
        meaning = code.reader.meaning(value)
        for kind, words, shape, wanted in candidates:
            if shape != here.shape or kind == "cotangent" or same(wanted(first), here):
                continue

            def changed(s: Sample, v: int = value, w: Wanted = wanted) -> dict[int, np.ndarray]:
                right = w(s)
                if right is None or right.shape != s.rule[v].shape:
                    raise ValueError("another program")
                return {v: right}

            text = f"In {case.name}, {meaning.words}{code.line(places[0])} stands where {words} "
            key = _residual(case, meaning.kind, kind)
            yield Edit(places[0], None, Found(key, text + "belongs."), changed)


def _operands(code: Code) -> Iterator[Edit]:
    """Another value of the primal where an operand stands."""
    case = code.case
    candidates = _candidates(code)
    first = case.samples[0]
    for place in code.needed:
        step = code.program.steps[place]
        for slot, value in enumerate(step.inputs):
            here = first.rule[value]
            if here.dtype != np.float64 or value in code.program.constants:
                continue
            meaning = code.reader.meaning(value)
            for kind, words, shape, wanted in candidates:
                if shape != here.shape or same(wanted(first), here):
                    continue

                def changed(s: Sample, k: int = slot, w: Wanted = wanted) -> Change:
                    right = w(s)
                    if right is None:
                        raise ValueError("another program")
                    return _on_operand(k, lambda x: np.broadcast_to(right, x.shape))

                text = (
                    f"In {case.name}, {meaning.words}{code.line(place)} stands where "
                    f"{words} belongs."
                )
                yield Edit(place, changed, Found(_residual(case, meaning.kind, kind), text))


def _residual(case: Case, stands: str, belongs: str) -> str:
    prims = case.prims()
    normalised = bool(prims & {"rsqrt", "sqrt"})
    if stands == "argument" and belongs in ("other", "output", "normalised") and normalised:
        return "not_normalised_input"
    if "tanh" in prims and belongs in ("output", "other") and stands == "argument":
        return "wrong_residual_of_tanh"
    return "wrong_residual"


def _factors(code: Code) -> Iterator[Edit]:
    """A factor that is missing, or too much, inside the rule."""
    case = code.case
    first = case.samples[0]
    for place in code.needed:
        step = code.program.steps[place]
        for slot, value in enumerate(step.inputs):
            here = first.rule[value]
            if here.dtype != np.float64 or value in code.program.constants:
                continue
            for kind, words, shape, wanted in _candidates(code):
                try:
                    fits = np.broadcast_shapes(shape, here.shape) == here.shape
                except ValueError:
                    fits = False
                if not fits or kind in ("cotangent", "constant"):
                    continue
                for power in (1, -1):

                    def changed(
                        s: Sample, k: int = slot, w: Wanted = wanted, p: int = power
                    ) -> Change:
                        u = w(s)
                        if u is None:
                            raise ValueError("another program")
                        return _on_operand(k, lambda x: x * u**p)

                    factor = words if power > 0 else f"1/{words}"
                    text = f"In {case.name}, the factor {factor} is missing{code.line(place)}."
                    key = "factor_missing"
                    if kind == "argument":
                        key = "scale_missing" if shape else "hyperparameter_missing"
                    yield Edit(place, changed, Found(key, text))


def _negated(code: Code) -> Iterator[Edit]:
    """A sign inside the rule."""
    for place in code.needed:
        step = code.program.steps[place]
        for slot, value in enumerate(step.inputs):
            if code.case.samples[0].rule[value].dtype != np.float64:
                continue
            text = f"In {code.case.name}, a term has the wrong sign{code.line(place)}."
            rotation = {"sin", "cos"} & code.case.prims()
            key = "rotation_not_reversed" if rotation else "sign"
            yield Edit(place, lambda s, k=slot: _on_operand(k, np.negative), Found(key, text))


Replacement = Callable[[float], tuple[float, str]]
INSTEAD: tuple[Replacement, ...] = (
    *(lambda c, t=t: (t * c, f"{t * c:.6g}") for t in (2.0, 0.5, 3.0, 1 / 3, -1.0)),
    lambda c: (1 / c, f"1/{c:.6g}"),
    lambda c: (c * c, f"{c:.6g}²"),
    lambda c: (c + 1, f"{c + 1:.6g}"),
    lambda c: (c - 1, f"{c - 1:.6g}"),
)


def without_a_constant(case: Case) -> Found | None:
    """What was found is the derivative of the primal with 0 or 1 for a constant."""
    return of_the_primal(case, [lambda c: (0.0, "0"), lambda c: (1.0, "1")])


def with_another_constant(case: Case) -> Found | None:
    """What was found is the derivative of the primal with another constant."""
    return of_the_primal(case, INSTEAD)


def of_the_primal(case: Case, instead: Sequence[Replacement]) -> Found | None:
    """What was found is the derivative of the primal once a constant is replaced."""
    first = case.samples[0]
    program = first.setting.truth
    form = program.form
    if any(s.setting.truth.form != form for s in case.samples):
        return None
    runs = [run(s.setting.truth, s.inputs, case.deadline) for s in case.samples]
    groups: dict[float, list[int]] = {}
    reader = Reader(program, runs[0], case.subject.names)
    for value in program.constants:
        number = reader.number(value)
        if number is not None and number not in (0.0, -1.0) and np.isfinite(number):
            groups.setdefault(number, []).append(value)
    own = _numbers(case)
    for number, values in groups.items():
        if number not in own or number == 1.0:
            continue
        for right, words in (replaced(number) for replaced in instead):
            if all(
                _with(case, s, program_, before, values, right)
                for s, program_, before in (
                    (s, s.setting.truth, b) for s, b in zip(case.samples, runs, strict=True)
                )
            ):
                whole = all(before.dtype.kind in "iu" for before in (runs[0][v] for v in values))
                return _constant_of_the_primal(case, number, right, words, whole)
    return None


def _with(
    case: Case, s: Sample, program: Program, before: Values, values: list[int], right: float
) -> bool:
    case.in_time()
    changed = {v: np.full_like(before[v], right) for v in values}
    after = rerun(program, before, changed, None, case.deadline)
    output = program.outputs[s.setting.wanted.index(case.argument)]
    return same(after[output], case.found(s))


def _constant_of_the_primal(
    case: Case, number: float, right: float, words: str, whole: bool
) -> Found:
    text = f"{case.name} is the derivative with {words} for the constant {number:.6g}"
    if whole and case.prims() & set(COMPARISONS):
        text = f"{case.name} is the derivative with {words} for {number:.6g} in the positions of "
        return Found("mask_misaligned", f"{text}the mask.")
    if right == 0.0 and number <= SMALL and case.prims() & {"sqrt", "rsqrt", "div", "log"}:
        return Found("epsilon", f"{text}: ε is missing.")
    if right in (0.0, 1.0):
        key = "branch_constant" if "select_n" in case.prims() else "hyperparameter_missing"
        return Found(key, f"{text}: it is missing.")
    return Found("wrong_constant", f"{text}.")
