"""Bad input, refused before anything is compiled: the invariant, what came, the remedy.

Shapes and dtypes are known while JAX traces, so these checks cost nothing at run time. Values
(labels, NaN) are looked at only where they are concrete.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.tree_util import keystr, tree_leaves_with_path

from functional_nn.activations import RULES
from functional_nn.layers.layer import Layer
from functional_nn.precision import floating as floating
from functional_nn.rules import Rule

_ACTIVATIONS = [rule.name for rule in RULES]


def dense_arguments(x: Any, w: Any, b: Any) -> None:
    """Refuses a dense layer's arguments unless they are `(..., in)`, `(in, out)` and `(out,)`."""
    floating("x", x)
    if jnp.ndim(w) != 2 or jnp.shape(b) != jnp.shape(w)[1:]:
        raise ValueError(
            "A dense layer needs w of shape (in, out) and b of shape (out,). "
            f"Got w of shape {jnp.shape(w)} and b of shape {jnp.shape(b)}. "
            "Make both with the layer's init."
        )
    if jnp.ndim(x) < 1 or jnp.shape(x)[-1] != jnp.shape(w)[0]:
        raise ValueError(
            "The last axis of x must be as long as the first axis of w. "
            f"Got x of shape {jnp.shape(x)} and w of shape {jnp.shape(w)}. "
            "Reshape x to rows of features, or initialise the layer with this x."
        )
    same_dtype(x=x, w=w, b=b)


def scaled_rows(x: Any, **parameters: Any) -> None:
    """Refuses rows `(..., K)` unless each parameter has one number a column, shape `(K,)`."""
    floating("x", x)
    for name, parameter in parameters.items():
        if jnp.ndim(x) < 1 or jnp.shape(parameter) != jnp.shape(x)[-1:]:
            raise ValueError(
                f"{name} must hold one number for each entry of the last axis of x. "
                f"Got x of shape {jnp.shape(x)} and {name} of shape {jnp.shape(parameter)}. "
                "Make the parameters with the layer's init, from this x."
            )
    same_dtype(x=x, **parameters)


def grouped(x: Any, scale: Any, bias: Any) -> None:
    """Refuses examples `(..., P, G, C)` unless both parameters are `(G, C)`."""
    floating("x", x)
    for name, parameter in (("scale", scale), ("bias", bias)):
        if jnp.ndim(x) < 3 or jnp.shape(parameter) != jnp.shape(x)[-2:]:
            raise ValueError(
                f"{name} must have the shape (G, C) of the groups of x, (..., P, G, C). "
                f"Got x of shape {jnp.shape(x)} and {name} of shape {jnp.shape(parameter)}. "
                "Cut the channels of x into groups, or use the layer functional_nn.group_norm."
            )
    same_dtype(x=x, scale=scale, bias=bias)


def groups(number: int, x: Any, name: str = "groups", what: str = "channels") -> None:
    """Refuses channels, the last axis of a batch, that a number of groups does not divide."""
    if len(x.shape) < 2 or x.shape[-1] % number:
        raise ValueError(
            f"{name} must divide the number of {what}, the last axis of x of shape (N, ..., K). "
            f"Got {number} for x of shape {tuple(x.shape)}. "
            f"Give the layer before a multiple of {number} outputs."
        )


def whole(name: str, array: Any) -> None:
    """Refuses an array that is not of an integer dtype."""
    if not jnp.issubdtype(jnp.result_type(array), jnp.integer):
        raise TypeError(
            f"{name} must be whole numbers. Got {jnp.result_type(array)}. "
            f"Convert them, for instance with {name}.astype(jnp.int32)."
        )


