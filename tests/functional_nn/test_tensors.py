"""Parameters by name, and as safetensors files."""

import contextlib
import json
import random
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functional_nn as fnn


def params():
    normal = np.random.default_rng(0).standard_normal
    return {
        "a": jnp.asarray(normal((5, 3)), jnp.float32),
        "b": [jnp.asarray(normal(4), jnp.bfloat16), jnp.float16(2)],
        "none": jnp.zeros((0, 2), jnp.float32),
    }


def same(a, b):
    return all(np.array_equal(u, v) for u, v in zip(*map(jax.tree.leaves, (a, b)), strict=True))


def test_names_go_there_and_back():
    flat = fnn.flatten_params(params())
    assert list(flat) == ["a", "b.0", "b.1", "none"]
    back = fnn.unflatten_params(dict(reversed(flat.items())), params())
    assert jax.tree.structure(back) == jax.tree.structure(params())
    assert same(back, params())


def test_all_that_is_wrong_is_named():
    flat = fnn.flatten_params(params())
    wrong = {"a": flat["a"].T, "b.0": flat["b.0"].astype(jnp.float32), "none": flat["none"]}
    with pytest.raises(ValueError, match="a is float32.3,5.*b.0 is float32.*b.1 is missing.*more"):
        fnn.unflatten_params(wrong | {"more": flat["a"]}, params())
    with pytest.raises(ValueError, match="'a.b' twice"):
        fnn.flatten_params({"a": {"b": 1}, "a.b": 2})


VIEWS = {
    "transposed": lambda a: a.T,
    "sliced": lambda a: a[:, ::2],
    "reversed": lambda a: a[::-1],
    "Fortran": np.asfortranarray,
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "scalar": lambda a: a[0, 0],
}


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_not_contiguous_is_written_right(tmp_path, view):
    array = VIEWS[view](np.random.default_rng(0).random((6, 5), np.float32))
    fnn.save_safetensors(tmp_path / "net", {"a": array})
    assert np.array_equal(fnn.load_safetensors(tmp_path / "net", {"a": array})["a"], array)


def test_a_file_comes_back_and_replaces_another(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_text("another")
    fnn.save_safetensors(path, params())
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert same(fnn.load_safetensors(path, params()), params())
    with pytest.raises(ValueError, match="none is not expected"):
        fnn.load_safetensors(path, {k: v for k, v in params().items() if k != "none"})
    with pytest.raises(FileNotFoundError):
        fnn.load_safetensors(tmp_path / "absent", params())


def test_a_file_from_elsewhere_is_read_when_asked(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.ones(3, np.float32)}, tmp_path / "net")
    like = {"a": jnp.ones(3, jnp.float32)}
    with pytest.raises(fnn.Damaged, match="verify=False"):
        fnn.load_safetensors(tmp_path / "net", like)
    assert same(fnn.load_safetensors(tmp_path / "net", like, verify=False), like)


def check_flips(folder: Path, cases: int) -> None:
    path = folder / "net"
    fnn.save_safetensors(path, params())
    whole = path.read_bytes()
    noticed = 0
    for case in range(cases):
        choose, data = random.Random(case), bytearray(whole)
        if case % 4:
            data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
        else:
            data = data[: choose.randrange(len(data))]
        path.write_bytes(data)
        try:
            found = fnn.load_safetensors(path, params())
        except fnn.Damaged:
            noticed += 1
        else:  # the padding of the header may change
            assert same(found, params()), f"case {case}"
    assert noticed >= 0.9 * cases


def test_flipped_bits_are_noticed(tmp_path):
    check_flips(tmp_path, 100)


@pytest.mark.nightly
def test_more_flipped_bits_are_noticed(tmp_path):
    check_flips(tmp_path, 5000)


def header(text: str, body: bytes) -> bytes:
    return len(text.encode()).to_bytes(8, "little") + text.encode() + body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "dtype", "shape", "data_offsets", "__metadata__", "sha256"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F64", "BF16", "F8_E4M3", "I64", "BOOL", "C64", "X"]),
        "shape": st.lists(st.integers(-1, 2**64), max_size=3),
        "data_offsets": st.lists(st.integers(0, 2**64), max_size=3),
    }
)
HOSTILE = st.binary(max_size=200) | st.builds(
    lambda document, body: header(json.dumps(document), body),
    JSON | st.fixed_dictionaries({"a": ENTRY}),
    st.binary(max_size=40),
)


LIKE = {"a": np.ones(2, np.float32)}


def check_hostile(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net"
        path.write_bytes(data)
        for verify in (True, False):
            with contextlib.suppress(fnn.Damaged, ValueError):
                fnn.load_safetensors(path, LIKE, verify=verify)


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_hostile_files_are_refused_cleanly(data):
    check_hostile(data)


@pytest.mark.nightly
@settings(max_examples=10_000, deadline=None)
@given(HOSTILE)
def test_more_hostile_files_are_refused_cleanly(data):
    check_hostile(data)


def test_without_safetensors_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"functional-nn\[checkpoints\]"):
        fnn.save_safetensors(tmp_path / "net", params())
