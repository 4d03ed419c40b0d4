"""The arrays of a pytree as a checkpoint holds them: named, typed, read one by one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from functional_nn.flat import flatten_params, typed, unflatten_params


def stored(tree: Any) -> dict[str, Any]:
    """Gives the arrays to store: keys as their data, and none without an entry."""
    arrays = {name: _data(leaf) for name, leaf in flatten_params(tree).items()}
    return {name: array for name, array in arrays.items() if array.size}


def spread(arrays: dict[str, Any]) -> None:
    """Refuses, of several processes, arrays that are not one for all of them."""
    lies = {name: getattr(array, "sharding", None) for name, array in arrays.items()}
    own = [name for name, at in lies.items() if getattr(at, "is_fully_addressable", True)]
    if own and jax.process_count() > 1:
        raise ValueError(
            "With several processes every array must lie on a mesh of all their devices. "
            f"Got {own[0]} on this one's alone. Place the parameters by a layout, such as "
            "functional_nn.replicated, and the state by functional_nn.on_mesh."
        )


def same_arrays(there: dict[str, str], wanted: dict[str, Any], folder: Path) -> None:
    """Refuses a checkpoint that holds other arrays than are wanted."""
    here = {name: typed(array) for name, array in wanted.items()}
    wrong = [
        f"{name} is {there.get(name, 'missing')} (expected {here.get(name, 'none')})"
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name)
    ]
    if wrong:
        raise ValueError(
            f"Checkpoint {folder} must hold the arrays of this training. "
            f"Got: {'; '.join(wrong)}. "
            "Build the network and the optimiser that it comes from, or name another folder."
        )


def reading(orbax: Any, folder: Path) -> Callable[[str], np.ndarray]:
    """Gives a function that reads an array by its name, whole, and waits for no other process."""
    me = jax.process_index()
    alone = orbax.options.MultiprocessingOptions(
        primary_host=me, active_processes={me}, barrier_sync_key_prefix=f"process {me}"
    )
    handler = orbax.PyTreeCheckpointHandler(multiprocessing_options=alone)

    def read(name: str) -> np.ndarray:
        args = orbax.args.PyTreeRestore(
            item={name: 0},
            restore_args={name: orbax.RestoreArgs(restore_type=np.ndarray)},
            partial_restore=True,
        )
        return handler.restore(folder, args=args)[name]

    return read


def placed(host: np.ndarray, like: Any) -> Any:
    """Puts an array where another one lies: each process its own parts of it."""
    sharding = getattr(like, "sharding", None)
    if sharding is None:
        return host
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def revived(arrays: dict[str, Any], like: Any) -> Any:
    """Puts arrays into the structure, keys made of their data."""
    flat = {}
    for name, leaf in flatten_params(like).items():
        array = arrays.get(name, leaf)
        if name in arrays and hasattr(leaf, "dtype") and _is_key(leaf):
            array = jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf))
        flat[name] = array
    return unflatten_params(flat, like)


def _data(leaf: Any) -> Any:
    if not hasattr(leaf, "dtype"):
        return jax.numpy.asarray(leaf)
    if not _is_key(leaf):
        return leaf
    return jax.random.key_data(leaf)


def _is_key(leaf: Any) -> bool:
    return jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
