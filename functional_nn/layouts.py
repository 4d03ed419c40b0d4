"""Where arrays lie on many devices: meshes, and layouts of parameters and batches.

A layout is a tree of `jax.sharding.NamedSharding`, one for each array. The batch is split over the
axis `"data"` of a mesh; parameters may be split over it as well, or over the axis `"model"`.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from functional_nn import checks

DATA, MODEL = "data", "model"


def mesh(*, data: int, model: int = 1, devices: Sequence[Any] | None = None) -> Mesh:
    """Makes a mesh of devices with the axes `"data"` and `"model"`.

    The axes are automatic: what a layout leaves open the partitioner decides. With JAX's default,
    explicit axes, a hand-written `x.T @ dz` would be refused.

    Args:
      data: Into how many parts a batch is split.
      model: Into how many parts the layers of a `tensor_parallel` layout are split.
      devices: The devices; all of this run's, those of other processes too, if left out.

    Raises:
      ValueError: A number is not a positive whole number, or there are not `data * model` devices.

    Example:
      >>> mesh(data=1).axis_names
      ('data', 'model')
    """
    checks.count("data", data)
    checks.count("model", model)
    devices = jax.devices() if devices is None else devices
    if data * model != len(devices):
        raise ValueError(
            f"data * model must be the number of devices, {len(devices)}. Got {data} * {model}. "
            "Change one of them, or name the devices with devices=."
        )
    grid = np.array(devices).reshape(data, model)
    return Mesh(grid, (DATA, MODEL), axis_types=(AxisType.Auto, AxisType.Auto))


def replicated(mesh: Mesh, tree: Any) -> Any:
    """Gives the layout that holds every array whole on every device: data parallelism."""
    return jax.tree.map(lambda _: NamedSharding(mesh, PartitionSpec()), tree)


def fully_sharded(mesh: Mesh, tree: Any, *, min_size: int = 1024) -> Any:
    """Gives the layout that splits every array over the axis `"data"`.

    Each is split along the longest of its axes that the mesh divides. An optimiser's moments have
    the shapes of the parameters, and so the same layout.

    Args:
      mesh: From `functional_nn.mesh`.
      tree: Arrays, or their `jax.ShapeDtypeStruct`s.
      min_size: Arrays of fewer numbers stay whole: to gather them costs more than it saves.

    Raises:
      ValueError: The mesh divides no axis of an array that is not that small.

    Example:
      >>> layout = fully_sharded(mesh(data=1), {"w": np.zeros((64, 32)), "b": np.zeros(32)})
      >>> layout["w"].spec == PartitionSpec("data"), layout["b"].spec == PartitionSpec()
      (True, True)

    Reference:
      S. Rajbhandari, J. Rasley, O. Ruwase, Y. He, "ZeRO: Memory Optimizations Toward Training
      Trillion Parameter Models", SC 2020, section 5.
    """
    parts = mesh.shape[DATA]

    def split(path: Any, array: Any) -> NamedSharding:
        shape = np.shape(array)
        if math.prod(shape) < min_size or not shape:
            return NamedSharding(mesh, PartitionSpec())
        divided = [axis for axis, length in enumerate(shape) if length % parts == 0]
        if not divided:
            raise ValueError(
                f"Fully sharded, an axis of every array must be a multiple of the {parts} parts of "
                f"the mesh's axis 'data'. Got shape {shape} at {jax.tree_util.keystr(path)}. "
                "Take another mesh or width, or keep arrays of that size whole: "
                f"min_size={math.prod(shape) + 1}."
            )
        axis = max(divided, key=lambda axis: shape[axis])
        return NamedSharding(mesh, PartitionSpec(*[None] * axis, DATA))

    return jax.tree_util.tree_map_with_path(split, tree)


def mesh_of(tree: Any) -> Mesh | None:
    """Gives the mesh that arrays lie on, or that a layout names; `None` where there is none.

    Example:
      >>> devices = mesh(data=1)
      >>> mesh_of(replicated(devices, {"w": 0})) == devices, mesh_of({"w": np.zeros(3)})
      (True, None)
    """
    for leaf in jax.tree.leaves(tree):
        sharding = getattr(leaf, "sharding", leaf)
        mesh = sharding.mesh if isinstance(sharding, NamedSharding) else None
        if isinstance(mesh, Mesh) and DATA in mesh.shape:
            return mesh
    return None


def on_mesh(mesh: Mesh, tree: Any) -> Any:
    """Copies to every device of a mesh what does not lie on it yet, such as a counter of steps.

    An optimiser makes its moments where the parameters lie, and its counters anywhere:
    `on_mesh(mesh, train.init(jax.device_put(params, layout)))` is a state to start from.
    `functional_nn.fit` does so itself.
    """
    whole = NamedSharding(mesh, PartitionSpec())

    def put(array: Any) -> Any:
        sharding = getattr(array, "sharding", None)
        there = isinstance(sharding, NamedSharding) and sharding.mesh == mesh
        return array if there else jax.device_put(array, whole)

    return jax.tree.map(put, tree)


def shard_batch(mesh: Mesh, batch: Any) -> Any:
    """Puts a batch on the devices of a mesh, its rows split over the axis `"data"`.

    Args:
      mesh: From `functional_nn.mesh`.
      batch: A tree of NumPy arrays. With several processes each gives the rows of its own devices,
        and the result is the whole batch. They are copied: to change them later is safe.

    Raises:
      ValueError: The mesh does not divide the number of rows.

    Example:
      >>> x, y = shard_batch(mesh(data=1), (np.zeros((4, 3)), np.zeros(4)))
      >>> x.shape, x.sharding.spec == PartitionSpec("data")
      ((4, 3), True)
    """
    sharding = NamedSharding(mesh, PartitionSpec(DATA))
    local = mesh.local_mesh.shape[DATA] if jax.process_count() > 1 else mesh.shape[DATA]
    whose = "this process's part of the" if jax.process_count() > 1 else "the"

    def put(rows: Any) -> jax.Array:
        divides(np.shape(rows), local, whose)
        return jax.make_array_from_process_local_data(sharding, np.array(rows))

    return jax.tree.map(put, batch)


def own_rows(mesh: Mesh, rows: int) -> np.ndarray:
    """Gives the numbers of the rows of a batch that lie on this process's devices."""
    parts = mesh.shape[DATA]
    divides((rows,), parts, "the")
    grid = np.moveaxis(mesh.devices, mesh.axis_names.index(DATA), 0).reshape(parts, -1)
    own = [any(d.process_index == jax.process_index() for d in devices) for devices in grid]
    return np.arange(rows).reshape(parts, -1)[own].reshape(-1)


def divides(shape: tuple[int, ...], parts: int, whose: str) -> None:
    """Refuses a batch that the mesh does not divide."""
    if not shape or shape[0] % parts:
        raise ValueError(
            f"The rows of {whose} batch must be a multiple of the {parts} parts of the mesh's axis "
            f"'data'. Got shape {shape}. Take a batch size that is, or a mesh of fewer devices."
        )