def tokens(table: Any, numbers: Any) -> None:
    """Refuses a table that is not `(V, K)`, and concrete tokens outside it."""
    floating("table", table)
    whole("tokens", numbers)
    if jnp.ndim(table) != 2:
        raise ValueError(
            "table must have shape (V, K), a row for each token. "
            f"Got table of shape {jnp.shape(table)}. Make it with the layer's init."
        )
    if isinstance(numbers, Tracer) or jnp.size(numbers) == 0:
        return
    values, vocabulary = np.asarray(numbers), jnp.shape(table)[0]
    outside = (values < 0) | (values >= vocabulary)
    if outside.any():
        first = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"Every token must lie in [0, {vocabulary}), the vocabulary. "
            f"Got {values[first]} at tokens[{', '.join(map(str, first))}]. "
            "Encode the text with this vocabulary, or make the table larger."
        )


def sequences(x: Any, table: Any) -> None:
    """Refuses sequences `(..., T, K)` unless the table has shape `(T, K)`."""
    floating("x", x)
    if jnp.ndim(x) < 2 or jnp.shape(table) != jnp.shape(x)[-2:]:
        raise ValueError(
            "The table of positions must have the shape (T, K) of a sequence. "
            f"Got x of shape {jnp.shape(x)} and table of shape {jnp.shape(table)}. "
            "Use the layer functional_nn.learned_positions for shorter sequences."
        )
    same_dtype(x=x, table=table)


def length(longest: int, x: Any) -> None:
    """Refuses a sequence that is longer than the table of positions."""
    if len(x.shape) < 2 or x.shape[-2] > longest:
        raise ValueError(
            f"A sequence must not be longer than the table of positions, {longest}. "
            f"Got x of shape {tuple(x.shape)}, (N, T, K). "
            "Cut the sequence, or make the layer with a larger length."
        )


def rotated(first: Any, second: Any, angles: Any) -> None:
    """Refuses coordinates `(..., T, K)` of unlike shapes, or angles of another than `(T, K)`."""
    floating("first", first)
    floating("angles", angles)
    same_dtype(first=first, second=second)
    shape = jnp.shape(first)
    if len(shape) < 2 or jnp.shape(second) != shape or jnp.shape(angles) != shape[-2:]:
        raise ValueError(
            "Rotary positions turn pairs of coordinates, each of shape (..., T, K), by angles of "
            f"shape (T, K). Got coordinates of shape {shape} and {jnp.shape(second)}, and angles "
            f"of shape {jnp.shape(angles)}. Make the angles with "
            "functional_nn.rotary_angles(T, 2 K)."
        )


def even(name: str, value: Any) -> None:
    """Refuses what is not a positive even number."""
    count(name, value)
    if value % 2:
        raise ValueError(f"{name} must be even, two for each angle. Got {value}.")


def mask(x: Any, keep: Any) -> None:
    """Refuses a mask that is not a truth value for each entry."""
    floating("x", x)
    if jnp.result_type(keep) != jnp.bool_:
        raise TypeError(
            f"keep must hold truth values. Got {jnp.result_type(keep)}. Compare: keep > 0."
        )
    if jnp.shape(keep) != jnp.shape(x):
        raise ValueError(
            "x and keep must have the same shape. "
            f"Got x of shape {jnp.shape(x)} and keep of shape {jnp.shape(keep)}. "
            "Broadcast the mask to x."
        )


def attended(q: Any, k: Any, v: Any, mask: Any) -> None:
    """Refuses arguments that are not `(..., T, K)`, `(..., S, K)`, `(..., S, J)`, `(..., T, S)`."""
    floating("q", q)
    shapes = [jnp.shape(a) for a in (q, k, v, mask)]
    if (
        any(len(shape) < 2 for shape in shapes)
        or len({shape[:-2] for shape in shapes}) > 1
        or shapes[0][-1] != shapes[1][-1]
        or shapes[1][-2] != shapes[2][-2]
        or shapes[3][-2:] != (shapes[0][-2], shapes[1][-2])
    ):
        raise ValueError(
            "Attention needs q of shape (..., T, K), k of shape (..., S, K), v of shape "
            "(..., S, J) and a mask of shape (..., T, S). "
            f"Got q of shape {shapes[0]}, k of shape {shapes[1]}, v of shape {shapes[2]} and a "
            f"mask of shape {shapes[3]}. Broadcast the mask to the scores."
        )
    same_dtype(q=q, k=k, v=v)
    if jnp.result_type(mask) != jnp.bool_:
        raise TypeError(
            f"mask must hold truth values. Got {jnp.result_type(mask)}. Compare: mask > 0."
        )


