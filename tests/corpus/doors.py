"""The same mistakes through other doors: custom rules, forward rules, pytrees, integer labels."""

import jax.numpy as jnp

from .activations import sigmoid
from .cross_entropy import mean_label_loss, one_hot
from .dense import dense
from .entry import Operation, floats, labels, right, wrong
from .softmax import softmax

DENSE = Operation(dense, floats((3, 4), (4, 2), (2,)))


@right(DENSE, door="custom_vjp")
def dense_custom(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=0)


@wrong(48, DENSE, "w", door="custom_vjp")
def no_cotangent_for_the_weights(xp, residuals, dy):
    _, w, _ = residuals
    return dy @ w.T, None, xp.sum(dy, axis=0)


def affine(xp, params, x):
    return x @ params["w"] + params["b"][None, :]


def parameters(inputs, outputs):
    w, b = floats((inputs, outputs), (outputs,))
    return {"w": w, "b": b}


AFFINE = Operation(affine, (parameters(4, 2), *floats((3, 4))))
AFFINE_OF_ONE_ROW = Operation(affine, (parameters(4, 2), *floats((1, 4))))


@right(AFFINE, door="custom_vjp")
def dense_of_a_dictionary(xp, residuals, dy):
    params, x = residuals
    return {"w": x.T @ dy, "b": xp.sum(dy, axis=0)}, dy @ params["w"].T


@wrong(1, AFFINE_OF_ONE_ROW, "params['b']", door="custom_vjp", point="blind")
@wrong(1, AFFINE, "params['b']", door="custom_vjp")
def bias_in_a_dictionary_averaged(xp, residuals, dy):
    params, x = residuals
    return {"w": x.T @ dy, "b": xp.mean(dy, axis=0)}, dy @ params["w"].T


@wrong(48, AFFINE, "params['b']", door="custom_vjp")
def bias_in_a_dictionary_without_a_cotangent(xp, residuals, dy):
    params, x = residuals
    return {"w": x.T @ dy, "b": None}, dy @ params["w"].T


LABELLED = Operation(mean_label_loss, (*floats((3, 4)), labels(3)))


@right(LABELLED, door="custom_vjp")
def custom_label_loss(xp, residuals, dy):
    z, classes = residuals
    hits = one_hot(xp, classes, z)
    p = softmax(xp, z) * xp.sum(hits, axis=-1, keepdims=True)
    return (p - hits) * dy / z.shape[0], None


@wrong(13, LABELLED, "z", door="custom_vjp")
def custom_label_loss_not_divided(xp, residuals, dy):
    z, classes = residuals
    return (softmax(xp, z) - one_hot(xp, classes, z)) * dy, None


def swish(xp, x):
    return x * sigmoid(xp, x)


SWISH = Operation(swish, floats((3,)))


@right(SWISH, door="custom_jvp")
def swish_forward(xp, primals, tangents):
    (x,), (dx,) = primals, tangents
    s = sigmoid(xp, x)
    return x * s, dx * (s + x * s * (1 - s))


@wrong(29, SWISH, "x", door="custom_jvp")
def swish_forward_without_its_product(xp, primals, tangents):
    (x,), (dx,) = primals, tangents
    return swish(xp, x), dx * sigmoid(xp, x)


def hypotenuse(xp, x, y):
    return xp.sqrt(x * x + y * y + 1)


HYPOTENUSE = Operation(hypotenuse, floats((3,), (3,)))


@right(HYPOTENUSE, door="custom_jvp")
def hypotenuse_forward(xp, primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    h = hypotenuse(xp, x, y)
    return h, (x * dx + y * dy) / h


@wrong(6, HYPOTENUSE, "y", door="custom_jvp")
def hypotenuse_forward_with_a_wrong_sign(xp, primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    h = hypotenuse(xp, x, y)
    return h, (x * dx - y * dy) / h


def sine(xp, x):
    return xp.sin(x)


SINE = Operation(sine, floats((3,)))


@right(SINE, door="custom_jvp")
def sine_forward(xp, primals, tangents):
    (x,), (dx,) = primals, tangents
    return xp.sin(x), xp.cos(x) * dx


@wrong(6, SINE, "x", door="custom_jvp")
def sine_forward_negated(xp, primals, tangents):
    (x,), (dx,) = primals, tangents
    return xp.sin(x), -xp.cos(x) * dx


def scaled_sine(xp, x, scale):
    return xp.sin(scale * x)


SCALED_SINE = Operation(scaled_sine, (*floats((3,)), jnp.float32(1.0)))


@right(SCALED_SINE, door="custom_vjp")
def frequency_kept(xp, residuals, dy):
    x, scale = residuals
    slope = dy * xp.cos(scale * x)
    return scale * slope, xp.sum(x * slope)


@wrong(52, SCALED_SINE, "x", door="custom_vjp", point="blind")
def frequency_missing(xp, residuals, dy):
    x, scale = residuals
    slope = dy * xp.cos(scale * x)
    return slope, xp.sum(x * slope)
