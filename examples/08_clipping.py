"""Training with clipped gradients, on digits of which some have a wrong label.

Each example pulls with its own gradient, and a wrong label pulls hard. The norms of the examples'
gradients cost little more than one gradient: they cut every pull down to one length, and they point
at the wrong labels. With noise on top, the same step is differentially private SGD.
Exit status: 0 clipping helps, and the largest gradients are wrong labels; 1 not; 3 wrong usage.
"""

import sys

import jax
import numpy as np
import optax

import functional_nn as fnn
from derivations.report.files import write_files
from digits import data
from drawing import canvas, folder, png

WRONG, BOUND, NOISE, RATE = 300, 1.0, 0.5, 0.5


def main() -> int:
    out = folder(__doc__, "build/clipping")
    digits = data.digits(seed=0)
    random = np.random.default_rng(0)
    wrong = random.choice(len(digits.y), WRONG, replace=False)
    labels = np.array(digits.y)
    labels[wrong] = (labels[wrong] + random.integers(1, 10, WRONG)) % 10
    y = jax.numpy.asarray(labels)

    net = fnn.mlp([digits.x.shape[1], 30, digits.classes], activation=fnn.tanh)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = net.init(jax.random.key(0), digits.x)
    gradients = {
        "plain": "backprop",
        "clipped": fnn.clipped_value_and_grad(objective, BOUND),
    }
    norms = jax.jit(fnn.per_example_gradient_norms(objective))
    print(f"{WRONG} of {len(y)} labels are wrong; every example's gradient is cut to {BOUND}")
    found, right, hits = {}, {}, {}
    for name, gradient in gradients.items():
        train = fnn.training(objective, optax.sgd(RATE), gradients=gradient)
        result = fnn.fit(train, params, digits.x, y, epochs=30, batch_size=32, progress=False)
        right[name] = accuracy(net, result.state.params, digits)
        found[name] = np.asarray(norms(result.state.params, digits.x, y))
        hits[name] = len(np.intersect1d(np.argsort(found[name])[-WRONG:], wrong))
        print(
            f"  {name:8} {right[name]:.1%} right of the held-out digits; {hits[name]} of the "
            f"{WRONG} largest gradients are wrong labels"
        )
    private = noisy(objective, params, digits.x, y)
    print(f"  private  {accuracy(net, private, digits):.1%}, with noise {NOISE} times the bound")
    write_files(out, {"norms.png": picture(found["clipped"], wrong)})
    print(f"\nPicture: {out / 'norms.png'}")
    return 0 if right["clipped"] > right["plain"] and hits["clipped"] > 0.8 * WRONG else 1


def accuracy(net, params, digits) -> float:
    guesses = net.apply(params, digits.test_x).argmax(axis=-1)
    return float((guesses == digits.test_y).mean())


def noisy(objective, params, x, y):
    """Differentially private SGD: each batch is drawn anew, each step has a key of its own."""
    gradient = fnn.clipped_value_and_grad(objective, BOUND, noise_multiplier=NOISE)

    def step(params, key):
        rows = jax.random.choice(key, len(x), (128,), replace=False)
        _, grads = gradient(params, x[rows], y[rows], jax.random.fold_in(key, 1))
        return jax.tree.map(lambda p, g: p - RATE * g, params, grads), None

    run = jax.jit(lambda params, keys: jax.lax.scan(step, params, keys))
    return run(params, jax.random.split(jax.random.key(1), 400))[0]


def picture(norms, wrong) -> bytes:
    figure, (axes,) = canvas(1)
    bins = np.linspace(0, norms.max(), 40)
    axes.hist(np.delete(norms, wrong), bins, label="right labels")
    axes.hist(norms[wrong], bins, label="wrong labels", alpha=0.8)
    axes.set_yscale("log")
    axes.set_xlabel("norm of an example's gradient")
    axes.set_ylabel("examples")
    axes.legend()
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
