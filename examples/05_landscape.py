"""A loss landscape: a saddle known exactly, and valleys that come in equal pairs.

Exit status: 0 saddle and symmetry are as claimed; 1 they are not; 3 wrong usage.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import sympy as sp

import functional_nn as fnn
from derivations.landscape import linear_network_at_origin, permutation_differences
from derivations.report.files import write_files
from drawing import canvas, folder, png

X = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]], jnp.float32)
Y = jnp.array([0, 1, 1, 0])


def main() -> int:
    out = folder(__doc__, "build/landscape")
    found = linear_network_at_origin(sp.Matrix([[1]]), hidden=1)
    print(f"½ (1 - v u)² at 0: a {found.kind}, eigenvalues {list(found.eigenvalues)}")
    same = all(d.is_zero_matrix for d in permutation_differences(2, 3, 2))
    print(
        f"A swap of hidden units changes {'nothing' if same else 'something'}, for any activation"
    )

    net = fnn.mlp([2, 3, 2], activation=fnn.tanh)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    train = fnn.training(objective, optax.adam(0.05))
    start = net.init(jax.random.key(2), X)
    params = fnn.fit(train, start, X, Y, epochs=150, batch_size=4, progress=False).state.params
    twin = swapped(params)
    low, other = float(objective(params, X, Y)), float(objective(twin, X, Y))
    alphas, betas, losses = plane(objective, start, params, twin)
    middle = float(losses[len(betas) // 4, len(alphas) // 2])
    print(f"Loss of a trained network {low:.4f}, of its twin {other:.4f}, halfway {middle:.4f}")

    write_files(out, {"landscape.png": picture(alphas, betas, losses)})
    print(f"\nPicture: {out / 'landscape.png'}")
    right = found.kind == "saddle" and same and np.isclose(low, other, rtol=1e-4)
    return 0 if right and middle > 2 * low else 1


def swapped(params):
    """The network with its first two hidden units in each other's place."""
    order = jnp.array([1, 0, 2])
    first, activation, second = params
    first = {"w": first["w"][:, order], "b": first["b"][order]}
    return first, activation, second | {"w": second["w"][order]}


def plane(objective, start, params, twin):
    """The loss where a trained network is at (0, 0), its twin at (1, 0), the start at (½, 1)."""
    alphas = np.linspace(-0.5, 1.5, 81, dtype=np.float32)
    betas = np.linspace(-0.5, 1.5, 81, dtype=np.float32)

    def loss(a, b):
        def point(p, q, s):
            return p + a * (q - p) + b * (s - (p + q) / 2)

        return objective(jax.tree.map(point, params, twin, start), X, Y)

    over = jax.vmap(jax.vmap(loss, (0, None)), (None, 0))
    return alphas, betas, np.asarray(jax.jit(over)(alphas, betas))


def picture(alphas, betas, losses) -> bytes:
    figure, (left, right) = canvas(2)
    steps = np.linspace(-2, 2, 201)
    u, v = np.meshgrid(steps, steps)
    left.contourf(u, v, np.log10((1 - u * v) ** 2 / 2 + 1e-3), 20, cmap="viridis")
    left.plot(0, 0, "x", color="#ffffff", markersize=9)
    left.set(title="½ (1 - v u)²: a saddle at 0", xlabel="u", ylabel="v", aspect="equal")
    right.contourf(alphas, betas, np.log10(losses), 20, cmap="viridis")
    right.plot([0, 1], [0, 0], "o", color="#ffffff", markersize=6)
    right.plot(0.5, 1, "^", color="#ffffff", markersize=7)
    right.set(
        title="tanh network: trained, and its twin",
        xlabel="from the trained network to its twin (circles)",
        ylabel="towards the start (triangle)",
    )
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
