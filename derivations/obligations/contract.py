"""What JAX asks of a rule besides the right numbers, and partly does not look at itself."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp

from derivations.evidence import Types
from derivations.obligations.statements import statement
from derivations.trace import number_of_dim
from derivations.traced import Traced
from derivations.verdict import Obligation, Verdict

NAME = "contract"


def contract(this: Traced, deadline: float) -> Obligation:
    """Each cotangent has the dtype of its argument; what else JAX would do with the rule is told.

    JAX takes a cotangent of another dtype in silence, and so a sum of both may be wrong.
    """
    subject = this.subject
    given = _avals(this, this.shapes.sizes)
    base = Obligation(
        NAME,
        statement(NAME),
        Verdict.PROVED,
        ground="by tracing it with the arguments' own types",
        scope="the example's sizes and dtypes",
    )
    try:
        with _precision_of(given):
            cotangents = jax.eval_shape(_pull(this), *given)
    except Exception as error:  # whatever the rule raises
        return base._replace(
            verdict=Verdict.UNDECIDED, ground="", reason=f"it cannot be traced: {_line(error)}"
        )
    real_ones = [
        (f"d{name}", (str(cotangent.dtype),), (str(aval.dtype),))
        for name, aval, cotangent in zip(subject.names, given, cotangents, strict=True)
        if cotangent is not None and jnp.issubdtype(aval.dtype, jnp.floating)
    ]
    base = base._replace(evidence=(Types("dtype", tuple(real_ones)),))
    for name, aval, cotangent in zip(subject.names, given, cotangents, strict=True):
        real = jnp.issubdtype(aval.dtype, jnp.floating)
        if cotangent is not None and real and cotangent.dtype != aval.dtype:
            return base._replace(
                verdict=Verdict.REFUTED,
                reason=f"d{name} is {cotangent.dtype}, and {name} {aval.dtype}: "
                f"cast it with .astype({name}.dtype)",
            )
    if this.subject.fixed:
        return base
    with _precision_of(given):
        return base._replace(details=tuple(_remarks(this)))


def _precision_of(avals: list[jax.ShapeDtypeStruct]) -> AbstractContextManager[Any]:
    return jax.enable_x64(True) if any(a.dtype == "float64" for a in avals) else nullcontext()


def _remarks(this: Traced) -> Iterator[str]:
    """Tells where the primal goes on and the rule does not: that refutes nothing."""
    for name in this.shapes.sizes:
        for number, words in ((1, f"{name} = 1"), (0, f"an empty {name}")):
            avals = _avals(this, {**this.shapes.sizes, name: number})
            if _raised(this.subject.primal, avals) is None:
                error = _raised(_pull(this), avals)
                if error is not None:
                    yield f"the primal takes {words}, bwd does not: {error}"
    avals = _avals(this, this.shapes.sizes)
    many = [jax.ShapeDtypeStruct((3, *a.shape), a.dtype) for a in avals]
    if _raised(jax.vmap(this.subject.primal), many) is None:
        error = _raised(jax.vmap(_pull(this)), many)
        if error is not None:
            yield f"the primal goes through jax.vmap, bwd does not: {error}"


def _pull(this: Traced) -> Callable[..., list[Any]]:
    """Gives the rule's cotangents of outputs that are pulled back with ones."""

    def pulled(*arrays: Any) -> list[Any]:
        outputs = this.subject.primal(*arrays)
        return this.subject.pull(arrays, [jnp.ones_like(o) for o in outputs])

    return pulled


def _avals(this: Traced, sizes: dict[str, int]) -> list[jax.ShapeDtypeStruct]:
    """Gives the arguments at these sizes, with dtypes of their own."""
    return [
        jax.ShapeDtypeStruct(tuple(number_of_dim(d, sizes) for d in general.shape), own.dtype)
        for general, own in zip(this.shapes.avals, this.subject.shapes, strict=True)
    ]


def _raised(function: Callable[..., Any], avals: list[jax.ShapeDtypeStruct]) -> str | None:
    try:
        jax.eval_shape(function, *avals)
    except Exception as error:  # whatever the rule raises
        return _line(error)
    return None


def _line(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
