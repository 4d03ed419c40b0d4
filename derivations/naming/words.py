"""What a value of the primal is called: the mean of x over axis 1, the variance, the maximum."""

from typing import NamedTuple

import numpy as np

from derivations.naming.programs import Program, Step, Values

TRANSPARENT = frozenset(
    ["broadcast_in_dim", "reshape", "squeeze", "expand_dims", "convert_element_type", "copy",
     "copy_p", "stop_gradient"]
)  # fmt: skip


class Meaning(NamedTuple):
    """What a value is.

    Attributes:
      kind: `argument`, `mean`, `variance`, `deviation`, `mean square`, `root mean square`,
        `maximum`, `normaliser`, `norm`, `sum`, `constant` or `other`.
      words: For the reader.
      axes: Which axes were reduced, if any were.
      where: The source line.
    """

    kind: str
    words: str
    axes: tuple[int, ...] = ()
    where: str = ""

    @property
    def statistic(self) -> bool:
        """Whether it is a mean, a variance, or made of one."""
        return self.kind in (
            "mean", "variance", "deviation", "mean square", "root mean square", "norm",
        )  # fmt: skip


class Reader:
    """Reads one program."""

    def __init__(self, program: Program, values: Values, names: tuple[str, ...]):
        self.program, self.values, self.names = program, values, names
        self.makers = {o: s for s in program.steps for o in s.outputs}
        self.memory: dict[int, Meaning] = {}

    def source(self, value: int) -> int:
        """Gives the value behind reshapes and broadcasts."""
        while (step := self.makers.get(value)) is not None and step.name in TRANSPARENT:
            value = step.inputs[0]
        return value

    def meaning(self, value: int) -> Meaning:
        """Says what a value is."""
        value = self.source(value)
        if value not in self.memory:
            self.memory[value] = self._read(value)
        return self.memory[value]

    def number(self, value: int) -> float | None:
        """Gives a value's number if it is one, known from the code."""
        array = self.program.constants.get(self.source(value))
        if array is None or array.size == 0 or array.dtype == bool:
            return None
        return float(array.flat[0]) if np.all(array == array.flat[0]) else None

    def _read(self, value: int) -> Meaning:
        if value in self.program.inputs:
            place = self.program.inputs.index(value)
            name = self.names[place] if place < len(self.names) else "the cotangent"
            return Meaning("argument", f"`{name}`")
        step = self.makers.get(value)
        if step is None:
            number = self.number(value)
            return Meaning("constant", "a constant" if number is None else f"{number:g}")
        return self._made(step, value)

    def _made(self, step: Step, value: int) -> Meaning:
        where = step.where
        axes = tuple(int(a) for a in step.params.get("axes", ()))
        first = self.source(step.inputs[0]) if step.inputs else -1
        if step.name == "reduce_max":
            return Meaning("maximum", f"the maximum over {told(axes)}", axes, where)
        if step.name == "reduce_sum":
            if self.squared(first) is not None:
                return Meaning(
                    "sum of squares", f"the sum of squares over {told(axes)}", axes, where
                )
            if self._made_by(first, "exp"):
                return Meaning("normaliser", "the softmax's denominator", axes, where)
            return Meaning("sum", f"the sum over {told(axes)}", axes, where)
        if step.name in ("div", "mul") and self._is_count(step):
            return self._mean(step, first, where)
        if step.name in ("sqrt", "rsqrt"):
            inner = self.meaning(first)
            if inner.kind == "variance":
                return Meaning("deviation", f"the standard deviation over {told(inner.axes)}",
                               inner.axes, where)  # fmt: skip
            if inner.kind == "mean square":
                return Meaning("root mean square", f"the root mean square over {told(inner.axes)}",
                               inner.axes, where)  # fmt: skip
            if inner.kind == "sum of squares":
                return Meaning("norm", f"the norm over {told(inner.axes)}", inner.axes, where)
        if step.name in ("add", "max", "add_any"):
            inner = [self.meaning(i) for i in step.inputs]
            if inner[1].kind == "constant" and inner[0].kind in (
                "variance", "mean square", "sum of squares",
            ):  # fmt: skip
                return inner[0]
        if step.name == "mul":
            inner = [self.meaning(i) for i in step.inputs]
            words = {m.words for m in inner if m.kind != "constant"}
            if len(words) == 1 and {m.kind for m in inner} <= {"argument", "power", "constant"}:
                return Meaning("power", words.pop(), (), where)
        if step.name in ("max", "min"):
            inner = [self.meaning(i) for i in step.inputs]
            if {m.kind for m in inner} == {"argument", "constant"}:
                bounded = next(m.words for m in inner if m.kind == "argument")
                return Meaning("other", f"the bounded {bounded}", (), where)
        if step.name in ("mul", "div"):
            inner = [self.meaning(i) for i in step.inputs]
            kinds = [m.kind for m in inner]
            spread = {"variance", "deviation", "mean square", "root mean square"}
            if "centred" in kinds and spread & set(kinds):
                return Meaning("normalised", "the normalised input", (), where)
            if "argument" in kinds and spread & set(kinds):
                return Meaning("normalised", "the normalised input", (), where)
        if step.name == "sub" and self.meaning(step.inputs[1]).kind == "mean":
            return Meaning("centred", "the centred input", (), where)
        if step.name == "abs":
            return Meaning("other", f"|{self.meaning(first).words}|", (), where)
        if step.name == "sub":
            left, right = (self.meaning(i).words for i in step.inputs)
            if len(left) + len(right) < 30:
                return Meaning("other", f"{left} - {right}", (), where)
        if step.name == "div" and self.number(step.inputs[0]) == 1.0:
            inner = self.meaning(step.inputs[1])
            if inner.statistic:
                return inner
        return Meaning("other", f"the value of `{step.name}`", (), where)

    def _mean(self, step: Step, first: int, where: str) -> Meaning:
        sum_ = self.makers[first]
        axes = tuple(int(a) for a in sum_.params["axes"])
        body = self.source(sum_.inputs[0])
        base = self.squared(body)
        if base is not None:
            maker = self.makers.get(base)
            if (
                maker is not None
                and maker.name == "sub"
                and self.meaning(maker.inputs[1]).kind == "mean"
            ):
                return Meaning("variance", f"the variance over {told(axes)}", axes, where)
            return Meaning("mean square", f"the mean square over {told(axes)}", axes, where)
        inner = self.meaning(body)
        of = f" of {inner.words}" if inner.kind == "argument" else ""
        return Meaning("mean", f"the mean{of} over {told(axes)}", axes, where)

    def squared(self, value: int) -> int | None:
        """Gives u if a value is u²."""
        step = self.makers.get(value)
        if step is None:
            return None
        if step.name == "square" or (step.name == "integer_pow" and step.params["y"] == 2):
            return self.source(step.inputs[0])
        if step.name == "mul" and step.inputs[0] == step.inputs[1]:
            return self.source(step.inputs[0])
        return None

    def _made_by(self, value: int, name: str) -> bool:
        step = self.makers.get(value)
        return step is not None and step.name == name

    def _is_count(self, step: Step) -> bool:
        sum_ = self.makers.get(self.source(step.inputs[0]))
        number = self.number(step.inputs[1])
        if sum_ is None or sum_.name != "reduce_sum" or number is None or number == 0:
            return False
        shape = self.values[sum_.inputs[0]].shape
        count = int(np.prod([shape[a] for a in sum_.params["axes"]], dtype=int))
        return abs((number if step.name == "div" else 1 / number) - count) < 1.5


def told(axes: tuple[int, ...]) -> str:
    """Names axes."""
    if not axes:
        return "no axis"
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
