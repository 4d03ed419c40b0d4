"""A training tells what it does: as JSON lines, to TensorBoard and to JAX's profiler."""

import importlib
import json
import struct
import sys
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn

N, SIZE = 24, 4
X = np.random.default_rng(0).standard_normal((N, 3)).astype(np.float32)
Y = (np.arange(N) % 3).astype(np.int32)
NET = fnn.mlp([3, 8, 3], activation=fnn.tanh)
PARAMS = NET.init(jax.random.key(0), jnp.asarray(X))


def accuracy(outputs, y):
    return {"accuracy": jnp.mean(outputs.argmax(axis=-1).astype(y.dtype) == y)}


def training(**options):
    objective = fnn.objective(NET, fnn.softmax_cross_entropy)
    return fnn.training(objective, optax.adam(0.05), metrics=accuracy, **options)


TRAIN = training()


def fit(train=TRAIN, **options):
    return fnn.fit(train, PARAMS, X, Y, batch_size=SIZE, progress=False, **options)


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_record_is_a_line_and_appended(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    first, second = fnn.json_lines(path), fnn.json_lines(path)
    first({"loss": 1.5, "metrics": {"a": float("inf"), "b": None}, "name": "x\ny"})
    second({"loss": float("nan")})
    assert read(path) == [
        {"loss": 1.5, "metrics": {"a": None, "b": None}, "name": "x\ny"},
        {"loss": None},
    ]


def test_what_is_left_of_a_torn_line_is_ended(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"loss": 1}\n{"lo')
    fnn.json_lines(path)({"loss": 2})
    assert path.read_text().splitlines() == ['{"loss": 1}', '{"lo', '{"loss": 2}']


def test_lines_of_several_writers_do_not_mix(tmp_path):
    path = tmp_path / "log.jsonl"

    def write(number):
        log = fnn.json_lines(path)
        for _ in range(200):
            log({"number": number, "text": str(number) * 500})

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = read(path)
    assert len(found) == 800
    assert all(record["text"] == str(record["number"]) * 500 for record in found)


def test_a_record_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        fit(epochs=1, log=tmp_path / "file" / "log.jsonl")


def test_an_epoch_of_arrays_is_a_record_with_compiling_apart(tmp_path):
    path = tmp_path / "log.jsonl"
    fitted = fit(training(), epochs=3, log=path, evaluate=lambda params: {"held out": 0.5})
    records = read(path)
    assert [r["record"] for r in records] == ["epoch"] * 3
    assert [(r["epoch"], r["step"]) for r in records] == [(1, 6), (2, 12), (3, 18)]
    for told, epoch in zip(records, fitted.history, strict=True):
        assert {name: told[name] for name in epoch._asdict()} == epoch._asdict()
        spent = told["compile_seconds"] + 6 * told["step_seconds"]
        assert 0 < spent <= told["seconds"]
        np.testing.assert_allclose(told["examples_per_second"] * told["step_seconds"], SIZE)
    compiling = [r["compile_seconds"] for r in records]
    assert compiling[0] > 0
    assert compiling[1:] == [0, 0]


def test_of_batches_each_is_a_record(tmp_path):
    path = tmp_path / "log.jsonl"
    source = fnn.Batches(X, Y, SIZE)
    fitted = fnn.fit(training(), PARAMS, source, epochs=2, progress=False, log=path)
    records = read(path)
    assert [r["record"] for r in records] == [*["step"] * 6, "epoch"] * 2
    steps = [r for r in records if r["record"] == "step"]
    assert [r["step"] for r in steps] == list(range(1, 13))
    assert sum(r["compile_seconds"] > 0 for r in steps) == 1
    for epoch in (1, 2):
        own = [r for r in steps if r["epoch"] == epoch]
        record = fitted.history[epoch - 1]
        np.testing.assert_allclose(np.mean([r["loss"] for r in own]), record.loss)
        means = np.mean([r["metrics"]["accuracy"] for r in own])
        assert record.metrics
        np.testing.assert_allclose(means, record.metrics["accuracy"])


def test_a_training_that_goes_on_tells_the_steps_from_there_on(tmp_path):
    path = tmp_path / "log.jsonl"
    gone = [False]

    def source(epoch):
        for number, batch in enumerate(fnn.Batches(X, Y, SIZE)(epoch)):
            if epoch == 2 and number == 3 and not gone[0]:
                gone[0] = True
                raise OSError("gone")
            yield batch

    options = {
        "epochs": 2,
        "checkpoint": tmp_path / "run",
        "checkpoint_batches": 1,
        "progress": False,
    }
    with pytest.raises(OSError, match="gone"):
        fnn.fit(TRAIN, PARAMS, source, log=path, **options)
    with pytest.warns(UserWarning, match="1 to 3 of epoch 2"):
        fitted = fnn.fit(TRAIN, PARAMS, source, log=path, **options)
    assert [r["step"] for r in read(path) if r["record"] == "step"] == list(range(1, 13))
    assert read(path)[-1]["loss"] == fitted.history[-1].loss
    assert fitted.history[-1].seconds < 600


def events(folder):
    """The scalars of an event file: each record is a length, its check, the data and its check."""
    proto: Any = importlib.import_module("tensorboardX.proto.event_pb2")
    (path,) = folder.iterdir()
    data, found = path.read_bytes(), {}
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = proto.Event.FromString(data[12 : 12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
        data = data[16 + length :]
    return found


def test_tensorboard_reads_the_same_numbers(tmp_path):
    pytest.importorskip("tensorboardX")
    with fnn.tensorboard(tmp_path / "events") as log:
        fitted = fit(epochs=2, log=log, evaluate=lambda params: 0.25)
    found = events(tmp_path / "events")
    assert [step for step, _ in found["epoch/loss"]] == [6, 12]
    losses = [loss for _, loss in found["epoch/loss"]]
    np.testing.assert_allclose(losses, [r.loss for r in fitted.history], rtol=1e-6)
    assert [value for _, value in found["epoch/evaluation"]] == [0.25, 0.25]
    assert "epoch/metrics/accuracy" in found
    assert "epoch/examples_per_second" in found


def test_without_tensorboardx_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with (
        pytest.raises(ImportError, match=r"functional-nn\[tensorboard\]"),
        fnn.tensorboard(tmp_path),
    ):
        pass


@pytest.mark.parametrize("streamed", [False, True])
def test_a_profile_is_made_of_some(tmp_path, streamed, monkeypatch):
    calls = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: calls.append(folder))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: calls.append("stop"))
    folder = tmp_path / "profile"
    if streamed:
        source = fnn.Batches(X, Y, SIZE)
        fnn.fit(TRAIN, PARAMS, source, epochs=3, progress=False, profile=folder)
    else:
        fit(epochs=3, profile=folder)
    assert calls == [str(folder), "stop"]
    with pytest.raises(FloatingPointError):
        fnn.fit(TRAIN, PARAMS, [(X * np.nan, Y)] * 4, epochs=1, progress=False, profile=folder)
    assert calls == [str(folder), "stop"] * 2, "ended by what ends the training"


@pytest.mark.nightly
def test_a_profile_is_what_jax_writes(tmp_path):
    fit(epochs=2, profile=tmp_path / "profile")
    assert list((tmp_path / "profile").rglob("*.xplane.pb"))