def heads(q: Any, k: Any, v: Any, lengths: Any) -> None:
    """Refuses arguments unless `(B, H, T, K)`, `(B, Hk, S, K)`, `(B, Hk, S, J)` and `(B,)`."""
    floating("q", q)
    queries, keys, values, counts = (jnp.shape(a) for a in (q, k, v, lengths))
    if (
        not len(queries) == len(keys) == len(values) == 4
        or not queries[:1] == keys[:1] == values[:1] == counts
        or queries[-1] != keys[-1]
        or keys[1:3] != values[1:3]
    ):
        raise ValueError(
            "Attention of several heads needs q of shape (B, H, T, K), k of shape (B, Hk, S, K), "
            "v of shape (B, Hk, S, J) and lengths of shape (B,). "
            f"Got q of shape {queries}, k of shape {keys}, v of shape {values} and lengths of "
            f"shape {counts}. Put the heads before the positions."
        )
    if queries[1] % keys[1]:
        raise ValueError(
            "The heads of the keys must divide those of the queries. "
            f"Got {keys[1]} for {queries[1]}. Let as many queries share each head of keys."
        )
    same_dtype(q=q, k=k, v=v)
    if not jnp.issubdtype(jnp.result_type(lengths), jnp.integer):
        raise TypeError(
            f"lengths must be whole numbers. Got {jnp.result_type(lengths)}. "
            "Count the keys that are no padding."
        )


def linear_targets(x: Any, w: Any, labels: Any) -> None:
    """Refuses arguments that are not `(N, K)`, `(V, K)` and `(N,)`, and labels outside [-1, V)."""
    floating("x", x)
    shapes = jnp.shape(x), jnp.shape(w), jnp.shape(labels)
    ranks = [len(shape) for shape in shapes]
    if ranks != [2, 2, 1] or shapes[0] != (*shapes[2], shapes[1][1]):
        raise ValueError(
            "The loss needs x of shape (N, K), w of shape (V, K) and labels of shape (N,). "
            f"Got x of shape {shapes[0]}, w of shape {shapes[1]} and labels of shape {shapes[2]}. "
            "Reshape sequences to rows, and give w a row for each class."
        )
    same_dtype(x=x, w=w)
    if not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise TypeError(
            f"labels must be whole numbers. Got {jnp.result_type(labels)}. "
            "Give the number of the class."
        )
    if isinstance(labels, Tracer) or not shapes[2][0]:
        return
    values, classes = np.asarray(labels), shapes[1][0]
    if values.min() < -1 or values.max() >= classes:
        raise ValueError(
            f"Labels must lie in [0, {classes}), or be -1 for a row that is ignored. "
            f"Got labels from {values.min()} to {values.max()}. "
            "Number the classes from 0, or give w more rows."
        )


