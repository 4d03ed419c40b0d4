"""What JAX asks of a rule besides the right numbers, and partly does not look at itself."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from derivations.evidence import Types
from derivations.obligations.statements import statement
from derivations.subject import MalformedRule, Subject
from derivations.trace import Shapes, number_of_dim
from derivations.traced import first_line
from derivations.verdict import Obligation, Verdict

NAME = "contract"
# Python code that looks at values runs outside of `jax.jit`, where nothing is traced.
UNTOLD = (jax.errors.JAXTypeError, jax.errors.JAXIndexError, NotImplementedError)


def contract(subject: Subject, shapes: Shapes) -> Obligation:
    """Bwd runs, and each cotangent has the dtype of its argument; what else is noticed is told.

    JAX takes a cotangent of another dtype in silence, and so a sum of both may be wrong.
    """
    given = _avals(subject, shapes, shapes.sizes)
    base = Obligation(
        NAME,
        statement(NAME),
        Verdict.PROVED,
        ground="by tracing it with the arguments' own types",
        scope="the example's sizes and dtypes",
    )
    cotangents, error = _traced(_pull(subject), given)
    if error is not None:
        wrong = not isinstance(error, UNTOLD) and _traced(subject.primal, given)[1] is None
        return base._replace(
            verdict=Verdict.REFUTED if wrong else Verdict.UNDECIDED,
            ground=base.ground if wrong else "",
            reason=f"the primal runs, and the rule raises {first_line(error)}"
            if wrong
            else f"it cannot be traced: {first_line(error)}",
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
    return base if subject.fixed else base._replace(details=tuple(_remarks(subject, shapes)))


def _remarks(subject: Subject, shapes: Shapes) -> Iterator[str]:
    """Tells where the primal goes on and the rule does not: that refutes nothing."""
    pull = _pull(subject)
    for name in shapes.sizes:
        for number, words in ((1, f"{name} = 1"), (0, f"an empty {name}")):
            avals = _avals(subject, shapes, {**shapes.sizes, name: number})
            if _traced(subject.primal, avals)[1] is None:
                error = _traced(pull, avals)[1]
                if error is not None:
                    yield f"the primal takes {words}, bwd does not: {first_line(error)}"
    avals = _avals(subject, shapes, shapes.sizes)
    many = [jax.ShapeDtypeStruct((3, *a.shape), a.dtype) for a in avals]
    if _traced(jax.vmap(subject.primal), many)[1] is None:
        error = _traced(jax.vmap(pull), many)[1]
        if error is not None:
            yield f"the primal goes through jax.vmap, bwd does not: {first_line(error)}"


def _pull(subject: Subject) -> Callable[..., list[Any]]:
    """Gives the rule's cotangents of outputs that are pulled back with ones."""

    def pulled(*arrays: Any) -> list[Any]:
        outputs = subject.primal(*arrays)
        return subject.pull(arrays, [jnp.ones_like(o) for o in outputs])

    return pulled


def _avals(subject: Subject, shapes: Shapes, sizes: dict[str, int]) -> list[jax.ShapeDtypeStruct]:
    """Gives the arguments at these sizes, with dtypes of their own."""
    return [
        jax.ShapeDtypeStruct(
            tuple(number_of_dim(d, sizes) for d in general.shape),
            # A Python number takes the width of what it meets.
            jnp.float32 if own.weak_type and own.dtype == "float64" else own.dtype,
            weak_type=own.weak_type,
        )
        for general, own in zip(shapes.avals, subject.shapes, strict=True)
    ]


def _traced(
    function: Callable[..., Any], avals: list[jax.ShapeDtypeStruct]
) -> tuple[Any, Exception | None]:
    """Gives the shapes that come out, or what is raised.

    Code that JAX has kept from a tracing in another precision may not fit: then both are tried.
    """
    wide = jax.enable_x64(True)
    first = jax.enable_x64(any(a.dtype == "float64" for a in avals))
    raised = None
    for precision in (first, wide):
        try:
            with precision, jax.numpy_dtype_promotion("standard"):
                return jax.eval_shape(function, *avals), None
        except MalformedRule:
            raise
        except Exception as error:  # whatever the rule raises
            raised = raised or error
    return None, raised
