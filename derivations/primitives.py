"""What each JAX primitive means over the reals. What is not here is reported, never guessed."""

from collections.abc import Callable
from typing import Any

from derivations import graph as g
from derivations.graph import At, Node
from derivations.lift import Array, Kind, Lifting, Unsupported, dim_of, dim_value, kind_of

Reading = Callable[..., Any]  # (lifting, eqn, *operands) -> Array, or a list of them
PRIMITIVES: dict[str, Reading] = {}
REFUSED: dict[str, str] = {}


def reads(*names: str) -> Callable[[Reading], Reading]:
    """Registers the reading of primitives."""

    def register(reading: Reading) -> Reading:
        PRIMITIVES.update(dict.fromkeys(names, reading))
        return reading

    return register


def _shape(eqn: Any) -> tuple[g.Dim, ...]:
    return tuple(dim_of(d) for d in eqn.outvars[0].aval.shape)


def _kind(eqn: Any) -> Kind:
    return kind_of(eqn.outvars[0].aval.dtype)


def _whole(a: Array) -> bool:
    return a.kind != "float"


# --- element by element -------------------------------------------------------------------------


def _elementwise(function: Callable[..., Node]) -> Reading:
    def reading(_: Lifting, eqn: Any, *operands: Array) -> Array:
        def at(position: tuple[At, ...]) -> Node:
            # A scalar operand (a literal) stands at every position.
            return function(*(a.at(*position) if a.shape else a.at() for a in operands))

        return Array(_shape(eqn), _kind(eqn), at)

    return reading


def _erf_complement(a: Node) -> Node:
    return g.sub(g.ONE, g.kernel("erf", a))


def _logistic(a: Node) -> Node:
    return g.power(g.add(g.ONE, g.exp(g.neg(a))), -1)


def _tanh(a: Node) -> Node:
    # 1 - 2/(1 + e^(2a)): the same function as (e^a - e^-a)/(e^a + e^-a), with one exponential.
    return g.sub(g.ONE, g.mul(g.const(2), g.power(g.add(g.ONE, g.exp(g.mul(g.const(2), a))), -1)))


for _name, _function in {
    "add": g.add,
    "add_any": g.add,
    "sub": g.sub,
    "mul": g.mul,
    "neg": g.neg,
    "max": g.maximum,
    "min": g.minimum,
    "abs": g.absolute,
    "sign": g.sign,
    "square": lambda a: g.power(a, 2),
    "one_minus_square": lambda a: g.sub(g.ONE, g.power(a, 2)),
    "sqrt": lambda a: g.kernel("sqrt", a),
    "rsqrt": lambda a: g.power(g.kernel("sqrt", a), -1),
    "exp": g.exp,
    "expm1": lambda a: g.sub(g.exp(a), g.ONE),
    "log": g.log,
    "log1p": lambda a: g.log(g.add(g.ONE, a)),
    "logistic": _logistic,
    "tanh": _tanh,
    "sin": lambda a: g.kernel("sin", a),
    "cos": lambda a: g.kernel("cos", a),
    "erf": lambda a: g.kernel("erf", a),
    "erfc": _erf_complement,
    "is_finite": lambda a: g.FALSE if a.op in ("inf", "nan") else g.TRUE,
    "stop_gradient": lambda a: a,
    "copy": lambda a: a,
    "copy_p": lambda a: a,
    "real": lambda a: a,
    "reduce_precision": lambda a: a,
}.items():
    PRIMITIVES[_name] = _elementwise(_function)


