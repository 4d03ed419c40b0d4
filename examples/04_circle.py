"""Points inside and around a circle: one neuron fails on x and y, and succeeds on the radius.

ADALINE learns one neuron twice, from Cartesian and from polar coordinates of the same points.
Exit status: 0 the first does poorly and the second separates; 1 otherwise; 3 wrong usage.
"""

import sys

import jax.numpy as jnp
import numpy as np

from derivations.report.files import write_files
from drawing import canvas, folder, png
from functional_nn.neurons import adaline, mcculloch_pitts, perceptron, with_bias

INSIDE, AROUND = "#d9711c", "#2f7fd0"


def main() -> int:
    out = folder(__doc__, "build/circle")
    cartesian, y = points(np.random.default_rng(0), 400)
    x1, x2 = cartesian.T
    polar = jnp.stack([jnp.hypot(x1, x2), jnp.arctan2(x2, x1)], axis=-1)
    learned, shares = {}, []
    for name, features in {"Cartesian": cartesian, "polar": polar}.items():
        x = with_bias(features)
        w = adaline(x, y, learning_rate=0.003, epochs=300).w
        share = float(jnp.mean(mcculloch_pitts(x, w) == (y > 0)))
        separated = bool(perceptron(x, y, epochs=1000).separated)
        print(
            f"{name} coordinates: ADALINE tells {share:.1%} right, "
            f"the perceptron {'separates' if separated else 'does not separate'} them"
        )
        learned[name] = (features, w)
        shares.append((share, separated))
    write_files(out, {"circle.png": picture(learned, y)})
    print(f"\nPicture: {out / 'circle.png'}")
    (poor, first), (good, second) = shares
    return 0 if poor < 0.75 and not first and good == 1 and second else 1


def points(random: np.random.Generator, count: int) -> tuple[jnp.ndarray, jnp.ndarray]:
    """Half the points within the radius 1, and half between 1.5 and 2.5."""
    inside = np.arange(count) % 2 == 0
    radius = np.where(inside, np.sqrt(random.uniform(0, 1, count)), random.uniform(1.5, 2.5, count))
    angle = random.uniform(-np.pi, np.pi, count)
    x = radius[:, None] * np.c_[np.cos(angle), np.sin(angle)]
    return jnp.asarray(x, jnp.float32), jnp.asarray(np.where(inside, -1, 1), jnp.float32)


def picture(learned, y) -> bytes:
    """The points in both coordinates, and where each neuron draws its border."""
    figure, cells = canvas(2)
    labels = {"Cartesian": ("x₁", "x₂"), "polar": ("radius", "angle")}
    for axes, (name, (features, w)) in zip(cells, learned.items(), strict=True):
        low, high = np.min(features, axis=0) - 0.3, np.max(features, axis=0) + 0.3
        first, second = np.linspace(low[0], high[0], 301), np.linspace(low[1], high[1], 301)
        grid = np.stack(np.meshgrid(first, second), axis=-1).astype(np.float32)
        side = np.asarray(mcculloch_pitts(with_bias(grid), w))
        axes.contourf(first, second, side, [-1, 0.5, 2], colors=[INSIDE, AROUND], alpha=0.25)
        for value, colour in ((-1, INSIDE), (1, AROUND)):
            axes.plot(*np.asarray(features)[np.asarray(y) == value].T, ".", color=colour)
        axes.set(title=f"one neuron, {name}", xlabel=labels[name][0], ylabel=labels[name][1])
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
