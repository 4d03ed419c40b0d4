"""Saliency: which pixels a trained network's answer hangs on, out of the same backward pass.

Back-propagation does not have to stop at the first layer's weights: the cotangent of a network's
input is the derivative of whatever it is started from, here of one class's logit, in each pixel.
Exit status: 0 it is what jax.grad gives; 1 it is not; 3 wrong usage.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

import functional_nn as fnn
from derivations.report.files import write_files
from digits import data
from drawing import canvas, folder, png


def main() -> int:
    out = folder(__doc__, "build/saliency")
    digits = data.digits(seed=0)
    net = fnn.mlp([digits.x.shape[1], 30, digits.classes], activation=fnn.tanh)
    train = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.adam(0.005))
    start = net.init(jax.random.key(0), digits.x)
    params = fnn.fit(
        train, start, digits.x, digits.y, epochs=20, batch_size=32, progress=False
    ).state.params

    first = [int(np.flatnonzero(digits.test_y == digit)[0]) for digit in range(digits.classes)]
    images = digits.test_x[jnp.asarray(first)]
    labels = np.arange(digits.classes)
    maps = jax.jit(lambda x: saliency(net, params, x, labels))(images)

    def logit(x, label):
        return net.apply(params, x)[label]

    expected = jax.vmap(jax.grad(logit))(images, labels)
    difference = float(jnp.abs(maps - expected).max() / jnp.abs(expected).max())
    print(f"By hand and by jax.grad the maps differ by {difference:.1e} of the largest entry")

    most = np.argsort(-np.abs(np.asarray(maps)), axis=1)[:, :10]
    change = flipped(net, params, images, labels, most)
    some = np.random.default_rng(0).integers(0, images.shape[1], most.shape)
    print(
        f"Flipping the 10 most salient pixels moves the logit by {change:.2f} on average, "
        f"10 pixels at random by {flipped(net, params, images, labels, some):.2f}"
    )
    write_files(out, {"saliency.png": picture(images, maps, digits.picture)})
    print(f"\nPicture: {out / 'saliency.png'}")
    return 0 if difference < 1e-5 else 1


def saliency(net, params, x, labels):
    """The derivative of each image's own logit in each of its pixels."""
    logits, residuals = net.fwd(params, x)
    _, dx = net.bwd(residuals, jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype))
    return dx


def flipped(net, params, images, labels, pixels) -> float:
    """How far the logit moves on average, in size, when some pixels change their colour."""
    rows = np.arange(len(images))
    other = np.array(images)
    other[rows[:, None], pixels] = 1 - other[rows[:, None], pixels]
    before, after = (net.apply(params, x)[rows, labels] for x in (images, jnp.asarray(other)))
    return float(jnp.abs(after - before).mean())


def picture(images, maps, shape) -> bytes:
    """Above the digit; below where more ink speaks for it, blue, or against it, red."""
    figure, cells = canvas(len(images), rows=2)
    figure.set_size_inches(1.2 * len(images), 2.9)
    for digit, (image, own) in enumerate(zip(images, maps, strict=True)):
        above, below = cells[digit], cells[len(images) + digit]
        above.imshow(np.reshape(image, shape), cmap="gray_r", vmin=0, vmax=1)
        reach = float(np.abs(own).max())
        below.imshow(np.reshape(own, shape), cmap="RdBu", vmin=-reach, vmax=reach)
        above.set_title(digit)
    for axes in cells:
        axes.set_xticks([])
        axes.set_yticks([])
    cells[0].set_ylabel("image")
    cells[len(images)].set_ylabel("saliency")
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
