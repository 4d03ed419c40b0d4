"""Exclusive or: one threshold unit cannot, with a proof; two layers can, built or learned.

Exit status: 0 all of it came true; 1 some did not; 3 wrong usage.
"""

import sys

import jax
import numpy as np
import optax

import functional_nn as fnn
from derivations.report.files import write_files
from derivations.separation import refutes, separate
from drawing import canvas, folder, png
from functional_nn import neurons, regions

POINTS = [(0, 0), (0, 1), (1, 0), (1, 1)]
XOR = [0, 1, 1, 0]


def main() -> int:
    out = folder(__doc__, "build/xor")
    print("One threshold unit: y (w·x + b) >= 1 for all four points, y = +1 or -1?")
    signs = [2 * value - 1 for value in XOR]
    certificate = separate(POINTS, signs).certificate
    assert certificate is not None
    for multiplier, point, sign in zip(certificate, POINTS, signs, strict=True):
        print(f"  {multiplier} times  {sign:+d} (w·{point} + b) >= 1")
    proved = refutes(certificate, POINTS, signs)
    print("  add up to  0 >= 1: no such unit." if proved else "  prove nothing.")

    x = np.array(POINTS, np.float32)
    found = neurons.perceptron(neurons.with_bias(x), np.array(signs, np.float32), epochs=100)
    print(
        f"\nThe perceptron: {found.mistakes} mistakes in 100 epochs, separated: {found.separated}."
    )

    layers = regions.truth_table(XOR)
    built = [int(regions.fires(layers, point)) for point in POINTS]
    print(f"\nTwo layers of threshold units, built: {built}")
    for i, layer in enumerate(layers, 1):
        print(f"  layer {i}, each unit its bias and weights: {layer}")

    net = fnn.mlp([2, 8, 2], activation=fnn.tanh)
    train = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.adam(0.05))
    start = net.init(jax.random.key(0), x)
    params = fnn.fit(
        train, start, x, np.array(XOR), epochs=200, batch_size=4, progress=False
    ).state.params
    learned = net.apply(params, x).argmax(axis=-1).tolist()
    print(f"\nTwo layers of tanh units, learned by backpropagation: {learned}")

    write_files(out, {"xor.png": picture(layers, net, params)})
    print(f"\nPicture: {out / 'xor.png'}")
    right = proved and not found.separated and built == learned == XOR
    return 0 if right else 1


def picture(layers, net, params) -> bytes:
    steps = np.linspace(-0.5, 1.5, 201, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1)
    scores = net.apply(params, grid)
    panels = {
        "built of threshold units": np.asarray(regions.apply(layers, grid)),
        "learned: the share of class 1": np.asarray(jax.nn.softmax(scores)[..., 1]),
    }
    figure, cells = canvas(len(panels))
    for axes, (title, values) in zip(cells, panels.items(), strict=True):
        axes.contourf(steps, steps, values, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.8)
        for point, value in zip(POINTS, XOR, strict=True):
            colour = "white" if value else "black"
            axes.plot(*point, "o", color=colour, markeredgecolor="black", markersize=9)
        axes.set(title=title, xlabel="x₁", ylabel="x₂", aspect="equal")
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