def fraction(name: str, value: Any) -> None:
    """Refuses a number that is not from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1]. Got {value}. Pass 0 for none.")


def head_groups(heads: int, shared: int) -> None:
    """Refuses heads of keys that do not divide the heads of queries."""
    if heads % shared:
        raise ValueError(
            f"shared must divide heads. Got {shared} for {heads}. "
            "Let as many queries share each head of keys."
        )


def divided(x: Any, heads: int) -> None:
    """Refuses what is not `(B, T, D)` with a width that the heads divide."""
    floating("x", x)
    if jnp.ndim(x) != 3 or jnp.shape(x)[-1] % heads:
        raise ValueError(
            f"x must have shape (B, T, D), and its {heads} heads must divide D. "
            f"Got x of shape {jnp.shape(x)}. Use a width that is a multiple of {heads}."
        )


def transformer_sizes(arrangement: str, width: int, heads: int, context: int | None) -> None:
    """Refuses heads that do not divide the width, and a table of positions that fits nothing."""
    pairs = 2 if arrangement == "rotary" else 1
    if width % (heads * pairs):
        raise ValueError(
            f"heads must divide width{' into even parts, whose pairs are turned' * (pairs == 2)}. "
            f"Got {heads} heads for a width of {width}. "
            f"Use a width that is a multiple of {heads * pairs}."
        )
    if (arrangement == "gpt2") == (context is None):
        remedy = "none with 'rotary'" if context else "the length of the longest sequence"
        raise ValueError(
            "context is the length of the table of learned positions, which 'gpt2' has. "
            f"Got {context} for {arrangement!r}. Pass {remedy}."
        )


def heads_of_gpt2(width: int, head: int) -> None:
    """Refuses a width from which the number of heads does not follow."""
    if width % head:
        raise ValueError(
            f"A GPT-2 whose width is no multiple of {head} does not say how many heads it has. "
            f"Got a width of {width}. Pass heads=, as in its config.json (n_head)."
        )


def ends_in_readout(layer: Layer) -> None:
    """Refuses a network whose last layer is not a readout."""
    if layer.name != "readout":
        raise ValueError(
            "The network must end in a readout, whose product the loss takes over. "
            f"Got {layer.name} at its end. Use functional_nn.objective(net, loss), or "
            "functional_nn.readout for the last dense layer."
        )


def label_for_each(x: Any, labels: Any) -> None:
    """Refuses labels that are not one for each row of `x`."""
    if jnp.shape(labels) != jnp.shape(x)[:-1]:
        raise ValueError(
            "There must be one label for each row that goes into the readout. "
            f"Got labels of shape {jnp.shape(labels)} for rows of shape {jnp.shape(x)}. "
            "For sequences (B, T), give labels (B, T)."
        )


def part(name: str, value: Any) -> None:
    """Refuses a probability that is not from 0 to less than 1."""
    if not isinstance(value, Tracer) and not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1). Got {value}. Pass 0 for none.")


def halves(name: str, x: Any) -> None:
    """Refuses an array whose last axis cannot be halved."""
    floating("x", x)
    if jnp.ndim(x) < 1 or jnp.shape(x)[-1] % 2:
        raise ValueError(
            f"The last axis of x must hold as many values as gates, that is, have an even length. "
            f"Got x of shape {jnp.shape(x)}. Give the layer before {name} twice as many outputs."
        )


def same_dtype(**arrays: Any) -> None:
    """Refuses arrays of different dtypes, so that no result is silently wider than a parameter."""
    dtypes = {name: jnp.result_type(array) for name, array in arrays.items()}
    if len(set(dtypes.values())) > 1:
        names = list(dtypes)
        raise TypeError(
            f"{', '.join(names[:-1])} and {names[-1]} must have the same dtype. "
            f"Got {', '.join(f'{name} of {dtype}' for name, dtype in dtypes.items())}. "
            "Convert one with .astype."
        )


def regression_targets(outputs: Any, targets: Any) -> None:
    """Refuses targets that are not a number for each output."""
    floating("targets", targets)
    if jnp.ndim(outputs) < 1 or jnp.shape(outputs) != jnp.shape(targets):
        raise ValueError(
            "outputs and targets must have the same shape (..., K). "
            f"Got outputs of shape {jnp.shape(outputs)} and targets of shape {jnp.shape(targets)}. "
            "For one output per example, give both a last axis of length 1."
        )
    same_dtype(outputs=outputs, targets=targets)


def class_targets(logits: Any, targets: Any) -> None:
    """Refuses targets that are neither integer labels `(...)` nor a row for each row of logits."""
    shape = jnp.shape(logits)
    integer = jnp.issubdtype(jnp.result_type(targets), jnp.integer)
    if integer and len(shape) >= 1 and jnp.shape(targets) == shape[:-1]:
        _labels(targets, shape[-1])
        return
    if not integer:
        floating("targets", targets)
    if len(shape) < 1 or jnp.shape(targets) != shape:
        raise ValueError(
            "targets must be integer labels of shape (...) or rows of shape (..., K) for logits of "
            f"shape (..., K). Got logits of shape {shape} and targets of shape "
            f"{jnp.shape(targets)}, {jnp.result_type(targets)}. "
            "Give one label or one row of K numbers per example."
        )
    if not integer:
        same_dtype(logits=logits, targets=targets)


def _labels(labels: Any, classes: int) -> None:
    if isinstance(labels, Tracer) or jnp.size(labels) == 0:
        return
    values = np.asarray(labels)
    if values.min() < 0 or values.max() >= classes:
        raise ValueError(
            f"Integer labels must lie in [0, {classes}), one for each of the {classes} logits. "
            f"Got labels from {values.min()} to {values.max()}. "
            "Number the classes from 0, or widen the last layer."
        )


def batch(x: Any, y: Any) -> None:
    """Refuses a batch whose inputs and targets do not belong together.

    An `x` with one axis is a single example, as inside `jax.vmap`. Whole numbers are tokens:
    whether they are welcome is for the first layer to say.
    """
    if not jnp.issubdtype(jnp.result_type(x), jnp.integer):
        floating("x", x)
    if jnp.ndim(x) > 1 and jnp.shape(x)[:1] != jnp.shape(y)[:1]:
        raise ValueError(
            "x and y must hold one row per example. "
            f"Got x of shape {jnp.shape(x)} and y of shape {jnp.shape(y)}. "
            "Pass the targets of exactly these inputs."
        )
    if jnp.size(x) == 0:
        raise ValueError(
            "The data must hold at least one example with at least one feature. "
            f"Got x of shape {jnp.shape(x)}. Pass a data set that is not empty."
        )


def finite(name: str, array: Any) -> None:
    """Refuses data with NaN or infinite entries."""
    if isinstance(array, Tracer):
        return
    bad = ~np.isfinite(np.asarray(array))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} must be finite. Got {int(bad.sum())} entries that are NaN or infinite, "
            f"the first at {name}[{', '.join(map(str, first))}]. "
            "Remove these examples or fill the missing values."
        )


def batch_size(size: int, examples: int) -> None:
    """Refuses a batch size that gives no batch."""
    if not 1 <= size <= examples:
        raise ValueError(
            f"batch_size must lie between 1 and the number of examples, {examples}. Got {size}. "
            f"Use {examples} for full-batch gradient descent."
        )


def weights(x: Any, w: Any, *, layer: bool = False) -> None:
    """Refuses weights that do not fit rows of features: (d,) for one unit, (d, K) for a layer."""
    floating("x", x)
    if jnp.ndim(w) not in ((2,) if layer else (1, 2)):
        shapes = (
            "(d, K), one column a class" if layer else "(d,) for one unit or (d, K) for a layer"
        )
        raise ValueError(
            f"w must have shape {shapes}. Got w of shape {jnp.shape(w)}. "
            "Reshape it, or stack the units' weights with jnp.stack(units, axis=1)."
        )
    if jnp.ndim(x) < 1 or jnp.shape(x)[-1] != jnp.shape(w)[0]:
        raise ValueError(
            "The last axis of x must be as long as the first axis of w. "
            f"Got x of shape {jnp.shape(x)} and w of shape {jnp.shape(w)}. "
            "Where w has a bias, pass with_bias(x)."
        )
    same_dtype(x=x, w=w)


def examples(x: Any, y: Any) -> None:
    """Refuses data for one neuron that are not finite rows `(N, d)` with a number each."""
    batch(x, y)
    if jnp.ndim(x) != 2 or jnp.ndim(y) != 1:
        raise ValueError(
            "x must have shape (N, d) and y shape (N,). "
            f"Got x of shape {jnp.shape(x)} and y of shape {jnp.shape(y)}. "
            "Give each example a row of x and a number of y."
        )
    same_dtype(x=x, y=y)
    finite("x", x)


def signs(name: str, array: Any) -> None:
    """Refuses classes other than +1 and -1."""
    if isinstance(array, Tracer):
        return
    values = np.asarray(array)
    bad = np.flatnonzero(np.abs(values) != 1)
    if bad.size:
        raise ValueError(
            f"{name} must hold +1 and -1. Got {values[bad[0]]} at {name}[{bad[0]}]. "
            f"For labels 0 and 1, pass 2 * {name} - 1."
        )


def positive(name: str, value: Any, *, remedy: str = "Pass a small positive number.") -> None:
    """Refuses a number that is not positive."""
    if not isinstance(value, Tracer) and not value > 0:
        raise ValueError(f"{name} must be positive. Got {value}. {remedy}")


def smoothing(value: Any) -> None:
    """Refuses a label smoothing that is no part of the targets."""
    if not isinstance(value, Tracer) and not 0 <= value <= 1:
        raise ValueError(
            "smoothing must lie in [0, 1]: it is the part of each target that is spread over all "
            f"classes. Got {value}. Pass 0 for none, or a little such as 0.1."
        )


def huber_delta(value: Any) -> None:
    """Refuses an end of Huber's parabola that is not positive."""
    remedy = "Pass the size of an error from which on it counts like an outlier, such as 1."
    positive("delta", value, remedy=remedy)


def choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuses a value that is not one of the named choices, and suggests the nearest."""
    if value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}. Got {value!r}."
            + _suggestion(value, choices, "'{}'")
        )


def _suggestion(value: Any, choices: Sequence[str], form: str) -> str:
    nearest = difflib.get_close_matches(str(value), choices, n=1)
    return f" Did you mean {form.format(nearest[0])}?" if nearest else ""


def width(name: str, value: Any) -> None:
    """Refuses a number of units that is not a positive whole number."""
    count(name, value, remedy="Pass the number of units.")


def per_example(layer: Layer) -> Callable[..., Any]:
    """Gives the `squares` of a layer, and refuses one that has none."""
    if layer.squares is None:
        raise ValueError(
            "Per-example gradients need the `squares` of every layer. "
            f"Got {layer.name} without it. Give it one, layer._replace(squares=...), or use "
            "jax.vmap of jax.grad, which needs the memory of all gradients at once."
        )
    return layer.squares


def rows(x: Any) -> None:
    """Refuses data without an axis for the examples."""
    if jnp.ndim(x) < 2:
        raise ValueError(
            "Per-example gradients need a batch: x of shape (N, ...). "
            f"Got x of shape {jnp.shape(x)}. Add the axis, x[None], to a single example."
        )


def not_negative(name: str, value: Any) -> None:
    """Refuses a number below zero."""
    if not isinstance(value, Tracer) and not value >= 0:
        raise ValueError(f"{name} must not be negative. Got {value}. Pass 0 for none.")


def noise_key(noise: Any, key: Any) -> None:
    """Refuses noise without a key, and a key that nothing is drawn from."""
    if (key is None) != (noise == 0):
        came = "noise without a key" if key is None else "a key without noise"
        raise ValueError(
            f"The noise is drawn from a key. Got {came}. "
            "Pass both noise_multiplier and key, or neither."
        )


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


def microbatches(number: int, x: Any) -> None:
    """Refuses a batch that cannot be cut into equal parts."""
    examples = jnp.shape(x)[0] if jnp.ndim(x) > 1 else 1
    if examples % number:
        near = [n for n in range(1, examples + 1) if examples % n == 0]
        raise ValueError(
            "microbatches must divide the number of examples in the batch. "
            f"Got {number} for {examples} examples. "
            f"Use {min(near, key=lambda n: abs(n - number))}, or another batch size."
        )


def ensemble(net: Any) -> None:
    """Refuses what is not an ensemble."""
    if not isinstance(net, Layer) or net.name != "ensemble":
        raise ValueError(
            "Predictions with a spread are those of an ensemble. "
            f"Got {net.name if isinstance(net, Layer) else repr(net)}. "
            "Make one with functional_nn.ensemble(net, m)."
        )


def count(name: str, value: Any, *, remedy: str = "Ask for one or more.") -> None:
    """Refuses a number of things that is not a positive whole number."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive whole number. Got {value!r}. {remedy}")


