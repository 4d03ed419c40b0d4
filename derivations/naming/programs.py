"""Programs: a jaxpr as one flat list of steps that NumPy can run, change and run again."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend import core

from derivations import clock
from derivations.lift import source_line
from derivations.naming.arithmetic import VALUES

INLINED = ("jit", "pjit", "closed_call", "core_call", "remat2", "checkpoint", "composite",
           "custom_jvp_call", "custom_vjp_call")  # fmt: skip
MOST_STEPS = 2_000


class TooMuch(Exception):
    """The code is too long for a hint, or its time is over."""


class Step(NamedTuple):
    """One primitive applied: values are known by their number."""

    name: str
    eqn: Any
    params: Mapping[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def where(self) -> str:
        """The source line, such as `rules.py:14`, or nothing."""
        return source_line(self.eqn).removeprefix(" at ").rsplit("/", 1)[-1]


class Program(NamedTuple):
    """A jaxpr without calls.

    Attributes:
      inputs: The numbers of the arguments.
      constants: Literals and captured arrays.
      steps: In order.
      outputs: The numbers of the results.
    """

    inputs: tuple[int, ...]
    constants: dict[int, np.ndarray]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @property
    def form(self) -> tuple[Any, ...]:
        """What two tracings at different sizes have in common if their steps correspond."""
        return tuple((s.name, s.inputs, s.outputs) for s in self.steps), self.outputs

    def maker(self, value: int) -> Step | None:
        """Gives the step that makes a value; `None` for arguments and constants."""
        return next((s for s in self.steps if value in s.outputs), None)


def program_of(closed: Any) -> Program:
    """Flattens a closed jaxpr; dead steps are left out.

    Raises:
      TooMuch: It is very long.
    """
    constants: dict[int, np.ndarray] = {}
    steps: list[Step] = []
    count = 0

    def fresh() -> int:
        nonlocal count
        count += 1
        return count - 1

    def constant(value: Any) -> int:
        number = fresh()
        constants[number] = np.asarray(value)
        return number

    def walk(jaxpr: Any, consts: Sequence[int], args: Sequence[int]) -> list[int]:
        numbers = dict(zip(jaxpr.constvars, consts, strict=True))
        numbers.update(zip(jaxpr.invars, args, strict=True))

        def read(atom: Any) -> int:
            return constant(atom.val) if isinstance(atom, core.Literal) else numbers[atom]

        for eqn in jaxpr.eqns:
            name = eqn.primitive.name
            inputs = tuple(read(v) for v in eqn.invars)
            inner = eqn.params.get("call_jaxpr") or eqn.params.get("jaxpr")
            if name == "custom_jvp_call" and _called(eqn) == "exp_neg_sq":
                name, inner = "exp_neg_sq", None
            if name in ("scan", "cond") and "while[" in str(eqn.params):
                raise TooMuch("a loop that may not end, inside what JAX runs in one piece")
            if name in INLINED and inner is not None:
                open_ = getattr(inner, "jaxpr", inner)
                outs = walk(open_, [constant(c) for c in getattr(inner, "consts", ())], inputs)
            else:
                outs = [fresh() for _ in eqn.outvars]
                steps.append(Step(name, eqn, eqn.params, inputs, tuple(outs)))
                if len(steps) > MOST_STEPS:
                    raise TooMuch("the code is too long")
            numbers.update(zip(eqn.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    inputs = [fresh() for _ in closed.jaxpr.invars]
    outputs = walk(closed.jaxpr, [constant(c) for c in closed.consts], inputs)
    return Program(tuple(inputs), constants, _alive(steps, outputs), tuple(outputs))


def _called(eqn: Any) -> str:
    info = getattr(eqn.params["call_jaxpr"].jaxpr, "debug_info", None)
    return str(eqn.params.get("name") or getattr(info, "func_name", ""))


def _alive(steps: Sequence[Step], outputs: Sequence[int]) -> tuple[Step, ...]:
    used = set(outputs)
    alive = []
    for step in reversed(steps):
        if used.intersection(step.outputs):
            alive.append(step)
            used.update(step.inputs)
    return tuple(alive[::-1])


Values = dict[int, np.ndarray]


def run(program: Program, arguments: Sequence[Any], deadline: float = math.inf) -> Values:
    """Runs a program on NumPy arrays and gives every value."""
    values: Values = dict(program.constants)
    values.update(zip(program.inputs, map(np.asarray, arguments), strict=True))
    for step in program.steps:
        if clock.now() > deadline:
            raise TooMuch("its time is over")
        outs = applied(step, [values[i] for i in step.inputs], deadline)
        values.update(zip(step.outputs, outs, strict=True))
    return values


Change = Callable[[Step, list[np.ndarray]], list[np.ndarray] | None]


def rerun(
    program: Program,
    before: Values,
    changed: Mapping[int, np.ndarray],
    at: Mapping[int, Change] | None = None,
    deadline: float = math.inf,
) -> Values:
    """Runs again what depends on changed values, or on steps that now do something else.

    Args:
      program: What to run.
      before: Every value of the run before.
      changed: New values, by their number.
      at: What a step, by its place, does instead: `None` for what it did.
      deadline: When to give up.
    """
    at = at or {}
    values, dirty = {**before, **changed}, set(changed)
    for place, step in enumerate(program.steps):
        if place not in at and dirty.isdisjoint(step.inputs):
            continue
        if clock.now() > deadline:
            raise TooMuch("its time is over")
        inputs = [values[i] for i in step.inputs]
        outs = at[place](step, inputs) if place in at else None
        outs = applied(step, inputs, deadline) if outs is None else outs
        for number, out in zip(step.outputs, outs, strict=True):
            if number not in changed:
                values[number] = out
                dirty.add(number)
    return values


def applied(step: Step, inputs: list[np.ndarray], deadline: float = math.inf) -> list[np.ndarray]:
    """Applies one primitive: by NumPy where that is quick, else by JAX."""
    if step.name == "while":
        return _while(step, inputs, deadline)
    rule = VALUES.get(step.name)
    if rule is not None:
        out = rule(step.params, *inputs)
        aval = step.eqn.outvars[0].aval
        return [np.asarray(out, dtype=aval.dtype).reshape(aval.shape)]
    return [np.asarray(out) for out in by_jax(step, inputs)]


def by_jax(step: Step, inputs: Sequence[Any]) -> list[Any]:
    """Applies the primitive itself."""
    primitive = step.eqn.primitive
    typed = [
        jax.numpy.asarray(i, dtype=v.aval.dtype)
        for i, v in zip(inputs, step.eqn.invars, strict=True)
    ]
    out = primitive.bind(*typed, **primitive.get_bind_params(dict(step.params)))
    return list(out) if primitive.multiple_results else [out]


def _while(step: Step, inputs: list[np.ndarray], deadline: float) -> list[np.ndarray]:
    """Runs a loop that may never end, turn by turn."""
    first, second = step.params["cond_nconsts"], step.params["body_nconsts"]
    test, body = program_of(step.params["cond_jaxpr"]), program_of(step.params["body_jaxpr"])
    fixed, inner, state = inputs[:first], inputs[first : first + second], inputs[first + second :]
    while run(test, [*fixed, *state], deadline)[test.outputs[0]]:
        if clock.now() > deadline:
            raise TooMuch("its time is over")
        values = run(body, [*inner, *state], deadline)
        state = [values[o] for o in body.outputs]
    return state
