"""What people get wrong in one equation of a backward pass: each mistake in words and as code."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax


class Change(NamedTuple):
    """A mistake in one equation.

    Attributes:
      words: What was done, as the end of a sentence about the line.
      run: `run(inputs) -> outputs`, in place of the equation's own.
      name: What tells it from the equation's others, at every size; empty for the words.
    """

    words: str
    run: Callable[[Sequence[Any]], list[Any]]
    name: str = ""


_Find = Callable[[Any], Iterator[Change]]
_OF: dict[str, _Find] = {}
_OTHER_COMPARISON = {"gt": lax.ge, "ge": lax.gt, "lt": lax.le, "le": lax.lt}


def changes(eqn: Any) -> list[Change]:
    """Gives the mistakes that could be made in an equation; the shapes stay as they are."""
    find = _OF.get(eqn.primitive.name)
    if find is None or not (_is_float(eqn.outvars[0]) or eqn.primitive.name in _OTHER_COMPARISON):
        return []
    return list(find(eqn))


def bind(eqn: Any, inputs: Sequence[Any], **changed: Any) -> list[Any]:
    """Evaluates an equation, with some of its parameters changed."""
    params = eqn.primitive.get_bind_params({**eqn.params, **changed})
    outputs = eqn.primitive.bind(*inputs, **params)
    return list(outputs) if eqn.primitive.multiple_results else [outputs]


def _of(*names: str) -> Callable[[_Find], _Find]:
    def register(find: _Find) -> _Find:
        _OF.update(dict.fromkeys(names, find))
        return find

    return register


def _is_float(atom: Any) -> bool:
    return jnp.issubdtype(atom.aval.dtype, jnp.floating)


def _filled(eqn: Any, value: Any) -> Any:
    """Gives an operand in the shape of the result: one axis long where it counts for all."""
    aval = eqn.outvars[0].aval
    value = jnp.asarray(value, aval.dtype)
    if value.shape == aval.shape:
        return value
    return lax.broadcast_in_dim(value, aval.shape, tuple(range(value.ndim)))


def _kept(eqn: Any, place: int) -> Callable[[Sequence[Any]], list[Any]]:
    return lambda inputs: [_filled(eqn, inputs[place])]


def _number(atom: Any) -> float | None:
    """Gives the value of a number in the code."""
    if not hasattr(atom, "val") or atom.aval.shape:
        return None
    real = jnp.issubdtype(atom.aval.dtype, jnp.floating) or jnp.issubdtype(
        atom.aval.dtype, jnp.integer
    )
    return float(atom.val) if real else None


def _terms(eqn: Any) -> Iterator[tuple[int, str]]:
    twice = eqn.invars[0] is eqn.invars[1]  # either of them is the same mistake
    for place, word in enumerate(("first", "second")):
        if _number(eqn.invars[place]) != 0 and not (twice and place):
            yield place, word


def _constants(eqn: Any, *, one: bool) -> Iterator[Change]:
    for place, atom in enumerate(eqn.invars):
        value = _number(atom)
        if value is None or value == 0 or not math.isfinite(value):
            continue
        others = {"doubled": 2 * value} | ({"one": 1.0} if one and value != 1 else {})
        if value == 0.5:
            del others["doubled"]  # which is one
        for name, other in others.items():
            yield Change(
                f"the constant {value:g} replaced by {other:g}",
                lambda inputs, place=place, other=other, dtype=atom.aval.dtype: bind(
                    eqn, [*inputs[:place], jnp.asarray(other, dtype), *inputs[place + 1 :]]
                ),
                f"constant {place} {name}",
            )


@_of("add", "add_any")
def _sum(eqn: Any) -> Iterator[Change]:
    for place, word in _terms(eqn):
        yield Change(f"the {word} term of the sum dropped", _kept(eqn, 1 - place))
    yield Change(
        "the second term of the sum subtracted",
        lambda inputs: [lax.sub(*(_filled(eqn, a) for a in inputs))],
    )
    yield from _constants(eqn, one=False)


@_of("sub")
def _difference(eqn: Any) -> Iterator[Change]:
    if _number(eqn.invars[0]) != 0:
        yield Change(
            "the first term of the difference dropped",
            lambda inputs: [lax.neg(_filled(eqn, inputs[1]))],
        )
    yield Change("the second term of the difference dropped", _kept(eqn, 0))
    yield Change(
        "the second term of the difference added",
        lambda inputs: [lax.add(*(_filled(eqn, a) for a in inputs))],
    )
    yield from _constants(eqn, one=False)


@_of("mul")
def _product(eqn: Any) -> Iterator[Change]:
    if all(_number(atom) is None for atom in eqn.invars):
        for place, word in _terms(eqn):
            yield Change(f"the {word} factor of the product dropped", _kept(eqn, 1 - place))
    yield from _constants(eqn, one=True)


@_of("div")
def _quotient(eqn: Any) -> Iterator[Change]:
    if all(_number(atom) is None for atom in eqn.invars):
        yield Change("the divisor dropped", _kept(eqn, 0))
    yield from _constants(eqn, one=True)


@_of("neg")
def _negation(eqn: Any) -> Iterator[Change]:
    yield Change("the minus sign dropped", _kept(eqn, 0))


@_of("square")
def _square(eqn: Any) -> Iterator[Change]:
    yield Change("the square dropped", _kept(eqn, 0))


@_of("integer_pow")
def _power(eqn: Any) -> Iterator[Change]:
    power = eqn.params["y"]
    other = power - 1 if power != 1 else 2
    yield Change(
        f"the power {power} replaced by {other}", lambda inputs: bind(eqn, inputs, y=other)
    )


@_of("broadcast_in_dim")
def _constant_array(eqn: Any) -> Iterator[Change]:
    yield from _constants(eqn, one=True)


@_of("transpose")
def _transpose(eqn: Any) -> Iterator[Change]:
    if eqn.invars[0].aval.shape == eqn.outvars[0].aval.shape:
        yield Change("the transpose dropped", _kept(eqn, 0))


@_of("rev")
def _reversal(eqn: Any) -> Iterator[Change]:
    yield Change("the reversal dropped", _kept(eqn, 0))


@_of("dot_general")
def _matrix_product(eqn: Any) -> Iterator[Change]:
    contracted, batch = eqn.params["dimension_numbers"]
    for place, word in enumerate(("first", "second")):
        shape = eqn.invars[place].aval.shape
        free = set(range(len(shape))) - {*contracted[place], *batch[place]}
        for one in contracted[place]:
            for other in sorted(free):
                if shape[one] == shape[other] and shape[one] != 1:
                    order = list(range(len(shape)))
                    order[one], order[other] = other, one
                    axes = "" if len(shape) == 2 else f" in the axes {one} and {other}"
                    yield Change(
                        f"the {word} factor of the matrix product transposed{axes}",
                        lambda inputs, place=place, order=tuple(order): bind(
                            eqn,
                            [lax.transpose(a, order) if i == place else a
                             for i, a in enumerate(inputs)],
                        ),
                    )  # fmt: skip


@_of("reduce_sum")
def _reduction(eqn: Any) -> Iterator[Change]:
    shape, axes = eqn.invars[0].aval.shape, eqn.params["axes"]
    for other in range(len(shape)):
        if len(axes) == 1 and other not in axes and shape[other] == shape[axes[0]] != 1:
            yield Change(
                f"the sum taken over the axis {other} instead of {axes[0]}",
                lambda inputs, other=other: bind(eqn, inputs, axes=(other,)),
            )
    count = math.prod(shape[axis] for axis in axes)
    if count != 1:
        yield Change(
            "the sum replaced by the mean",
            lambda inputs: [
                lax.div(
                    bind(eqn, inputs)[0],
                    _filled(eqn, jnp.asarray(count).astype(eqn.outvars[0].aval.dtype)),
                )
            ],
        )


@_of("select_n")
def _selection(eqn: Any) -> Iterator[Change]:
    if len(eqn.invars) != 3:
        return
    yield Change(
        "the two branches of the selection swapped",
        lambda inputs: bind(eqn, [inputs[0], inputs[2], inputs[1]]),
    )
    yield Change("the branch for false taken everywhere", _kept(eqn, 1))
    yield Change("the branch for true taken everywhere", _kept(eqn, 2))


@_of(*_OTHER_COMPARISON)
def _comparison(eqn: Any) -> Iterator[Change]:
    # Between floats this would move a kink's value alone; between positions it moves a mask.
    # With a number, positions are compared by JAX itself, which lets them count from the end.
    numbers = any(_number(atom) is not None for atom in eqn.invars)
    if jnp.issubdtype(eqn.invars[0].aval.dtype, jnp.integer) and not numbers:
        other = _OTHER_COMPARISON[eqn.primitive.name]
        yield Change(
            "the comparison of positions off by one",
            lambda inputs: [other(*inputs)],
        )


@_of("scatter-add", "scatter_add")
def _scattered_sum(eqn: Any) -> Iterator[Change]:
    kept = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    yield Change(
        "set instead of added where indices repeat",
        lambda inputs: [lax.scatter(*inputs, **{name: eqn.params[name] for name in kept})],
    )


@_of("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
def _cumulation(eqn: Any) -> Iterator[Change]:
    yield _other_way(eqn, "the cumulative operation")


@_of("scan")
def _loop(eqn: Any) -> Iterator[Change]:
    yield _other_way(eqn, "the scan")


def _other_way(eqn: Any, what: str) -> Change:
    reverse = eqn.params["reverse"]
    return Change(
        f"{what} {'not ' if reverse else ''}reversed",
        lambda inputs: bind(eqn, inputs, reverse=not reverse),
    )


@_of("concatenate")
def _concatenation(eqn: Any) -> Iterator[Change]:
    if len(eqn.invars) == 2 and eqn.invars[0].aval.shape == eqn.invars[1].aval.shape:
        yield Change(
            "the two parts of the concatenation swapped",
            lambda inputs: bind(eqn, inputs[::-1]),
        )