@reads("div")
def _div(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    if _whole(a):
        raise Unsupported("division of whole numbers")
    return _elementwise(g.div)(lifting, eqn, a, b)


@reads("integer_pow")
def _integer_pow(lifting: Lifting, eqn: Any, a: Array) -> Array:
    return _elementwise(lambda x: g.power(x, eqn.params["y"]))(lifting, eqn, a)


@reads("pow")
def _pow(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    def function(x: Node, y: Node) -> Node:
        if y.op == "const" and y.data.denominator == 1:
            return g.power(x, int(y.data))
        if y.op == "const" and y.data.denominator == 2:
            return g.power(g.kernel("sqrt", x), int(2 * y.data))
        lifting.assumptions.add("the base of a real power is positive")
        return g.exp(g.mul(y, g.log(x)))

    return _elementwise(function)(lifting, eqn, a, b)


def _comparison(function: Callable[[Node, Node, bool], Node]) -> Reading:
    def reading(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
        if "bool" in (a.kind, b.kind):
            raise Unsupported("a comparison of truth values")
        whole = _whole(a) and _whole(b)
        return _elementwise(lambda x, y: function(x, y, whole))(lifting, eqn, a, b)

    return reading


PRIMITIVES["lt"] = _comparison(lambda a, b, w: g.compare("lt", a, b, whole=w))
PRIMITIVES["le"] = _comparison(lambda a, b, w: g.compare("le", a, b, whole=w))
PRIMITIVES["gt"] = _comparison(lambda a, b, w: g.compare("lt", b, a, whole=w))
PRIMITIVES["ge"] = _comparison(lambda a, b, w: g.compare("le", b, a, whole=w))
PRIMITIVES["eq"] = _comparison(lambda a, b, w: g.compare("eq", a, b, whole=w))
PRIMITIVES["ne"] = _comparison(lambda a, b, w: g.not_(g.compare("eq", a, b, whole=w)))


def _logical(function: Callable[..., Node]) -> Reading:
    def reading(lifting: Lifting, eqn: Any, *operands: Array) -> Array:
        if any(a.kind != "bool" for a in operands):
            raise Unsupported("bits of whole numbers")
        return _elementwise(function)(lifting, eqn, *operands)

    return reading


PRIMITIVES["not"] = _logical(g.not_)
PRIMITIVES["and"] = _logical(g.and_)
PRIMITIVES["or"] = _logical(g.or_)


@reads("select_n")
def _select_n(lifting: Lifting, eqn: Any, which: Array, *cases: Array) -> Array:
    if which.kind != "bool" or len(cases) != 2:
        raise Unsupported("a choice among more than two cases")
    # JAX's order is (predicate, if false, if true).
    return _elementwise(lambda p, no, yes: g.select(p, yes, no))(lifting, eqn, which, *cases)


@reads("clamp")
def _clamp(lifting: Lifting, eqn: Any, low: Array, a: Array, high: Array) -> Array:
    return _elementwise(lambda lo, x, hi: g.minimum(g.maximum(x, lo), hi))(
        lifting, eqn, low, a, high
    )


@reads("convert_element_type")
def _convert(lifting: Lifting, eqn: Any, a: Array) -> Array:
    to = _kind(eqn)
    if a.kind == to or (a.kind, to) == ("int", "float"):
        return _elementwise(lambda x: x)(lifting, eqn, a)
    if a.kind == "bool":
        return _elementwise(lambda p: g.select(p, g.ONE, g.ZERO))(lifting, eqn, a)
    raise Unsupported(f"a conversion from {a.kind} to {to}")


# --- shapes -------------------------------------------------------------------------------------


@reads("iota")
def _iota(_: Lifting, eqn: Any) -> Array:
    axis = eqn.params["dimension"]
    return Array(_shape(eqn), _kind(eqn), lambda at: g.index(at[axis]))


@reads("dim_as_value")
def _dim_as_value(_: Lifting, eqn: Any) -> Array:
    value = dim_value(eqn.params["dim"])
    return Array((), "int", lambda at: value)


@reads("broadcast_in_dim")
def _broadcast_in_dim(_: Lifting, eqn: Any, a: Array, *dims: Array) -> Array:
    axes = eqn.params["broadcast_dimensions"]
    return Array(_shape(eqn), a.kind, lambda at: a.at(*(at[int(axis)] for axis in axes)))


@reads("transpose")
def _transpose(_: Lifting, eqn: Any, a: Array) -> Array:
    permutation = [int(p) for p in eqn.params["permutation"]]
    return Array(
        _shape(eqn), a.kind, lambda at: a.at(*(at[permutation.index(i)] for i in range(len(at))))
    )


@reads("reshape", "squeeze", "expand_dims")
def _reshape(_: Lifting, eqn: Any, a: Array, *dims: Array) -> Array:
    shape = _shape(eqn)
    if eqn.params.get("dimensions") is not None:
        raise Unsupported("a reshape that also transposes")

    def at(position: tuple[At, ...]) -> Node:
        if [d for d in a.shape if d != 1] == [d for d in shape if d != 1]:
            kept = iter(p for p, d in zip(position, shape, strict=True) if d != 1)
            return a.at(*(0 if d == 1 else next(kept) for d in a.shape))
        return a.at(*_unravel(_ravel(position, shape), a.shape))

    return Array(shape, a.kind, at)


def _ravel(position: tuple[At, ...], shape: tuple[g.Dim, ...]) -> int:
    flat = 0
    for p, d in zip(position, shape, strict=True):
        if not isinstance(p, int) or not isinstance(d, int):
            raise Unsupported("axes joined or split at a symbolic position")
        flat = flat * d + p
    return flat


def _unravel(flat: int, shape: tuple[g.Dim, ...]) -> tuple[int, ...]:
    position = []
    for d in reversed(shape):
        if not isinstance(d, int):
            raise Unsupported("axes joined or split at a symbolic size")
        flat, p = divmod(flat, d)
        position.append(p)
    return tuple(reversed(position))


@reads("slice")
def _slice(_: Lifting, eqn: Any, a: Array) -> Array:
    starts = eqn.params["start_indices"]
    strides = eqn.params["strides"] or (1,) * len(starts)
    whole = [
        (s, t, d) == (0, 1, o)
        for s, t, d, o in zip(starts, strides, a.shape, _shape(eqn), strict=True)
    ]

    def at(position: tuple[At, ...]) -> Node:
        moved = []
        for p, start, stride, same in zip(position, starts, strides, whole, strict=True):
            moved.append(p if same else start + stride * _known(p))
        return a.at(*moved)

    return Array(_shape(eqn), a.kind, at)


@reads("rev")
def _rev(_: Lifting, eqn: Any, a: Array) -> Array:
    axes = eqn.params["dimensions"]

    def at(position: tuple[At, ...]) -> Node:
        return a.at(
            *(int(a.shape[i]) - 1 - _known(p) if i in axes else p for i, p in enumerate(position))
        )

    return Array(_shape(eqn), a.kind, at)


@reads("concatenate")
def _concatenate(_: Lifting, eqn: Any, *parts: Array) -> Array:
    axis = eqn.params["dimension"]

    def at(position: tuple[At, ...]) -> Node:
        p = _known(position[axis])
        for part in parts:
            length = part.shape[axis]
            if not isinstance(length, int):
                raise Unsupported("a concatenation of parts of symbolic size")
            if p < length:
                return part.at(*position[:axis], p, *position[axis + 1 :])
            p -= length
        raise Unsupported("a position outside an array")

    return Array(_shape(eqn), parts[0].kind, at)


@reads("pad")
def _pad(_: Lifting, eqn: Any, a: Array, value: Array) -> Array:
    config = eqn.params["padding_config"]

    def at(position: tuple[At, ...]) -> Node:
        inside = []
        for p, d, (low, high, interior) in zip(position, a.shape, config, strict=True):
            if (low, high, interior) == (0, 0, 0):
                inside.append(p)
                continue
            q, rest = divmod(_known(p) - low, interior + 1)
            if rest or not 0 <= q < int(d):
                return value.at()
            inside.append(q)
        return a.at(*inside)

    return Array(_shape(eqn), a.kind, at)


def _known(position: At) -> int:
    if not isinstance(position, int):
        raise Unsupported("a moved symbolic position")
    return position


# --- sums ---------------------------------------------------------------------------------------


def _reduction(fold: Callable[[Lifting], Callable[..., Node]]) -> Reading:
    def reading(lifting: Lifting, eqn: Any, a: Array) -> Array:
        axes = sorted(int(axis) for axis in eqn.params["axes"])
        one_axis = fold(lifting)

        def at(position: tuple[At, ...]) -> Node:
            def over(remaining: list[int], full: dict[int, At]) -> Node:
                if not remaining:
                    rest = iter(position)
                    return a.at(
                        *(full[i] if i in full else next(rest) for i in range(len(a.shape)))
                    )
                axis, *others = remaining
                return one_axis("r", a.shape[axis], lambda p: over(others, {**full, axis: p}))

            return over(axes, {})

        return Array(_shape(eqn), a.kind, at)

    return reading


PRIMITIVES["reduce_sum"] = _reduction(lambda lifting: lifting.sum)
PRIMITIVES["reduce_max"] = _reduction(lambda lifting: lifting.largest)
PRIMITIVES["reduce_min"] = _reduction(
    lambda lifting: (
        lambda name, dim, body: g.neg(lifting.largest(name, dim, lambda p: g.neg(body(p))))
    )
)


@reads("dot_general")
def _dot_general(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    (contract_a, contract_b), (batch_a, batch_b) = eqn.params["dimension_numbers"]
    free_a = [i for i in range(len(a.shape)) if i not in (*contract_a, *batch_a)]
    free_b = [i for i in range(len(b.shape)) if i not in (*contract_b, *batch_b)]

    def at(position: tuple[At, ...]) -> Node:
        batch = position[: len(batch_a)]
        left = position[len(batch_a) : len(batch_a) + len(free_a)]
        right = position[len(batch_a) + len(free_a) :]

        def over(bound: tuple[At, ...]) -> Node:
            if len(bound) < len(contract_a):
                dim = a.shape[contract_a[len(bound)]]
                return lifting.sum("c", dim, lambda p: over((*bound, p)))
            at_a = dict(zip((*batch_a, *free_a, *contract_a), (*batch, *left, *bound), strict=True))
            at_b = dict(
                zip((*batch_b, *free_b, *contract_b), (*batch, *right, *bound), strict=True)
            )
            return g.mul(
                a.at(*(at_a[i] for i in range(len(a.shape)))),
                b.at(*(at_b[i] for i in range(len(b.shape)))),
            )

        return over(())

    return Array(_shape(eqn), _kind(eqn), at)


# --- calls --------------------------------------------------------------------------------------


@reads("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint")
def _call(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    inner = eqn.params.get("jaxpr") or eqn.params["call_jaxpr"]
    if hasattr(inner, "consts"):
        return lifting.closed(inner, operands)
    return lifting.jaxpr(inner, [], operands)


@reads("custom_jvp_call", "custom_vjp_call")
def _custom_call(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    inner = eqn.params["call_jaxpr"]
    name = eqn.params.get("name") or _function_name(inner)
    if name == "exp_neg_sq":
        # JAX 0.12 computes e^(-x^2) by manipulating bits, which has no meaning over the reals.
        lifting.assumptions.add("JAX's kernel exp_neg_sq is exp(-x^2)")
        square = _elementwise(lambda a: g.exp(g.neg(g.power(a, 2))))
        return [square(lifting, eqn, *operands)]
    return lifting.closed(inner, operands)


def _function_name(closed: Any) -> str:
    info = getattr(closed.jaxpr, "debug_info", None)
    return getattr(info, "func_name", "") or ""


@reads("optimization_barrier")
def _barrier(_: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    return list(operands)
