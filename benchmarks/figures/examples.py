"""Per-example gradients: norms, and the clipped mean, against vmap of grad."""

from typing import Any

import jax
import jax.numpy as jnp
from figures.measure import Line, classifier, program, ratio, seconds

import functional_nn as fnn


def per_example() -> list[Line]:
    objective, *arguments = classifier(fnn.mlp([784, 512, 512, 10], fnn.relu), 128, 784)

    def of_one(params: Any, x: Any, y: Any) -> Any:
        return jax.grad(objective)(params, x[None], y[None])

    def all_of_them(params: Any, x: Any, y: Any) -> Any:
        grads = jax.vmap(of_one, in_axes=(None, 0, 0))(params, x, y)
        squares = [jnp.sum(g * g, axis=range(1, g.ndim)) for g in jax.tree.leaves(grads)]
        return grads, jnp.sqrt(sum(squares[1:], squares[0]))

    def cut(params: Any, x: Any, y: Any) -> Any:
        grads, norms = all_of_them(params, x, y)
        scale = 1 / jnp.maximum(norms, 1) / len(norms)
        return jax.tree.map(lambda g: jnp.tensordot(scale, g, 1), grads)

    ours = {
        "norms": program(fnn.per_example_gradient_norms(objective), *arguments),
        "clipped mean": program(fnn.clipped_value_and_grad(objective, 1.0), *arguments),
    }
    plain = {
        "jax.grad's": program(jax.value_and_grad(objective), *arguments),
        "ours": program(fnn.value_and_grad(objective), *arguments),
    }
    theirs = {
        "norms": program(lambda *a: all_of_them(*a)[1], *arguments),
        "clipped mean": program(cut, *arguments),
    }
    found = ours["clipped mean"].compiled(*arguments)[1]
    expected = theirs["clipped mean"].compiled(*arguments)
    pairs = list(zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True))
    error = max(float(jnp.abs(a - b).max()) for a, b in pairs) / max(
        float(jnp.abs(b).max()) for _, b in pairs
    )
    lines = [Line("clipped mean: largest error, relative to the largest entry", error, bound=1e-6)]
    for name, time_bound, faster in (("norms", 0.65, 60), ("clipped mean", 1.1, 120)):
        one, many = ours[name], theirs[name]
        runs = {"one": one, "plain": plain["ours"], "vmap": many}
        taken = seconds(runs, calls={"one": 20, "plain": 20, "vmap": 1})
        alone, gradient, mapped = (taken[key] for key in runs)
        lines += [
            ratio(f"{name}: time to one plain gradient", alone, gradient, time_bound),
            ratio(f"{name}: time of vmap(grad) to it", mapped, alone, faster, least=True),
            ratio(f"{name}: time of vmap(grad) to one plain gradient", mapped, gradient),
            Line(f"{name}: memory of vmap(grad) to it", many.memory / one.memory),
        ]
        for whose, whole in plain.items():
            bound = 1.1 if whose == "jax.grad's" else None
            kept = one.memory / whole.memory
            lines.append(Line(f"{name}: memory to a plain gradient, {whose}", kept, bound=bound))
    return lines
