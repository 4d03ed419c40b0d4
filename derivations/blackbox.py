"""Code that cannot be read is run: how fast the remainder of Taylor's expansion falls is evidence.

With φ(x) = <c, f(x)> for a random cotangent c, and the rule's gradient g of it, the remainder
|φ(x + h v) - φ(x) - h <g, v>| falls as h² along every direction v if g is the gradient, and as h if
it is not. No step has to be chosen: the order is read off where rounding does not cover it yet.
That is never a proof.
"""

import contextlib
import ctypes
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from derivations import clock
from derivations.subject import Subject, draw_whole
from derivations.timeout import OutOfTime, swallowed_in_silence, time_limit
from derivations.trace import double_precision, in_double_precision, jaxprs_of

SECONDS = 4.0
POINTS, MOST_DRAWS = 5, 20
HALVINGS = 40
COVERED = 8.0  # remainders below so many roundings say nothing
TAIL = 4  # the order is that of the last so many halvings
GONE = 64.0  # times what rounding covers: no power of h falls below that in one halving
SECOND, FIRST = 1.7, 1.3
AGREEMENT = 1e-5  # relative: of two values that should be the same, in float32 at worst
MOST_INTERRUPTIONS = 10
CALLBACK = os.path.join("jax", "_src", "callback.py")
LATE = "it was run, and did not end in time"
NOT_RUN = {
    "while": "its loop may be endless",
    "io_callback": "its callback has effects",
}


class _Code(NamedTuple):
    """Code that can be run, at one choice of dtypes.

    Attributes:
      avals: Of the arrays, then of the cotangents.
      contracted: The outputs contracted with the cotangents, and the same of their magnitudes.
      pulled: The rule's cotangents of the wanted arrays, then whether `fwd` gives the same value.
      epsilon: The rounding of one operation.
    """

    avals: tuple[jax.ShapeDtypeStruct, ...]
    contracted: Callable[..., Any]
    pulled: Callable[..., Any]
    epsilon: float


def evidence(subject: Subject, deadline: float) -> str:
    """Says what running a rule speaks for, in words that follow a reason; empty if nothing.

    Args:
      subject: What is run, at the sizes of its example.
      deadline: When to give up, by `clock.now`.
    """
    if not subject.wanted or any(not isinstance(d, int) for s in subject.shapes for d in s.shape):
        return ""
    end = min(deadline, clock.now() + SECONDS)
    if clock.now() >= end:
        return ""
    log = logging.getLogger("jax._src.callback")
    talking, log.disabled = log.disabled, True  # a callback that refuses float64 is no news
    try:
        return _evidence(subject, end)
    finally:
        log.disabled = talking


def _evidence(subject: Subject, end: float) -> str:
    try:
        with time_limit(max(0.0, end - clock.now())), double_precision():
            refused = _refused(subject)
        if refused:
            return refused
    except (Exception, OutOfTime):
        return ""  # code that raises, or does not even end being traced
    return _in_time(lambda: _observed(subject, end), end)


def _in_time(work: Callable[[], str], end: float) -> str:
    """Works in a thread of its own, which is left behind if it does not end."""
    answer: list[str] = []

    def run() -> None:
        with contextlib.suppress(OutOfTime):
            try:
                answer.append(work())
            except Exception:
                answer.append("")  # code that cannot be run here says nothing

    thread = threading.Thread(target=run, daemon=True, name="black box")
    thread.start()
    thread.join(max(0.0, end - clock.now()))
    with swallowed_in_silence():
        for _ in range(MOST_INTERRUPTIONS):
            if not thread.is_alive():
                break
            _interrupt(thread)
            thread.join(0.05)
    return answer[0] if answer and clock.now() < end + 0.01 else LATE


def _interrupt(thread: threading.Thread) -> None:
    """Raises an exception in a thread and in the callbacks of JAX, which have threads of their own.

    A thread that never ended would take the process down when that ends.
    """
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident() and (ident == thread.ident or _in_callback(frame)):
            raise_in(ctypes.c_ulong(ident), ctypes.py_object(OutOfTime))