def same_shape(block: str, x: Any, y: Any, use: str = "") -> None:
    """Refuses a block that cannot follow itself, or be added to its input."""
    came, given = ((jnp.shape(a), jnp.result_type(a)) for a in (y, x))
    if came != given:
        raise ValueError(
            f"A block that is {f'{use} its input' if use else 'repeated'} must give the shape and "
            f"dtype that it takes. Got {_typed(*given)} -> {_typed(*came)} from {block}. "
            "Put a layer that changes the width before "
            f"{'the sum' if use else 'the repetition'} or after it."
        )


def _typed(shape: tuple[Any, ...], dtype: Any) -> str:
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
    suggestion = ""
    if isinstance(value, str):
        suggestion = _suggestion(value, _ACTIVATIONS, "functional_nn.{}")
    raise TypeError(
        f"{invariant}. Got {value!r}.{suggestion} Pass a layer such as functional_nn.sigmoid, or "
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
            f"Got {', '.join(_typed(y.shape, y.dtype) for y in outputs)}. "
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
        jax.tree.map(lambda a: _typed(a.shape, a.dtype), parameters) for parameters in (one, other)
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


def permutation(indices: Any, examples: int) -> None:
    """Refuses an order that does not name every example."""
    integer = jnp.issubdtype(jnp.result_type(indices), jnp.integer)
    if not integer or jnp.shape(indices) != (examples,):
        raise ValueError(
            f"permutation must hold {examples} integers, one for each example. "
            f"Got shape {jnp.shape(indices)}, {jnp.result_type(indices)}. "
            f"Make one with numpy.random.default_rng(seed).permutation({examples})."
        )


def epochs(number: int) -> None:
    """Refuses a number of epochs that trains nothing."""
    if number < 1:
        raise ValueError(f"epochs must be at least 1. Got {number}. Ask for one pass or more.")


def seed(value: Any) -> None:
    """Refuses a seed that NumPy would refuse later."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(
            f"seed must be a whole number, not negative. Got {value!r}. Pass one such as 0."
        )


def given_size(size: int | None) -> int:
    """Refuses a batch size that is missing beside arrays."""
    if size is None:
        raise ValueError(
            "Beside arrays, batch_size must be given. Got none. Say how many examples a step takes."
        )
    return size


def no_batches(name: str, value: Any) -> None:
    """Refuses beside arrays what is for batches."""
    if value is not None:
        raise ValueError(
            f"{name} is for batches. Got {value!r} beside arrays, of which an epoch is one "
            "compiled loop. Pass functional_nn.Batches(x, y, batch_size) in place of them."
        )


def batches(source: Any, epochs: int, size: int | None) -> None:
    """Refuses a source of batches that cannot be gone through, or not so often."""
    if hasattr(source, "shape") or not (callable(source) or hasattr(source, "__iter__")):
        raise ValueError(
            "Without y there must be batches: an iterable of pairs, or a function of the epoch's "
            f"number that gives one. Got {type(source).__name__}. Pass the targets as y."
        )
    if size is not None:
        raise ValueError(
            f"Batches have their own size. Got batch_size={size}. Leave it out, or pass arrays."
        )
    if epochs > 1 and isinstance(source, Iterator):
        raise ValueError(
            "Batches must start anew in each epoch. Got an iterator, which ends once. Pass a "
            "function of the epoch's number that makes one, or ask for one epoch."
        )


def loss_scale(scale: Any, gradients: Any, largest: float) -> None:
    """Refuses a loss scale that float16 does not hold, or that nobody would apply."""
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 1 <= scale <= largest:
        raise ValueError(
            f"loss_scale must lie between 1 and {largest:g}, what float16 holds. Got {scale!r}. "
            "Start from 2.0**15: it is halved until nothing overflows."
        )
    if callable(gradients):
        raise ValueError(
            "A loss scale is applied by the library's own passes. Got gradients that are a "
            'function. Pass "backprop" or "autodiff", or scale inside the function.'
        )
