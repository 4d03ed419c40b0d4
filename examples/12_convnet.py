"""A convolutional network on digits, by hand-written backpropagation and by jax.grad.

Exit status: 0 both gradients get at least 98% of the held-out digits; 1 not; 3 wrong usage.
"""

import sys

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

import functional_nn as fnn
from derivations.report.files import write_files
from digits import data
from drawing import canvas, folder, png

EPOCHS, BATCH, RATE = 30, 32, 3e-3


def main() -> int:
    out = folder(__doc__, "build/convnet")
    pixels, labels = load_digits(return_X_y=True)
    digits = data.split(pixels, labels, (8, 8), seed=0)
    x, test_x = (images.reshape(-1, 8, 8, 1) / 16 for images in (digits.x, digits.test_x))
    net = fnn.convnet([16, 32], digits.classes)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = net.init(jax.random.key(0), x)
    count = sum(p.size for p in jax.tree.leaves(params))
    print(f"{' '.join(layer.name for layer in net.parts)}: {count} parameters")

    @jax.jit
    def right(params):
        return (net.apply(params, test_x).argmax(axis=-1) == digits.test_y).mean()

    decay = optax.cosine_decay_schedule(RATE, EPOCHS * (len(x) // BATCH))
    trained, accuracies = {}, {}
    for gradients in ("backprop", "autodiff"):
        train = fnn.training(objective, optax.adam(decay), gradients=gradients)
        fit = fnn.fit(train, params, x, digits.y, epochs=EPOCHS, batch_size=BATCH, evaluate=right)
        trained[gradients] = fit.state.params
        accuracies[gradients] = float(right(fit.state.params))
        print(f"{gradients:9} {accuracies[gradients]:.1%} of {len(test_x)} held-out digits right")

    write_files(out, {"maps.png": picture(net, trained["backprop"], test_x[:3])})
    print(f"\nPicture: {out / 'maps.png'}")
    return 0 if min(accuracies.values()) >= 0.98 else 1


def picture(net, params, images) -> bytes:
    """What the first convolution makes of some digits: each filter answers to its own strokes."""
    maps = images
    for layer, own in zip(net.parts[:2], params[:2], strict=True):
        maps = layer.apply(own, maps)
    columns = 1 + maps.shape[-1]
    figure, axes = canvas(columns, len(images))
    for row, image in enumerate(np.asarray(images)):
        shown = [image[..., 0], *np.moveaxis(np.asarray(maps[row]), -1, 0)]
        for place, part in zip(axes[row * columns :], shown, strict=False):
            place.imshow(part, cmap="gray_r")
            place.set_axis_off()
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
