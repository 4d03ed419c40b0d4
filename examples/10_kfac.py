"""K-FAC on digits: steps along the natural gradient, from the inputs and the δ of each layer.

A layer's gradient W is divided by the second moments of both sides, (A + λI)⁻¹ W (G + λI)⁻¹, with
A = E[āāᵀ] and G = E[δδᵀ] for labels that are drawn from the network's own answer.
Exit status: 0 it comes down further than gradient descent in as many steps; 1 not; 3 wrong usage.
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import functional_nn as fnn
from derivations.report.files import write_files
from digits import data
from drawing import canvas, folder, png

STEPS, DAMPING, DECAY = 30, 3e-3, 0.9
RATES = {"gradient descent": (0.1, 0.3, 1.0, 3.0), "K-FAC": (0.1, 0.3)}


def main() -> int:
    out = folder(__doc__, "build/kfac")
    digits = data.digits(seed=0)
    net = fnn.mlp([digits.x.shape[1], 30, digits.classes], activation=fnn.tanh)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = net.init(jax.random.key(0), digits.x)
    curves = {}
    for name, rates in RATES.items():
        tried = {}
        for rate in rates:
            trained, losses = descend(objective, params, digits.x, digits.y, name == "K-FAC", rate)
            if np.isfinite(losses).all():
                tried[rate] = np.asarray(losses), accuracy(net, trained, digits)
        best = min(tried, key=lambda rate: tried[rate][0][-1])
        curves[name], right = tried[best]
        print(
            f"{name:17} loss {curves[name][-1]:.4f} after {STEPS} steps on the whole training set, "
            f"{right:.1%} of the held-out digits right (step size {best}, the best of {[*rates]})"
        )
    write_files(out, {"losses.png": picture(curves)})
    print(f"\nPicture: {out / 'losses.png'}")
    return 0 if curves["K-FAC"][-1] < curves["gradient descent"][-1] else 1


@partial(jax.jit, static_argnames=("objective", "kfac"))
def descend(objective, params, x, y, kfac, rate):
    """All steps in one loop; the second moments are averages over the last few steps."""
    start = fnn.kfac_factors(objective)(params, x, y)

    def step(state, key):
        params, moments = state
        loss, grads = fnn.value_and_grad(objective)(params, x, y)
        if kfac:
            drawn = jax.random.categorical(key, objective.net.apply(params, x))
            now = fnn.kfac_factors(objective)(params, x, drawn.astype(y.dtype))
            moments = jax.tree.map(lambda m, n: DECAY * m + (1 - DECAY) * n, moments, now)
            factors = iter(moments)
            grads = tuple(g and preconditioned(g, next(factors)) for g in grads)
        return (jax.tree.map(lambda p, g: p - rate * g, params, grads), moments), loss

    keys = jax.random.split(jax.random.key(0), STEPS)
    (params, _), losses = jax.lax.scan(step, (params, start), keys)
    return params, jnp.append(losses, objective(params, x, y))


def preconditioned(grad, factors):
    both = jnp.concatenate([grad["w"], grad["b"][None]])  # (in + 1, out): the bias below
    damping = jnp.sqrt(jnp.asarray(DAMPING, both.dtype))
    inputs, outputs = (f + damping * jnp.eye(len(f), dtype=f.dtype) for f in factors)
    both = jnp.linalg.solve(inputs, jnp.linalg.solve(outputs, both.T).T)
    return {"w": both[:-1], "b": both[-1]}


def accuracy(net, params, digits) -> float:
    guesses = net.apply(params, digits.test_x).argmax(axis=-1)
    return float((guesses == digits.test_y).mean())


def picture(curves) -> bytes:
    figure, (axes,) = canvas(1)
    for name, losses in curves.items():
        axes.semilogy(losses, label=name)
    axes.set_xlabel("step")
    axes.set_ylabel("mean loss")
    axes.legend()
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
