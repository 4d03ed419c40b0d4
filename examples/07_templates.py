"""A single layer on digits is template matching: the weights of each class are a picture of it.

Each weight image is compared with the mean image of every class, both less what all have in common.
Exit status: 0 each is most like its own class; 1 some are not; 3 wrong usage.
"""

import sys

import jax
import numpy as np
import optax

import functional_nn as fnn
from derivations.report.files import write_files
from digits import data
from drawing import canvas, folder, png


def main() -> int:
    out = folder(__doc__, "build/templates")
    digits = data.digits(seed=0)
    net = fnn.dense(digits.classes)
    train = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.sgd(0.05))
    start = net.init(jax.random.key(0), digits.x)
    params = fnn.fit(
        train, start, digits.x, digits.y, epochs=30, batch_size=32, progress=False
    ).state.params

    guesses = net.apply(params, digits.test_x).argmax(axis=-1)
    accuracy = float((guesses == digits.test_y).mean())
    print(f"One layer of ten neurons tells {accuracy:.1%} of the held-out digits right")

    weights = np.asarray(params["w"]).T
    x, y = np.asarray(digits.x), np.asarray(digits.y)
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(digits.classes)])
    alike = likeness(weights, means)
    own = 0
    for digit, row in enumerate(alike):
        best = int(row.argmax())
        own += best == digit
        second = int(np.argsort(row)[-2])
        print(
            f"  the weights of {digit} are most like the mean {best} ({row[best]:.2f}), "
            f"then {second} ({row[second]:.2f})"
        )
    print(f"Most like their own class: {own} of {digits.classes}")
    write_files(out, {"templates.png": picture(weights, means, digits.picture)})
    print(f"\nPicture: {out / 'templates.png'}")
    return 0 if own == digits.classes and accuracy > 0.9 else 1


def likeness(weights: np.ndarray, means: np.ndarray) -> np.ndarray:
    """The correlation of each weight image with each class's mean, less the mean of them all."""
    rows = [images - images.mean(axis=0) for images in (weights, means)]
    return np.corrcoef(np.concatenate(rows))[: len(weights), len(weights) :]


def picture(weights, means, shape) -> bytes:
    """Above the mean image of each class; below its weights: blue speaks for it, red against."""
    reach = np.abs(weights).max()
    figure, cells = canvas(len(weights), rows=2)
    figure.set_size_inches(1.2 * len(weights), 2.9)
    for digit, (mean, template) in enumerate(zip(means, weights, strict=True)):
        above, below = cells[digit], cells[len(weights) + digit]
        above.imshow(mean.reshape(shape), cmap="gray_r", vmin=0, vmax=1)
        below.imshow(template.reshape(shape), cmap="RdBu", vmin=-reach, vmax=reach)
        above.set_title(digit)
    for axes in cells:
        axes.set_xticks([])
        axes.set_yticks([])
    cells[0].set_ylabel("mean image")
    cells[len(weights)].set_ylabel("weights")
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
