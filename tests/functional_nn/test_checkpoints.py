"""Checkpoints: what was saved comes back, or is named."""

import gc
import os
import random
import resource
import shutil
import sys
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn

# Orbax leaves coroutines unfinished when it cannot read a file; Python says so when it frees them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _freed():
    """Arrays of a file, and open files, go with the test: the rest need not be looked through."""
    gc.freeze()
    yield
    gc.collect()


def tree(seed=0):
    """Gives a state with incompressible arrays, a bfloat16 one, a key and an empty one."""
    normal = np.random.default_rng(seed).standard_normal
    return {
        "w": jnp.asarray(normal((24, 16)), jnp.float32),
        "layers": (jnp.asarray(normal(9), jnp.bfloat16), jnp.zeros((0, 3), jnp.float32)),
        "key": jax.random.key(seed),
        "step": jnp.int32(seed),
    }


def same(a, b):
    left, right = (jax.tree.leaves(t | {"key": jax.random.key_data(t["key"])}) for t in (a, b))
    return all(
        np.array_equal(np.asarray(u).view(np.uint8), np.asarray(v).view(np.uint8))
        for u, v in zip(left, right, strict=True)
        if u.ndim and u.size
    ) and int(a["step"]) == int(b["step"])


def saved(folder, steps=(1, 2)):
    with fnn.Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(step, tree(step), position={"epoch": step})


def restored(folder, like=None):
    with fnn.Checkpoints(folder) as checkpoints:
        return checkpoints.restore(tree() if like is None else like)


def test_what_was_saved_comes_back(tmp_path):
    assert restored(tmp_path) is None
    saved(tmp_path)
    found = restored(tmp_path)
    assert found is not None
    assert (found.step, found.position, found.damaged) == (2, {"epoch": 2}, {})
    assert same(found.state, tree(2))
    assert not same(found.state, tree(1))


def test_the_arrays_are_copied_before_save_returns(tmp_path):
    array = np.zeros(1000, np.float32)
    with fnn.Checkpoints(tmp_path) as checkpoints:
        history = [1]
        checkpoints.save(1, {"a": array}, position={"history": history})
        array += 1
        history.append(2)
        found = checkpoints.restore({"a": array})
    assert found is not None
    assert found.position == {"history": [1]}
    assert not found.state["a"].any()


@pytest.mark.nightly
def test_the_last_and_the_best_are_kept(tmp_path):
    with fnn.Checkpoints(tmp_path, keep=2) as checkpoints:
        for step, loss in enumerate([3.0, 1.0, 2.0, 4.0, 5.0, 6.0], 1):
            checkpoints.save(step, tree(step), loss=loss)
        checkpoints.wait()
        assert checkpoints.steps() == [2, 4, 5, 6]
        with pytest.raises(ValueError, match="larger than .* Got 6 after 6"):
            checkpoints.save(6, tree())


def test_another_network_is_refused_by_name(tmp_path):
    saved(tmp_path)
    with pytest.raises(ValueError, match=r"Got: w is float32\[24,16\] \(expected float32\[3,4\]\)"):
        restored(tmp_path, tree() | {"w": jnp.ones((3, 4), jnp.float32)})
    with pytest.raises(ValueError, match="expected bfloat16"):
        restored(tmp_path, tree() | {"w": jnp.ones((24, 16), jnp.bfloat16)})
    with pytest.raises(
        ValueError, match=r"more is missing .*; w is float32\[24,16\] \(expected none"
    ):
        restored(tmp_path, {k: v for k, v in tree().items() if k != "w"} | {"more": jnp.ones(2)})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2"], "nothing of it is removed"


def damage(folder: Path, choose: random.Random, kind: str) -> None:
    """Damages one file of a checkpoint, each as likely as it is large."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size]
    path = choose.choices(files, [p.stat().st_size for p in files])[0]
    data = bytearray(path.read_bytes())
    if kind == "missing":
        path.unlink()
        return
    if kind == "truncated":
        data = data[: choose.randrange(len(data))]
    else:
        data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
    path.write_bytes(data)


def check_damage(folder: Path, cases: int) -> None:
    saved(folder / "whole")
    noticed = 0
    for case in range(cases):
        choose = random.Random(case)
        copy = folder / "copy"
        shutil.copytree(folder / "whole", copy)
        damage(copy / "2", choose, ["flipped", "truncated", "missing"][case % 3])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = restored(copy)
        assert found is not None
        # Harmless damage may load; what loads is what was saved.
        assert same(found.state, tree(found.step)), f"case {case}"
        assert found.position == {"epoch": found.step}
        if found.step == 1:
            noticed += 1
            assert list(found.damaged) == [2]
            assert any("2 removed: " in str(w.message) for w in said)
            assert not (copy / "2").exists()
        shutil.rmtree(copy)
    assert noticed >= cases / 4, "the others were in files that nothing is read from"


def test_damage_is_named_and_the_one_before_is_used(tmp_path):
    check_damage(tmp_path, 18)


@pytest.mark.nightly
def test_more_damage_is_named(tmp_path):
    check_damage(tmp_path, 200)


def test_without_the_seal_damage_is_silent(tmp_path, monkeypatch):
    """The control: orbax by itself loads flipped bits."""
    monkeypatch.setattr("functional_nn.checkpoints.digest", lambda array: "")
    saved(tmp_path)
    for data in (tmp_path / "2").rglob("d/*"):
        if data.stat().st_size > 1000:
            changed = bytearray(data.read_bytes())
            changed[len(changed) // 2] ^= 1
            data.write_bytes(changed)
    found = restored(tmp_path)
    assert found is not None
    silent = found.step == 2 and not same(found.state, tree(2))
    assert silent


@pytest.mark.nightly
def test_when_none_is_whole_nothing_is_removed(tmp_path):
    saved(tmp_path)
    for step in (1, 2):
        shutil.rmtree(tmp_path / str(step) / "state")
    with pytest.raises(ValueError, match=r"1: .*Bring one back"):
        restored(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2"]


@pytest.mark.nightly
def test_a_half_written_and_a_stray_folder_are_cleared(tmp_path):
    saved(tmp_path)
    (tmp_path / "3.orbax-checkpoint-tmp-7").mkdir()
    (tmp_path / "99").mkdir()
    with pytest.warns(UserWarning, match="99 removed"):
        found = restored(tmp_path)
    assert found is not None
    assert found.step == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2"]


@pytest.mark.nightly
def test_full_disk_is_named_and_the_one_before_is_kept(tmp_path):
    saved(tmp_path, (1,))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = tree(2) | {"w": jnp.asarray(np.random.default_rng(0).random((512, 512)), jnp.float32)}
    checkpoints = fnn.Checkpoints(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="must be written whole"):  # noqa: PT012, now or later
            checkpoints.save(2, large)
            checkpoints.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    checkpoints.close()
    found = restored(tmp_path)
    assert found is not None
    assert found.step == 1
    assert [p.name for p in tmp_path.iterdir()] == ["1"]


@pytest.mark.nightly
def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="must be one that can be written to"):
        fnn.Checkpoints(tmp_path / "file" / "below")
    if os.geteuid():  # root may write everywhere
        tmp_path.chmod(0o500)
        with pytest.raises(OSError, match="must be one that can be written to"):
            fnn.Checkpoints(tmp_path)


@pytest.mark.nightly
def test_without_orbax_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r"functional-nn\[checkpoints\]"):
        fnn.Checkpoints(tmp_path)
