"""Gradients on many devices with JAX's own partitioner: what moves between them, and when.

`sharded` says it itself, under `jax.shard_map`; `partitioned` pins where the arrays lie and leaves
the rest to the compiler. Both take the hand-written backward pass as it is.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from functional_nn import checks
from functional_nn.layouts import DATA, divides, mesh_of


def sharded(
    loss_and_grads: Callable[..., tuple[jax.Array, Any]], layout: Any
) -> Callable[..., tuple[jax.Array, Any]]:
    r"""Runs a function of mean losses on every device's rows, with explicit communication.

    Each device gathers the parameters that are split, computes the loss and gradient of its own
    rows, and the gradients are averaged; of a parameter that is split, each device gets its part:

    $$\nabla J = \frac1n \sum_{k=1}^n \nabla J_k.$$

    A step moves one all-reduce of the gradients where parameters are whole, and an all-gather and a
    reduce-scatter where they are split. It is `jax.shard_map`: the collectives stand in the code.

    Args:
      loss_and_grads: `(params, x, y) -> (loss, grads)`, means over the batch: of
        `functional_nn.value_and_grad`, `jax.value_and_grad`, or of
        `functional_nn.clipped_value_and_grad` without noise.
      layout: Of the parameters, from `replicated` or `fully_sharded`.

    Returns:
      The function for the whole batch, to be compiled or given to
      `functional_nn.training(gradients=...)`; the gradients have the layout of the parameters.

    Raises:
      ValueError: The layout splits over another axis than `"data"`, or more than one axis of an
        array; from the function, a batch that the mesh does not divide.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jax.numpy.ones((5, 2), jax.numpy.float32), jax.numpy.zeros(5, jax.numpy.int32)
      >>> params = net.init(jax.random.key(0), x)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> layout = fnn.fully_sharded(fnn.mesh(data=1), params)
      >>> loss, grads = jax.jit(sharded(fnn.value_and_grad(J), layout))(params, x, y)
      >>> grads[0]["w"].shape
      (2, 3)

    Reference:
      S. Rajbhandari, J. Rasley, O. Ruwase, Y. He, "ZeRO: Memory Optimizations Toward Training
      Trillion Parameter Models", SC 2020, section 5.
    """
    devices = _mesh(layout)
    parts = devices.shape[DATA]
    specs = jax.tree.map(lambda sharding: sharding.spec, layout)
    axes = jax.tree.map(_split_axis, layout)

    def gather(array: jax.Array, axis: int) -> jax.Array:
        return array if axis < 0 else jax.lax.all_gather(array, DATA, axis=axis, tiled=True)

    def mean(array: jax.Array, axis: int) -> jax.Array:
        if axis < 0:
            return jax.lax.pmean(array, DATA)
        total = jax.lax.psum_scatter(array, DATA, scatter_dimension=axis, tiled=True)
        return total / parts

    def own_rows(params: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        loss, grads = loss_and_grads(jax.tree.map(gather, params, axes), x, y)
        return jax.lax.pmean(loss, DATA), jax.tree.map(mean, grads, axes)

    # Without check_vma: with it, jax.grad would sum over devices by itself, and our mean again.
    rows, whole = PartitionSpec(DATA), PartitionSpec()
    run = jax.shard_map(
        own_rows,
        mesh=devices,
        in_specs=(specs, rows, rows),
        out_specs=(whole, specs),
        check_vma=False,
    )

    def all_rows(params: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        checks.batch(x, y)
        divides(x.shape, parts, "the")
        return run(params, x, y)

    return all_rows


def partitioned(function: Callable[..., Any], layout: Any) -> Callable[..., Any]:
    """Pins where parameters, rows and gradients lie, and leaves the rest to the partitioner.

    Inputs placed by layout are not enough: the partitioner may then move activations instead of
    weights. Here parameters are whole along `"data"` while they are used, the rows of the batch are
    split, and gradients go back to the layout. What is summed over devices the partitioner finds.

    Args:
      function: `(params, x, y) -> result`: of `functional_nn.value_and_grad`, or of the functions
        of single examples, such as `functional_nn.per_example_gradient_norms`.
      layout: Of the parameters: any.

    Returns:
      The function, to be compiled with `jax.jit`. If it returns a pair whose second item has the
      tree of the parameters, that is taken for their gradient.

    Raises:
      ValueError: From the function, a batch that the mesh does not divide.
    """
    devices = _mesh(layout)
    rows = NamedSharding(devices, PartitionSpec(DATA))
    used = jax.tree.map(_without_data, layout)
    constrain = jax.lax.with_sharding_constraint

    def run(params: Any, x: jax.Array, y: jax.Array) -> Any:
        checks.batch(x, y)
        divides(x.shape, devices.shape[DATA], "the")
        result = function(constrain(params, used), constrain(x, rows), constrain(y, rows))
        if type(result) is tuple and len(result) == 2:
            first, second = result
            if jax.tree.structure(second) == jax.tree.structure(layout):
                return first, constrain(second, layout)
        return result

    return run


def _mesh(layout: Any) -> Mesh:
    mesh = mesh_of(layout)
    if mesh is None:
        raise ValueError(
            "A layout must hold a sharding with a mesh axis 'data' for each parameter. "
            f"Got {layout!r}. Make one with functional_nn.replicated or "
            "functional_nn.fully_sharded."
        )
    return mesh


def _split_axis(sharding: NamedSharding) -> int:
    """Gives the axis that is split over "data", or -1."""
    used = [(axis, name) for axis, name in enumerate(sharding.spec) if name is not None]
    if len(used) > 1 or any(name != DATA for _, name in used):
        raise ValueError(
            "sharded splits at most one axis of an array, over 'data'. "
            f"Got {sharding.spec}. Use functional_nn.partitioned for this layout."
        )
    return used[0][0] if used else -1


def _without_data(sharding: NamedSharding) -> NamedSharding:
    kept = (None if name == DATA else name for name in sharding.spec)
    return NamedSharding(sharding.mesh, PartitionSpec(*kept))
