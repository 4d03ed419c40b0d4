"""Checkpoints that survive: written by orbax, sealed by a digest of every array.

Orbax writes a checkpoint to a temporary folder and renames it, so a killed process leaves a whole
one or none. It does not notice bits that change afterwards: so beside the arrays lies a sealed
list of their sha256, and nothing is restored that does not match it.
"""

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax

from functional_nn import checks
from functional_nn.flat import Damaged, digest, flatten_params, typed, unflatten_params

FORMAT = 1


class Restored(NamedTuple):
    """A checkpoint that was read and verified.

    Attributes:
      step: Its number.
      state: The pytree.
      position: What was saved beside it: where the data stood, and whatever else is plain JSON.
      damaged: Why each newer checkpoint, by number, was left out and removed.
    """

    step: int
    state: Any
    position: dict[str, Any]
    damaged: dict[int, str]


class Checkpoints:
    """A folder of checkpoints: the last few and the best, each verified when it is restored.

    Use it in a `with` statement: leaving it waits for the last save.

    Args:
      folder: Where they lie; it is made if it is missing.
      keep: How many of the newest are kept. The best one, that of the smallest `loss`, is kept
        besides.

    Raises:
      ImportError: orbax is not installed.
      OSError: The folder cannot be made or written to.
      ValueError: `keep` is not a positive whole number.

    Example:
      >>> import jax.numpy as jnp
      >>> state = {"w": jnp.ones((2, 3)), "key": jax.random.key(0)}
      >>> with tempfile.TemporaryDirectory() as folder, Checkpoints(folder) as checkpoints:
      ...     checkpoints.save(1, state, position={"epoch": 1})
      ...     restored = checkpoints.restore(state)
      >>> restored.step, restored.position
      (1, {'epoch': 1})
    """

    def __init__(self, folder: str | Path, *, keep: int = 3):
        checks.count("keep", keep)
        self.folder, self.keep = Path(folder).absolute(), keep
        _writable(self.folder)
        self._orbax = _orbax()
        self._manager = self._orbax.CheckpointManager(
            self.folder, options=self._orbax.CheckpointManagerOptions(create=False)
        )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Waits for the last save, and ends."""
        try:
            self.wait()
        finally:
            self._manager.close()

    def save(
        self,
        step: int,
        state: Any,
        *,
        position: dict[str, Any] | None = None,
        loss: float | None = None,
    ) -> None:
        """Starts to save a pytree; its arrays are copied before this returns.

        Checkpoints that are no longer among the last `keep` nor the best are removed, once the
        save before is complete.

        Args:
          step: The number of the checkpoint, larger than those that are there.
          state: A pytree of arrays; random keys may be among them.
          position: What else is needed to go on, plain JSON.
          loss: What the best one is the smallest of.

        Raises:
          ValueError: `step` is not larger than the newest.
          OSError: The save before this one failed.
        """
        self.wait()
        newest = max(self.steps(), default=-1)
        if step <= newest:
            raise ValueError(
                f"A checkpoint's number must be larger than those in {self.folder}. "
                f"Got {step} after {newest}. Restore the newest and go on, or use another folder."
            )
        self._remove_old()
        arrays = _stored(state)
        seal = sealed(
            {
                "format": FORMAT,
                "step": step,
                "loss": loss,
                "position": position or {},
                "arrays": {name: [typed(a), digest(a)] for name, a in arrays.items()},
            }
        )
        args = self._orbax.args
        with _as_os_error(self.folder):
            self._manager.save(
                step,
                args=args.Composite(state=args.StandardSave(arrays), seal=args.JsonSave(seal)),
            )

    def wait(self) -> None:
        """Waits until the last save is complete; raises `OSError` if it failed."""
        with _as_os_error(self.folder):
            self._manager.wait_until_finished()

    def steps(self) -> list[int]:
        """Gives the numbers of the checkpoints that are there, verified or not."""
        return sorted(self._manager.all_steps())

    def restore(self, like: Any) -> Restored | None:
        """Gives the newest checkpoint that is whole, and removes the damaged ones after it.

        Args:
          like: A pytree of arrays, or of `jax.ShapeDtypeStruct` with shardings, as the result has
            to have them.

        Returns:
          The checkpoint, or `None` if the folder holds none. Each damaged one is named in a
          warning.

        Raises:
          ValueError: The newest whole checkpoint has other arrays than `like`.
          Damaged: There are checkpoints, and none of them is whole; they are left where they are.
        """
        self.wait()
        damaged: dict[int, str] = {}
        for step in reversed(self.steps()):
            try:
                state, seal = self._read(step, like)
            except Damaged as error:
                damaged[step] = str(error)
                continue
            self._clear(damaged)
            return Restored(step, state, seal["position"], damaged)
        if damaged:
            raise Damaged(
                f"A checkpoint must be as it was saved. Got in {self.folder}: "
                f"{'; '.join(f'{step}: {why}' for step, why in damaged.items())}. "
                "Bring one back from a copy, or name another folder to start anew."
            )
        self._clear({})
        return None

    def _clear(self, damaged: dict[int, str]) -> None:
        for step, why in damaged.items():
            warnings.warn(f"checkpoint {self.folder / str(step)} removed: {why}", stacklevel=3)
            shutil.rmtree(self.folder / str(step))
        for path in self.folder.glob("*.orbax-checkpoint-tmp*"):
            shutil.rmtree(path, ignore_errors=True)
        self._manager.reload()

    def _read(self, step: int, like: Any) -> tuple[Any, dict[str, Any]]:
        """Reads and verifies one checkpoint."""
        seal = self._seal(step)
        wanted = _stored(like)
        # The seal is whole here: other arrays than these belong to another network.
        self._same_arrays(step, seal, wanted)
        args = self._orbax.args
        shapes = {name: _shape(array) for name, array in wanted.items()}
        try:
            restored = self._manager.restore(
                step, args=args.Composite(state=args.StandardRestore(shapes))
            )
        except Exception as error:  # whatever orbax and tensorstore raise for what is damaged
            raise Damaged(f"its arrays cannot be read ({type(error).__name__})") from error
        arrays = restored["state"]
        for name, (_, expected) in seal["arrays"].items():
            if digest(arrays[name]) != expected:
                raise Damaged(f"the array {name} is not what was saved")
        return _revived(arrays, like), seal

    def _seal(self, step: int) -> dict[str, Any]:
        args = self._orbax.args
        try:
            seal = self._manager.restore(step, args=args.Composite(seal=args.JsonRestore()))["seal"]
        except Exception as error:  # as above
            raise Damaged(f"its seal cannot be read ({type(error).__name__})") from error
        return opened(seal, step)

    def _same_arrays(self, step: int, seal: dict[str, Any], wanted: dict[str, Any]) -> None:
        here = {name: typed(array) for name, array in wanted.items()}
        there = {name: type_ for name, (type_, _) in seal["arrays"].items()}
        wrong = [
            f"{name} is {there.get(name, 'missing')} (expected {here.get(name, 'none')})"
            for name in sorted(here.keys() | there.keys())
            if here.get(name) != there.get(name)
        ]
        if wrong:
            raise ValueError(
                f"Checkpoint {self.folder / str(step)} must hold the arrays of this training. "
                f"Got: {'; '.join(wrong)}. "
                "Build the network and the optimiser that it comes from, or name another folder."
            )

    def _remove_old(self) -> None:
        steps = self.steps()
        if len(steps) <= self.keep:
            return
        losses: dict[int, float] = {}
        for step in steps:
            try:
                loss = self._seal(step)["loss"]
            except Damaged:
                continue
            if loss is not None:
                losses[step] = loss
        best = {min(losses, key=lambda step: losses[step])} if losses else set()
        for step in steps[: -self.keep]:
            if step not in best:
                self._manager.delete(step)


def _orbax() -> Any:
    """Imports orbax, only here, so that importing the package stays quick."""
    try:
        import orbax.checkpoint
    except ImportError as error:
        raise ImportError(
            "Checkpoints are written by orbax. It is not installed: "
            "pip install 'functional-nn[checkpoints]'."
        ) from error
    return orbax.checkpoint


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            error.errno,
            f"A checkpoint folder must be one that can be written to ({error.strerror}). "
            "Name another",
            str(folder),
        ) from error


@contextmanager
def _as_os_error(folder: Path) -> Iterator[None]:
    """Turns what orbax and tensorstore raise for a failed write into an `OSError`."""
    try:
        yield
    except Exception as error:
        raise OSError(
            f"A checkpoint must be written whole. The save to {folder} failed: {error}. "
            "The ones before it are kept; make room, or name another folder."
        ) from error


def _stored(tree: Any) -> dict[str, Any]:
    """Gives the arrays to store: keys as their data, and none without an entry."""
    arrays = {name: _data(leaf) for name, leaf in flatten_params(tree).items()}
    return {name: array for name, array in arrays.items() if array.size}


def _is_key(leaf: Any) -> bool:
    return jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _data(leaf: Any) -> Any:
    if not hasattr(leaf, "dtype"):
        return jax.numpy.asarray(leaf)
    if not _is_key(leaf):
        return leaf
    return jax.random.key_data(leaf)


def _shape(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=getattr(array, "sharding", None))


def _revived(arrays: dict[str, Any], like: Any) -> Any:
    """Puts arrays into the structure, keys made of their data."""
    flat = {}
    for name, leaf in flatten_params(like).items():
        array = arrays.get(name, leaf)
        if name in arrays and hasattr(leaf, "dtype") and _is_key(leaf):
            array = jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf))
        flat[name] = array
    return unflatten_params(flat, like)


def sealed(document: dict[str, Any]) -> dict[str, str]:
    """Gives a document as text, with the text's sha256.

    Orbax writes later, in a thread: a text, unlike a list, does not change until then.
    """
    text = json.dumps(document)
    return {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def opened(seal: Any, step: int) -> dict[str, Any]:
    """Gives the document that was sealed with a checkpoint.

    Raises:
      Damaged: The seal is broken, of another checkpoint, or holds what no checkpoint has there.
    """
    text = seal.get("text") if isinstance(seal, dict) else None
    if not isinstance(text, str) or seal != {
        "text": text,
        "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
    }:
        raise Damaged("its seal is broken")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged("its seal is no JSON") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Damaged(f"its seal is not of format {FORMAT}")
    if document.get("step") != step:
        raise Damaged(f"it is sealed as number {document.get('step')}")
    arrays, loss = document.get("arrays"), document.get("loss")
    sound = (
        isinstance(document.get("position"), dict)
        and (loss is None or isinstance(loss, (int, float)))
        and isinstance(arrays, dict)
        and all(
            isinstance(entry, list) and len(entry) == 2 and all(isinstance(s, str) for s in entry)
            for entry in arrays.values()
        )
    )
    if not sound:
        raise Damaged("its seal holds what no checkpoint has there")
    return document
