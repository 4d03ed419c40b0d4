"""Parameters to and from the safetensors format, with a digest, for other programs to read."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn.flat import Damaged, digest, flatten_params, on_host, unflatten_params

DIGEST = "sha256"


def save_safetensors(path: str | Path, params: Any) -> None:
    """Writes parameters as a safetensors file, whole or not at all.

    The format has no checksum of its own: a digest of all names, shapes, dtypes and bytes goes into
    the file's metadata.

    Args:
      path: The file; one that is there is replaced.
      params: A pytree of arrays, named as `functional_nn.flatten_params` names them.

    Raises:
      ImportError: safetensors is not installed.
      OSError: The file cannot be written.
      ValueError: A name is not unique, or safetensors has no such dtype.

    Example:
      >>> params = {"w": jnp.ones((2, 3), jnp.bfloat16).T}
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     save_safetensors(f"{folder}/net.safetensors", params)
      ...     load_safetensors(f"{folder}/net.safetensors", params)["w"].shape
      (3, 2)
    """
    numpy = _safetensors().numpy
    path = Path(path)
    # Safetensors writes a buffer as it lies, whatever its strides: only contiguous ones are right.
    arrays = {name: _contiguous(array) for name, array in flatten_params(params).items()}
    try:
        data = numpy.save(arrays, metadata={DIGEST: _digest(arrays)})
    except (KeyError, TypeError, ValueError) as error:
        dtypes = sorted({str(array.dtype) for array in arrays.values()})
        raise ValueError(
            f"Arrays must have a dtype that safetensors knows. Got {', '.join(dtypes)}. "
            "Convert them with .astype."
        ) from error
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load_safetensors(path: str | Path, like: Any, *, verify: bool = True) -> Any:
    """Reads parameters from a safetensors file.

    Args:
      path: The file.
      like: Parameters, or their `jax.eval_shape`, of the structure, shapes and dtypes to expect.
      verify: Whether the file must carry the digest that `save_safetensors` puts into it. Without
        it, a file that another program wrote is read too, and a flipped bit is not noticed.

    Raises:
      Damaged: The file is not safetensors, or not what its digest says.
      ImportError: safetensors is not installed.
      OSError: The file cannot be read.
      ValueError: Arrays are missing, extra or of another shape or dtype; all of them are named.
    """
    arrays, metadata = read_safetensors(path)
    if verify and DIGEST not in metadata:
        raise Damaged(
            f"{path} must carry a digest. Got none. If it comes from another program, "
            "pass verify=False."
        )
    if verify and metadata[DIGEST] != _digest(arrays):
        raise Damaged(f"{path} must be what its digest says. It was changed; use a copy.")
    return jax.tree.map(jnp.asarray, unflatten_params(arrays, like))


def read_safetensors(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Gives the arrays of a safetensors file by name, and its metadata, as they are."""
    open_file = _safetensors().safe_open
    with Path(path).open("rb"):  # a file that is not there is an OSError of Python's own
        pass
    try:
        with open_file(str(path), framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return arrays, file.metadata() or {}
    except Exception as error:  # whatever safetensors and NumPy raise for what is damaged
        raise Damaged(f"{path} must be a safetensors file. Got: {error}.") from error


def _contiguous(array: Any) -> np.ndarray:
    return np.ascontiguousarray(on_host(array)).reshape(np.shape(array))


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    sha = hashlib.sha256()
    for name in sorted(arrays):
        sha.update(f"{name!r} {digest(arrays[name])}\n".encode())
    return sha.hexdigest()


def _safetensors() -> Any:
    """Imports safetensors, only here, so that importing the package stays quick."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "These files are written by safetensors. It is not installed: "
            "pip install 'functional-nn[checkpoints]'."
        ) from error
    return safetensors
