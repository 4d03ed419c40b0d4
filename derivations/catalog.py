"""Where textbook and library meet: the one table that drives proofs, tests and reports."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export

import functional_nn as fnn
from derivations.textbook import ENTRIES, Entry
from functional_nn import Rule, branches, repetition
from functional_nn.backprop import Objective


class Operation(NamedTuple):
    """An operation of the library with its textbook entry.

    Attributes:
      name: Its name in the registry.
      rule: The running code: primal, fwd and bwd.
      textbook: The definition, from the books.
      arguments: Example arguments; symbolic sizes, so that a proof speaks for all of them.
    """

    name: str
    rule: Rule
    textbook: Entry
    arguments: tuple[jax.ShapeDtypeStruct, ...]


def _floats(*shapes: str) -> tuple[jax.ShapeDtypeStruct, ...]:
    scope = export.SymbolicScope()
    return tuple(
        jax.ShapeDtypeStruct(export.symbolic_shape(shape, scope=scope), jnp.float32)
        for shape in shapes
    )


def _table_and_tokens() -> tuple[jax.ShapeDtypeStruct, ...]:
    vocabulary, features, tokens = export.symbolic_shape("d, k, n")
    return (
        jax.ShapeDtypeStruct((vocabulary, features), jnp.float32),
        jax.ShapeDtypeStruct((tokens,), jnp.int32),
    )


def _rows_and_labels() -> tuple[jax.ShapeDtypeStruct, ...]:
    rows, features, classes = export.symbolic_shape("n, k, m")
    return (
        jax.ShapeDtypeStruct((rows, features), jnp.float32),
        jax.ShapeDtypeStruct((classes, features), jnp.float32),
        jax.ShapeDtypeStruct((rows,), jnp.int32),
    )


def _attended() -> tuple[jax.ShapeDtypeStruct, ...]:
    *heads, mask = _floats("n,t,k", "n,s,k", "n,s,m", "n,t,s")
    return *heads, jax.ShapeDtypeStruct(mask.shape, jnp.bool_)


def _with_mask() -> tuple[jax.ShapeDtypeStruct, ...]:
    shape = export.symbolic_shape("n, k")
    return jax.ShapeDtypeStruct(shape, jnp.float32), jax.ShapeDtypeStruct(shape, jnp.bool_)


_ARGUMENTS = {
    "identity": _floats(""),
    "sigmoid": _floats(""),
    "tanh": _floats(""),
    "relu": _floats(""),
    "softplus": _floats(""),
    "log_sigmoid": _floats(""),
    "silu": _floats(""),
    "mish": _floats(""),
    "gelu": _floats(""),
    "gelu_tanh": _floats(""),
    "elu": _floats(""),
    "celu": _floats(""),
    "selu": _floats(""),
    "soft_sign": _floats(""),
    "squareplus": _floats(""),
    "relu6": _floats(""),
    "leaky_relu": _floats(""),
    "prelu": _floats("n,k", "k"),
    "hard_tanh": _floats(""),
    "hard_sigmoid": _floats(""),
    "hard_silu": _floats(""),
    "glu": _floats("n,k", "n,k"),
    "swiglu": _floats("n,k", "n,k"),
    "softmax": _floats("n,k"),
    "dense": _floats("n,d", "d,m", "m"),
    "layer_norm": _floats("n,k", "k", "k"),
    "rms_norm": _floats("n,k", "k"),
    "rotary": _floats("n,d,k", "n,d,k", "d,k"),
    "learned_positions": _floats("n,d,k", "d,k"),
    "embedding": _table_and_tokens(),
    "dropout": _with_mask(),
    "attention": _attended(),
    "group_norm": _floats("n,d,m,k", "m,k", "m,k"),
    "half_squared_error": _floats("n,k", "n,k"),
    "squared_error": _floats("n,k", "n,k"),
    "absolute_error": _floats("n,k", "n,k"),
    "huber_loss": _floats("n,k", "n,k"),
    "hinge_loss": _floats("n,k", "n,k"),
    "sigmoid_cross_entropy": _floats("n,k", "n,k"),
    "softmax_cross_entropy": _floats("n,k", "n,k"),
    "smoothed_softmax_cross_entropy": _floats("n,k", "n,k"),
    "kl_divergence": _floats("n,k", "n,k"),
    "linear_cross_entropy": _rows_and_labels(),
}

CATALOG: dict[str, Operation] = {
    name: Operation(name, fnn.RULES[name], ENTRIES[name], arguments)
    for name, arguments in _ARGUMENTS.items()
}

# The combinators by the name that their layers bear: what a network is taken apart by.
COMBINATORS: dict[str, Any] = {
    "serial": fnn.serial,
    "residual": fnn.residual,
    "parallel": fnn.parallel,
    "tied": fnn.tied,
}

# The parameters of the network inside `tied`.
shared = branches.shared

# `repeat` as the loop that it is, for any number of blocks; and how `remat="sqrt"` groups them.
scanned = repetition.scanned
grouped = repetition.grouped
groups = repetition.groups

# The twin of jax.value_and_grad, and how an objective is put together.
value_and_grad = fnn.value_and_grad
objective = Objective
