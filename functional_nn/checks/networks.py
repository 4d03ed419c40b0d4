"""Networks and their parameters: the structure that a function needs."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import keystr, tree_leaves_with_path

from functional_nn.activations import RULES
from functional_nn.checks.options import suggestion
from functional_nn.layers.layer import Layer
from functional_nn.rules import Rule

_ACTIVATIONS = [rule.name for rule in RULES]


def ends_in_readout(layer: Layer) -> None:
    """Refuses a network whose last layer is not a readout."""
    if layer.name != "readout":
        raise ValueError(
            "The network must end in a readout, whose product the loss takes over. "
            f"Got {layer.name} at its end. Use functional_nn.objective(net, loss), or "
            "functional_nn.readout for the last dense layer."
        )


def per_example(layer: Layer) -> Callable[..., Any]:
    """Gives the `squares` of a layer, and refuses one that has none."""
    if layer.squares is None:
        raise ValueError(
            "Per-example gradients need the `squares` of every layer. "
            f"Got {layer.name} without it. Give it one, layer._replace(squares=...), or use "
            "jax.vmap of jax.grad, which needs the memory of all gradients at once."
        )
    return layer.squares


def training_key(net: Layer, key: Any) -> None:
    """Refuses a network that draws random numbers without a key, and a key that nobody uses."""
    if net.random == (key is None):
        came = "a network that draws, and no key" if net.random else "a key, and nobody draws"
        raise ValueError(
            f"A network with dropout is trained with a random key. Got {came}. "
            "Pass key=jax.random.key(0) with such a network, and none with another."
        )


def without_parameters(layer: Layer, dparams: Any) -> None:
    """Refuses a layer with parameters, where the dense layers have been dealt with."""
    if tree_leaves_with_path(dparams):
        raise ValueError(
            "Kronecker factors are those of dense layers in a serial or a repeat. "
            f"Got {layer.name} with parameters. Precondition the gradients of such a layer "
            "by other means."
        )


def ensemble(net: Any) -> None:
    """Refuses what is not an ensemble."""
    if not isinstance(net, Layer) or net.name != "ensemble":
        raise ValueError(
            "Predictions with a spread are those of an ensemble. "
            f"Got {net.name if isinstance(net, Layer) else repr(net)}. "
            "Make one with functional_nn.ensemble(net, m)."
        )


def same_shape(block: str, x: Any, y: Any, use: str = "") -> None:
    """Refuses a block that cannot follow itself, or be added to its input."""
    came, given = ((jnp.shape(a), jnp.result_type(a)) for a in (y, x))
    if came != given:
        raise ValueError(
            f"A block that is {f'{use} its input' if use else 'repeated'} must give the shape and "
            f"dtype that it takes. Got {typed(*given)} -> {typed(*came)} from {block}. "
            "Put a layer that changes the width before "
            f"{'the sum' if use else 'the repetition'} or after it."
        )


def typed(shape: tuple[Any, ...], dtype: Any) -> str:
    """Gives a shape and a dtype in a few characters."""
    return f"{dtype}[{', '.join(map(str, shape))}]"


def stacked(params: Any, n: Any) -> None:
    """Refuses parameters that are not those of `n` blocks, stacked along a leading axis."""
    for path, leaf in tree_leaves_with_path(params):
        if jnp.shape(leaf)[:1] != (n,):
            raise ValueError(
                f"{n} blocks need parameters with a leading axis of length {n}. "
                f"Got shape {jnp.shape(leaf)} at params{keystr(path)}. Make them with this "
                "layer's init, or stack those of equal blocks: "
                "jax.tree.map(lambda *p: jnp.stack(p), *blocks)."
            )


def layer(invariant: str, value: Any) -> None:
    """Refuses what is not a `Layer`; for a name, suggests the activation that it resembles."""
    if isinstance(value, Layer):
        return
    hint = ""
    if isinstance(value, str):
        hint = suggestion(value, _ACTIVATIONS, "functional_nn.{}")
    raise TypeError(
        f"{invariant}. Got {value!r}.{hint} Pass a layer such as functional_nn.sigmoid, or "
        "make one from a rule with functional_nn.elementwise."
    )


def parts(params: Any, layers: int, name: str = "serial") -> None:
    """Refuses parameters that are not one item for each layer of a `serial` or `parallel`."""
    # A list is refused too: the gradients come as a tuple, and the two would not match.
    if not isinstance(params, tuple) or len(params) != layers:
        came = len(params) if isinstance(params, tuple) else f"a {type(params).__name__}"
        raise ValueError(
            f"A {name} of {layers} layers needs {layers} items of parameters, in a tuple. "
            f"Got {came}. Make them with this network's init."
        )


def joinable(join: str, outputs: Sequence[Any]) -> None:
    """Refuses outputs of branches that cannot be added up, or put side by side."""
    kept = None if join == "sum" else -1
    kinds = {(y.shape[:kept], y.dtype) for y in outputs}
    if len(kinds) > 1:
        alike = "of one shape" if join == "sum" else "alike but for the last axis"
        raise ValueError(
            f"The outputs of parallel layers must be {alike}, and of one dtype. "
            f"Got {', '.join(typed(y.shape, y.dtype) for y in outputs)}. "
            "Give the branches as many outputs as each other, or use another join."
        )


def places(first: Any, second: Any) -> None:
    """Refuses two places of one parameter that are the same, or inside each other."""
    short = min(len(first), len(second))
    if first[:short] == second[:short]:
        raise ValueError(
            "A parameter is shared by two places apart. "
            f"Got {first} and {second}. Name both, such as (0, 'table') and (2, 'table')."
        )


def place(tree: Any, key: Any, path: Any) -> None:
    """Refuses a place that is not in the parameters."""
    there = key in tree if isinstance(tree, dict) else isinstance(tree, (tuple, list))
    if not there or (not isinstance(tree, dict) and not 0 <= key < len(tree)):
        known = list(tree) if isinstance(tree, dict) else f"a {type(tree).__name__} of {len(tree)}"
        raise ValueError(
            f"A place names keys of the parameters, from the outside in. Got {path}, and no "
            f"{key!r} in {known}. Look at the structure of this network's init."
        )


def alike(one: Any, other: Any, first: Any, second: Any) -> None:
    """Refuses parameters that cannot be the same."""
    shapes = [
        jax.tree.map(lambda a: typed(a.shape, a.dtype), parameters) for parameters in (one, other)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "Parameters that are one must be alike. "
            f"Got {shapes[0]} at {first} and {shapes[1]} at {second}. "
            "Give the two layers the same sizes."
        )


def loss(value: Any) -> None:
    """Refuses what is not a loss rule."""
    if not isinstance(value, Rule):
        raise TypeError(
            f"loss must be a rule of (outputs, targets). Got {value!r}. Pass one such as "
            "functional_nn.softmax_cross_entropy or functional_nn.squared_error()."
        )
