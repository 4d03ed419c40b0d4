"""Tracing: jaxprs at symbolic or small sizes, in double precision, rules kept or removed."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export
from jax.extend import core

from derivations.graph import Dim
from derivations.lift import Array, Assumptions, Lifting, dim_of, kind_of, variable
from derivations.subject import Subject

LETTERS = "nkmdpqrst"


class Shapes(NamedTuple):
    """The shapes of one tracing.

    Attributes:
      avals: What JAX traces with; floats are float64.
      sizes: The symbolic sizes, each with the example's number.
      scope: For the reader: which sizes it speaks for.
      explicit: Whether positions have to be numbers.
      positive: Which inputs are taken to be positive.
    """

    avals: tuple[jax.ShapeDtypeStruct, ...]
    sizes: dict[str, int]
    scope: str
    explicit: bool = False
    positive: frozenset[str] = frozenset()

    @property
    def symbolic(self) -> bool:
        """Whether there is a size that is not a number."""
        return any(not isinstance(d, int) for aval in self.avals for d in aval.shape)


@contextlib.contextmanager
def double_precision() -> Iterator[None]:
    """Traces in float64, where a captured float32 array may meet a float64 argument."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def _double(dtype: Any) -> Any:
    return jnp.float64 if kind_of(dtype) == "float" else dtype


def symbolic(shapes: Sequence[jax.ShapeDtypeStruct], names: Sequence[str]) -> Shapes:
    """Gives every size above one a symbol; equal sizes share theirs."""
    letters: dict[Any, str] = {}
    found = [size for shape in shapes for size in shape.shape if size != 1]
    for size in found:
        if str(size).isidentifier():
            letters[size] = str(size)
    for size in found:
        if size not in letters:
            letters[size] = next(c for c in _letters() if c not in letters.values())
    order = list(dict.fromkeys(found))
    letters = {size: letters[size] for size in order}
    dims = export.symbolic_shape(",".join(letters.values()))
    symbols = dict(zip(letters.values(), dims, strict=True))
    avals, parts = [], []
    for shape, name in zip(shapes, names, strict=True):
        dims = tuple(1 if s == 1 else symbols[letters[s]] for s in shape.shape)
        avals.append(jax.ShapeDtypeStruct(dims, _double(shape.dtype)))
        if dims:
            parts.append(f"{name}: ({', '.join(map(str, dims))})")
    sizes = {
        letter: size if isinstance(size, int) else 2 + i
        for i, (size, letter) in enumerate(letters.items())
    }
    scope = f"all sizes {', '.join(sizes)} with {', '.join(parts)}" if sizes else "all real inputs"
    return Shapes(tuple(avals), sizes, scope)


def _letters() -> Sequence[str]:
    return [*LETTERS, *(f"n{i}" for i in range(1, 100))]


def concrete(shapes: Shapes, sizes: dict[str, int], *, explicit: bool = False) -> Shapes:
    """Gives the same shapes with numbers for the symbols."""
    avals = tuple(
        jax.ShapeDtypeStruct(tuple(number_of_dim(d, sizes) for d in a.shape), a.dtype)
        for a in shapes.avals
    )
    scope = ", ".join(f"{s} = {n}" for s, n in sizes.items()) or "all real inputs"
    told = f"the sizes {scope}" if sizes else scope
    return shapes._replace(avals=avals, sizes=dict(sizes), scope=told, explicit=explicit)


def number_of_dim(dim: Any, sizes: dict[str, int]) -> int:
    """Gives a size of a shape as a number."""
    named: Dim = dim_of(dim)
    return named if isinstance(named, int) else sizes[named]


def small_sizes(shapes: Shapes, start: int = 2) -> dict[str, int]:
    """Gives small, different numbers for the symbols."""
    return {name: start + i for i, name in enumerate(shapes.sizes)}


def lifted(
    function: Callable[..., Sequence[Any]],
    shapes: Shapes,
    names: Sequence[str],
    assumptions: Assumptions,
) -> list[Array | None]:
    """Traces a function of flat arrays and lifts it; `None` outputs stay `None`."""
    present: list[bool] = []

    def outputs(*arrays: Any) -> list[Any]:
        results = list(function(*arrays))
        present[:] = [r is not None and not _is_float0(r) for r in results]
        return [r for r, there in zip(results, present, strict=True) if there]

    with double_precision():
        jaxpr = jax.make_jaxpr(outputs)(*shapes.avals)
    # Entries are read when they are asked for: what that takes for granted arrives in this set.
    lifting = Lifting(explicit=shapes.explicit)
    lifting.assumptions = assumptions
    inputs = [
        variable(
            name,
            list(map(dim_of, aval.shape)),
            kind_of(aval.dtype),
            positive=name in shapes.positive,
        )
        for name, aval in zip(names, shapes.avals, strict=True)
    ]
    arrays = iter(lifting.closed(jaxpr, inputs))
    return [next(arrays) if there else None for there in present]


def _is_float0(value: Any) -> bool:
    return getattr(value, "dtype", None) == jax.dtypes.float0


def stripped(function: Callable[..., Any], *, custom_jvp: bool = False) -> Callable[..., Any]:
    """Gives the function without the rules of `jax.custom_vjp` (and `custom_jvp`) inside it."""

    def run(*arrays: Any) -> list[Any]:
        closed = jax.make_jaxpr(function)(*arrays)
        return _evaluate(closed.jaxpr, closed.consts, arrays, custom_jvp)

    return run


def _evaluate(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], custom_jvp: bool) -> list:
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    removed = {"custom_vjp_call"} | ({"custom_jvp_call"} if custom_jvp else set())
    for eqn in jaxpr.eqns:
        inputs = [read(v) for v in eqn.invars]
        name = eqn.primitive.name
        if name in removed or name in ("jit", "pjit", "closed_call"):
            inner = eqn.params.get("call_jaxpr") or eqn.params["jaxpr"]
            outputs = _evaluate(inner.jaxpr, inner.consts, inputs, custom_jvp)
        else:
            params = eqn.primitive.get_bind_params(eqn.params)
            outputs = eqn.primitive.bind(*inputs, **params)
            if not eqn.primitive.multiple_results:
                outputs = [outputs]
        values.update(zip(eqn.outvars, outputs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def by_jax(subject: Subject, wanted: Sequence[int]) -> Callable[..., list[Any]]:
    """Gives JAX's own vector-Jacobian product of the primal, its hand-written rules removed.

    The function takes the arrays, then the cotangents; it returns one cotangent for each `wanted`.
    """
    plain = stripped(subject.primal, custom_jvp=subject.kind == "custom_jvp")
    count = len(subject.names)

    def pull(*everything: Any) -> list[Any]:
        arrays, cotangents = everything[:count], everything[count:]

        def of_wanted(*some: Any) -> list[Any]:
            full = list(arrays)
            for i, value in zip(wanted, some, strict=True):
                full[i] = value
            return plain(*full)

        _, pullback = jax.vjp(of_wanted, *(arrays[i] for i in wanted))
        return list(pullback(list(cotangents)))

    return pull