def _in_callback(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.endswith(CALLBACK):
            return True
        frame = frame.f_back
    return False


def _refused(subject: Subject) -> str:
    """Says why code is not run, if it is not."""
    for avals in _dtypes(subject):
        try:
            names = _primitives(jax.make_jaxpr(_both(subject))(*avals).jaxpr)
        except Exception:  # it may take its own dtypes alone
            continue
        return next((f"it was not run: {why}" for p, why in NOT_RUN.items() if p in names), "")
    return ""


def _dtypes(subject: Subject) -> Iterator[tuple[jax.ShapeDtypeStruct, ...]]:
    """Gives shapes in float64, then as they are, each with those of the cotangents after them."""
    for arrays in (tuple(map(in_double_precision, subject.shapes)), subject.shapes):
        try:
            outputs = jax.eval_shape(subject.primal, *arrays)
        except Exception:  # it may take its own dtypes alone
            continue
        yield (*arrays, *(jax.ShapeDtypeStruct(o.shape, o.dtype) for o in outputs))


def _both(subject: Subject) -> Callable[..., Any]:
    count = len(subject.names)

    def run(*everything: Any) -> Any:
        arrays, cotangents = everything[:count], everything[count:]
        pulled = subject.pull(arrays, cotangents)
        return (
            subject.primal(*arrays),
            subject.value(*arrays),
            [pulled[i] for i in subject.wanted if pulled[i] is not None],
        )

    return run


def _primitives(jaxpr: Any) -> set[str]:
    names = {eqn.primitive.name for eqn in jaxpr.eqns}
    return names.union(*(_primitives(j) for eqn in jaxpr.eqns for j in jaxprs_of(eqn)))


def _observed(subject: Subject, end: float) -> str:
    """Gives the orders at several points, in words."""
    with double_precision(), np.errstate(all="ignore"):
        for avals in _dtypes(subject):
            code = _code(subject, avals)
            orders: list[float | None] = []
            try:
                for point in _points(subject, code):
                    if len(orders) == POINTS or clock.now() > end:
                        break
                    same, order = _order(subject, code, *point)
                    if not same:
                        return "run, fwd gives another value than the primal"
                    orders.append(order)
            except Exception:  # it may take its own dtypes alone
                if clock.now() > end:
                    return LATE
                continue
            if orders:
                return _told(orders)
    return ""


def _code(subject: Subject, avals: tuple[jax.ShapeDtypeStruct, ...]) -> _Code:
    count = len(subject.names)

    def contracted(*everything: Any) -> Any:
        outputs = subject.primal(*everything[:count])
        terms = [_double(c) * _double(o) for c, o in zip(everything[count:], outputs, strict=True)]
        return sum(map(jnp.sum, terms)), sum(jnp.sum(jnp.abs(t)) for t in terms)

    def pulled(*everything: Any) -> Any:
        primal, value, _ = _both(subject)(*everything)
        given = subject.pull(everything[:count], everything[count:])
        cotangents = [
            jnp.zeros(avals[i].shape) if given[i] is None else _double(given[i])
            for i in subject.wanted
        ]
        gaps = [
            jnp.max(jnp.abs(_double(p) - _double(v)), initial=0.0)
            <= AGREEMENT * jnp.max(jnp.abs(_double(p)), initial=1e-30)
            for p, v in zip(primal, value, strict=True)
        ]
        return cotangents, jnp.all(jnp.array(gaps))

    text = str(jax.make_jaxpr(_both(subject))(*avals))
    narrow = {"bf16[": jnp.bfloat16, "f16[": jnp.float16, "f32[": jnp.float32}
    dtype = next((d for word, d in narrow.items() if word in text), jnp.float64)
    return _Code(avals, jax.jit(contracted), jax.jit(pulled), float(jnp.finfo(dtype).eps))


def _double(array: Any) -> Any:
    return jnp.asarray(array).astype(jnp.float64)


def _points(
    subject: Subject, code: _Code
) -> Iterator[tuple[list[np.ndarray], list[np.ndarray], np.random.Generator]]:
    """Gives random arrays and cotangents, of either sign and then positive, by turns."""
    draw = np.random.default_rng(0)
    lengths = [d for s in subject.shapes for d in s.shape if d > 1]
    cotangents = len(code.avals) - len(subject.names)
    for turn in range(MOST_DRAWS):
        arrays = []
        for name, whole, aval in zip(
            [*subject.names, *("" for _ in range(cotangents))],
            [*subject.whole, *(() for _ in range(cotangents))],
            code.avals,
            strict=True,
        ):
            if name in subject.symbols:
                values: Any = np.full(aval.shape, float(subject.symbols[name]))
            elif jnp.issubdtype(aval.dtype, jnp.floating):
                values = draw.uniform(0.5, 1.5, aval.shape)
                if turn % 2 == 0 or not name:
                    values = values * draw.choice([-1, 1], aval.shape)
            elif aval.dtype == np.bool_:
                values = draw.integers(0, 2, aval.shape)
            else:
                values = draw_whole(draw, aval.shape, min(lengths, default=2), whole)
            arrays.append(np.asarray(values).astype(aval.dtype))
        count = len(subject.names)
        if np.isfinite(float(code.contracted(*arrays)[0])):
            yield arrays[:count], arrays[count:], draw


def _order(
    subject: Subject,
    code: _Code,
    arrays: Sequence[np.ndarray],
    cotangents: Sequence[np.ndarray],
    draw: np.random.Generator,
) -> tuple[bool, float | None]:
    """Gives whether the values agree, and the order of the remainder; `None`: rounding alone.

    An order of minus infinity stands for a gradient that is not finite.
    """
    pulled, same = code.pulled(*arrays, *cotangents)
    along = {i: draw.normal(size=arrays[i].shape) for i in subject.wanted}
    slope = sum(
        float(np.sum(np.asarray(g) * v)) for g, v in zip(pulled, along.values(), strict=True)
    )
    if not math.isfinite(slope):
        return bool(same), -math.inf

    def moved(step: float) -> tuple[float, float]:
        """Gives the function there, and the slope times the step as it was really taken."""
        there = list(arrays)
        linear = 0.0
        for (i, v), g in zip(along.items(), pulled, strict=True):
            there[i] = (arrays[i] + step * v).astype(arrays[i].dtype)
            taken = there[i].astype(np.float64) - arrays[i].astype(np.float64)
            linear += float(np.sum(np.asarray(g) * taken))
        return float(code.contracted(*there, *cotangents)[0]), linear

    start, size = map(float, code.contracted(*arrays, *cotangents))
    jitter = max(abs(moved(k * code.epsilon)[0] - start) for k in (1, 3, 5))
    floor = COVERED * code.epsilon * max(size, abs(slope) * code.epsilon) + 4 * jitter
    remainders = []
    for halving in range(2, HALVINGS):
        value, linear = moved(2.0**-halving)
        remainder = abs(value - start - linear)
        if not remainder > floor:
            if remainders and remainders[-1] > GONE * floor:
                remainders = []  # gone at once: no curvature is left, beyond a kink
            break
        remainders.append(remainder)
    if len(remainders) < 2:
        return bool(same), None
    last = remainders[-1 - TAIL :]
    return bool(same), math.log2(last[0] / last[-1]) / (len(last) - 1)


def _told(orders: Sequence[float | None]) -> str:
    seen = [o for o in orders if o is not None]
    count = len(orders)
    if not seen:
        return (
            f"the Taylor remainder is no more than rounding at {count} of {count} points: evidence "
            "that it is the derivative"
        )
    infinite = orders.count(-math.inf)
    if infinite:
        return f"the rule's cotangent is not finite at {infinite} of {count} points"
    right = [o for o in orders if o is None or o > SECOND]
    wrong = [o for o in seen if o < FIRST]
    if len(right) == count:
        return (
            f"the Taylor remainder falls as h^{np.median(seen):.2f} at {count} of {count} points: "
            "evidence that it is the derivative"
        )
    if len(wrong) > count / 2:
        return (
            f"the Taylor remainder falls as h^{np.median(wrong):.2f} at {len(wrong)} of {count} "
            "points: it does not look like the derivative"
        )
    listed = ", ".join("rounding alone" if o is None else f"h^{o:.2f}" for o in orders)
    return f"the Taylor remainder falls as {listed}: that says neither"
