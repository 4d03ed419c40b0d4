"""Checkpoints that survive: written by orbax, sealed by a digest of every array.

Orbax writes a checkpoint to a temporary folder and renames it, so a killed process leaves a whole
one or none. It does not notice bits that change afterwards: so beside the arrays lies a sealed
list of their sha256, and nothing is restored that does not match it.

Several processes save together, each its own parts. Each reads by itself, for a damaged part may
be one that only it needs; then they agree on what was whole.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax

from functional_nn import checks
from functional_nn.distributed import everyone
from functional_nn.flat import Damaged, digest, typed
from functional_nn.seals import FORMAT, opened, sealed
from functional_nn.stored import placed, reading, revived, same_arrays, spread, stored


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

    Use it in a `with` statement: leaving it waits for the last save. With several processes all
    make one, and call the same methods in the same order.

    Args:
      folder: Where they lie; it is made if it is missing. All processes must share it.
      keep: How many of the newest are kept. The best one, that of the smallest `loss`, is kept
        besides.

    Raises:
      ImportError: orbax is not installed.
      OSError: The folder cannot be made or written to, or the processes do not share it.
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
        _shared(self.folder)
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
        save before is complete. For the digests each process copies one array after the other to
        its host, whole.

        Args:
          step: The number of the checkpoint, larger than those that are there.
          state: A pytree of arrays; random keys may be among them.
          position: What else is needed to go on, plain JSON.
          loss: What the best one is the smallest of.

        Raises:
          ValueError: `step` is not larger than the newest, or, of several processes, an array lies
            on the devices of this one alone.
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
        arrays = stored(state)
        spread(arrays)
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
          ValueError: The newest whole checkpoint has other arrays than `like`; or, of several
            processes, one of these lies on the devices of this one alone.
          Damaged: There are checkpoints, and none of them is whole; they are left where they are.
          OSError: The processes see different ones.
        """
        self.wait()
        spread(stored(like))
        damaged: dict[int, str] = {}
        steps = self.steps()
        if len(set(seen := everyone(str(steps)))) > 1:
            raise OSError(
                f"All processes must see the same checkpoints. Got in {self.folder}: "
                f"{'; '.join(seen)}. Start all of them again once the disk has caught up."
            )
        for step in reversed(steps):
            state, position, why = None, {}, ""
            try:
                state, position = self._read(step, like)
            except Damaged as error:
                why = str(error)
            # What one process cannot read no other may go on from.
            why = next(filter(None, everyone(why)), "")
            if not why:
                self._clear(damaged)
                return Restored(step, state, position, damaged)
            damaged[step] = why
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
        if jax.process_index() == 0:
            for step in damaged:
                shutil.rmtree(self.folder / str(step))
            for path in self.folder.glob("*.orbax-checkpoint-tmp*"):
                shutil.rmtree(path, ignore_errors=True)
        everyone("it is done")
        self._manager.reload()

    def _read(self, step: int, like: Any) -> tuple[Any, dict[str, Any]]:
        """Reads and verifies one checkpoint: the state, and the position."""
        seal = self._seal(step)
        wanted = stored(like)
        # The seal is whole here: other arrays than these belong to another network.
        types = {name: type_ for name, (type_, _) in seal["arrays"].items()}
        same_arrays(types, wanted, self.folder / str(step))
        read = reading(self._orbax, self.folder / str(step) / "state")
        arrays = {}
        for name, array in wanted.items():
            try:
                host = read(name)
            except Exception as error:  # whatever orbax and tensorstore raise for what is damaged
                raise Damaged(f"its arrays cannot be read ({type(error).__name__})") from error
            if digest(host) != seal["arrays"][name][1]:
                raise Damaged(f"the array {name} is not what was saved")
            arrays[name] = placed(host, array)
        return revived(arrays, like), seal["position"]

    def _seal(self, step: int) -> dict[str, Any]:
        try:
            seal = self._orbax.JsonCheckpointHandler().restore(self.folder / str(step) / "seal")
        except Exception as error:  # as above
            raise Damaged(f"its seal cannot be read ({type(error).__name__})") from error
        return opened(seal, step)

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


def _shared(folder: Path) -> None:
    """Refuses a folder that is another one for another process, as on disks of their own."""
    if jax.process_count() == 1:
        return
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".shared.") as file:
        first, *_ = everyone(Path(file.name).name)
        seen = everyone(str((folder / first).exists()))
    if "False" in seen:
        raise OSError(
            "A checkpoint folder must be one that all processes share. "
            f"Got {folder}, which process {seen.index('False')} does not share with process 0. "
            "Name one on a disk that all of them see."
        )


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
