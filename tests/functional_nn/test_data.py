"""Batches from anywhere train as arrays do, ahead of use, and go on from within an epoch."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn

N, SIZE = 24, 4


def examples():
    random = np.random.default_rng(0)
    x = random.standard_normal((N, 3)).astype(np.float32)
    return x, random.integers(0, 3, N).astype(np.int32)


X, Y = examples()
NET = fnn.mlp([3, 8, 3], activation=fnn.tanh)
PARAMS = NET.init(jax.random.key(0), jnp.asarray(X))
OBJECTIVE = fnn.objective(NET, fnn.softmax_cross_entropy)
# One training for all tests, so that a step is compiled once.
TRAIN = fnn.training(OBJECTIVE, optax.adam(0.05))
AUTODIFF = fnn.training(OBJECTIVE, optax.adam(0.05), gradients="autodiff")


def pairs(epoch):
    """The batches of an epoch as plain tuples."""
    order = np.random.default_rng(epoch).permutation(N).reshape(-1, SIZE)
    return [(X[rows], Y[rows]) for rows in order]


def fit(source, *, epochs=3, train=TRAIN, **options):
    return fnn.fit(train, PARAMS, source, epochs=epochs, progress=False, **options)


def same(a, b):
    leaves = zip(jax.tree.leaves(a.state), jax.tree.leaves(b.state), strict=True)
    return all(np.array_equal(u, v) for u, v in leaves)


def threads():
    return [t for t in threading.enumerate() if t.name == "functional_nn.prefetch"]


def test_an_epoch_has_every_row_once_in_an_order_of_its_own():
    epochs = fnn.Batches(np.arange(N * 1.0)[:, None], np.arange(N), SIZE)
    orders = [np.concatenate([y for _, y in epochs(e)]).tolist() for e in (1, 2, 1)]
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(N))
    other = fnn.Batches(epochs.x, epochs.y, SIZE, seed=1)
    assert np.concatenate([y for _, y in other(1)]).tolist() != orders[0]
    assert len(list(fnn.Batches(X, Y, 7)(1))) == N // 7


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((X, Y[1:], 4), "one row per example"),
        ((X, Y, 25), "between 1 and the number of examples, 24"),
        ((X[:0], Y[:0], 1), "at least one example"),
    ],
)
def test_batches_refuse_what_does_not_fit(given, message):
    with pytest.raises(ValueError, match=message):
        fnn.Batches(*given)
    with pytest.raises(ValueError, match="seed must be a whole number, not negative. Got -1"):
        fnn.Batches(X, Y, 4, seed=-1)


def test_prefetch_looks_ahead_so_far_and_no_further():
    made = []

    def source():
        for i in range(20):
            made.append(i)
            yield np.full(2, i)

    batches = fnn.prefetch(source(), size=2)
    assert not made
    for used in range(5):
        assert next(batches).tolist() == [used, used]
        deadline = time.monotonic() + 10
        while len(made) < used + 5 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.01)
        assert len(made) == used + 5, "two on the device, two waiting"
    batches.close()
    assert not threads()


def test_what_the_producer_raises_reaches_the_consumer_after_its_batches():
    def source():
        yield np.zeros(2)
        yield np.ones(2)
        raise OSError("the disk is gone")

    batches = fnn.prefetch(source(), size=3)
    assert [next(batches).sum().item(), next(batches).sum().item()] == [0, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert not threads()
    assert list(fnn.prefetch([])) == []
    with pytest.raises(ValueError, match="size must be a positive whole number"):
        next(fnn.prefetch([], size=0))


def test_buffers_may_be_used_again():
    def source():
        buffer = np.zeros(4096, np.float32)  # as large and aligned as what JAX would share
        for i in range(8):
            buffer[:] = i
            yield buffer

    assert [float(b.min() + b.max()) for b in fnn.prefetch(source())] == [2.0 * i for i in range(8)]


@pytest.mark.parametrize("train", [TRAIN, AUTODIFF], ids=["backprop", "autodiff"])
def test_batches_train_as_steps_do(train):
    fitted = fit(pairs, epochs=2, train=train)
    state, losses = train.init(PARAMS), []
    for epoch in (1, 2):
        for x, y in pairs(epoch):
            state, loss = train.step(state, x, y)
            losses.append(loss)
    for a, b in zip(jax.tree.leaves(fitted.state), jax.tree.leaves(state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    expected = np.array(losses, np.float64).reshape(2, -1).mean(axis=1)
    np.testing.assert_allclose([r.loss for r in fitted.history], expected, rtol=1e-6)
    assert not threads()


class Tensor:
    """What NumPy can convert, as tensors of other libraries are."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class Loader:
    """Starts anew whenever it is gone through, and gives lists of tensors."""

    def __iter__(self):
        return ([Tensor(x), Tensor(y.astype(np.int64))] for x, y in pairs(0))


def test_any_iterable_of_pairs_trains_the_same():
    expected = fit(lambda epoch: pairs(0))
    assert same(fit(Loader()), expected)
    assert same(fit(pairs(0)), expected)
    assert same(fit(iter(pairs(0)), epochs=1), fit(pairs(0), epochs=1))
    assert not same(fit(pairs), expected)


def test_memory_mapped_arrays_are_batches_of_them(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    fitted = fnn.fit(TRAIN, PARAMS, x, y, epochs=3, batch_size=SIZE, seed=5, progress=False)
    assert same(fitted, fit(fnn.Batches(X, Y, SIZE, seed=5)))


def anonymous_memory():
    """The bytes that no file stands behind: the system drops mapped pages when it needs to."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_fixed_memory(tmp_path):
    """An epoch of a file of 96 MB costs less than a sixth of that; to load it costs it all."""
    rows, width, allowed = 2**13, 3 * 2**10, 16 * 2**20
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (rows, width))
    x[::64] = 1.0
    x.flush()
    del x
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert x.nbytes == 6 * allowed
    y = np.zeros(rows, np.int32)
    net = fnn.mlp([width, 2])
    params = net.init(jax.random.key(0), jnp.asarray(x[:1]))
    train = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.sgd(0.1))

    def epoch():
        peaks = []

        def watched(epoch):
            for batch in fnn.Batches(x, y, 64)(epoch):
                peaks.append(anonymous_memory())
                yield batch

        fnn.fit(train, params, watched, epochs=1, progress=False)
        return max(peaks)

    epoch()  # compiles
    before = anonymous_memory()
    assert epoch() - before < allowed
    before = anonymous_memory()
    loaded = np.array(x)
    assert anonymous_memory() - before > 5 * allowed, "the figure sees what is loaded"
    del loaded


# --- going on within an epoch -------------------------------------------------------------------


class Telling:
    """An iterator that tells where it stands, in bytes, as some of grain's do."""

    opened = 0

    def __init__(self, batches):
        self.batches, self.place = batches, 0
        self.get_state: Any = lambda: bytes([self.place])

    def __iter__(self):
        return self

    def __next__(self):
        if self.place == len(self.batches):
            raise StopIteration
        self.place += 1
        Telling.opened += 1
        return self.batches[self.place - 1]

    def set_state(self, state):
        (self.place,) = state


class Source:
    """Batches that something happens to on the way, once."""

    def __init__(self, make, happens=None, at=(2, 4)):
        self.make, self.happens, self.at = make, happens, at

    def __call__(self, epoch):
        inner = iter(self.make(epoch))
        source = self

        class Inner:
            made = 0
            get_state: Any
            set_state: Any

            def __iter__(self):
                return self

            def __next__(self):
                if source.happens and (epoch, self.made) == source.at:
                    source.happens()
                self.made += 1
                return next(inner)

        if hasattr(inner, "set_state"):
            Inner.get_state = lambda self: inner.get_state()
            Inner.set_state = lambda self, state: inner.set_state(state)
        return Inner()


def fails():
    raise OSError("gone")


MAKERS = {
    "rows": fnn.Batches(X, Y, SIZE),
    "bytes": lambda epoch: Telling(pairs(epoch)),
    "skipped": pairs,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_a_training_goes_on_within_an_epoch_bit_for_bit(tmp_path, name):
    make = MAKERS[name]
    whole = fit(make)
    with pytest.raises(OSError, match="gone"):
        fit(Source(make, fails), checkpoint=tmp_path, checkpoint_batches=1)
    with fnn.Checkpoints(tmp_path) as checkpoints:
        # Six batches and one epoch, then four batches of the next.
        assert checkpoints.steps()[-1] == 6 + 1 + 4
    Telling.opened = 0
    if name == "skipped":
        with pytest.warns(UserWarning, match="1 to 4 of epoch 2 are made again, to be skipped"):
            resumed = fit(Source(make), checkpoint=tmp_path)
    else:
        resumed = fit(Source(make), checkpoint=tmp_path)
    assert same(resumed, whole)
    assert [r.loss for r in resumed.history] == [r.loss for r in whole.history]
    assert Telling.opened == (8 if name == "bytes" else 0), "what is done is not made again"


def test_a_training_goes_on_after_the_last_batch_of_an_epoch(tmp_path):
    source, log = MAKERS["rows"], []
    with pytest.raises(OSError, match="gone"):
        fit(Source(source, fails, at=(2, 6)), checkpoint=tmp_path, checkpoint_batches=1)
    resumed = fit(Source(source), checkpoint=tmp_path, log=log.append)
    assert same(resumed, fit(source))
    assert log[0] | {"epoch": 2, "step": 12, "step_seconds": None} == log[0], "no step was left"


def test_sigterm_saves_after_the_batch(tmp_path):
    def terminate():
        os.kill(os.getpid(), signal.SIGTERM)

    source = fnn.Batches(X, Y, SIZE)
    with pytest.raises(SystemExit) as left:
        fit(Source(source, terminate, at=(2, 3)), checkpoint=tmp_path)
    assert left.value.code == fnn.STOPPED
    with fnn.Checkpoints(tmp_path) as checkpoints:
        assert 6 + 1 <= checkpoints.steps()[-1] <= 6 + 1 + 4
    assert same(fit(Source(source), checkpoint=tmp_path), fit(source))
    assert not threads()


def test_the_folder_of_other_batches_is_refused(tmp_path):
    fit(fnn.Batches(X, Y, SIZE), epochs=1, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="'seed': 0.*'seed': 1"):
        fit(fnn.Batches(X, Y, SIZE, seed=1), checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"test_data\.pairs"):
        fit(pairs, checkpoint=tmp_path)


def test_a_state_that_is_no_json_is_refused(tmp_path):
    def odd(epoch):
        batches = Telling(pairs(epoch))
        batches.get_state = lambda: {1, 2}
        return batches

    with pytest.raises(ValueError, match=r"plain JSON, or bytes. Got \{1, 2\}"):
        fit(odd, checkpoint=tmp_path)
    fit(odd)  # without checkpoints nobody asks


# --- what does not fit --------------------------------------------------------------------------


def with_bad(place, x=None, y=None):
    batches = pairs(1)
    old = batches[place]
    batches[place] = (old[0] if x is None else x, old[1] if y is None else y)
    return batches


def test_a_batch_that_is_not_finite_stops_before_its_step(tmp_path):
    bad = X[:SIZE].copy()
    bad[1, 2] = np.nan
    with pytest.raises(FloatingPointError, match=r"epoch 1, at its batch 3, step 3.*data of layer"):
        fit(with_bad(2, x=bad), checkpoint=tmp_path)
    with np.load(tmp_path / "nonfinite-2.npz", allow_pickle=False) as kept:
        np.testing.assert_array_equal(kept["x"], bad)
        state = TRAIN.init(PARAMS)
        for x, y in pairs(1)[:2]:
            state, _ = TRAIN.step(state, x, y)
        np.testing.assert_allclose(kept["params.0.w"], state.params[0]["w"], rtol=1e-5)

    skipping = fnn.training(OBJECTIVE, optax.adam(0.05), on_nonfinite="skip")
    fitted = fit(with_bad(2, x=bad), train=skipping, epochs=2)
    assert [r.skipped for r in fitted.history] == [1, 1]
    assert fitted.state.step == 2 * 5
    with pytest.raises(FloatingPointError, match="epoch 1, at its batch 1,"):
        fit([(bad, Y[:SIZE])], train=skipping)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (with_bad(3, y=np.arange(4, dtype=np.int32)), r"must lie in \[0, 3\).*from 0 to 3"),
        (with_bad(3, y=np.arange(2, dtype=np.int32)), "one row per example"),
        ([{"x": X, "y": Y}], "must be a pair of inputs and targets. Got dict"),
        ([(X, Y, Y)], "must be a pair of inputs and targets. Got tuple of 3"),
        ([], "at least one in each epoch. Got none in epoch 1"),
        (iter([(X, Y)]), "must start anew in each epoch. Got an iterator"),
        (X, "Without y there must be batches.*Got ndarray"),
        (7, "Without y there must be batches.*Got int"),
    ],
)
def test_batches_that_do_not_fit(source, message):
    with pytest.raises(ValueError, match=message):
        fit(source)
    assert not threads()


def test_what_is_for_the_other_kind_of_data_is_refused():
    with pytest.raises(ValueError, match="Batches have their own size. Got batch_size=3"):
        fit(pairs, batch_size=3)
    with pytest.raises(ValueError, match="batch_size must be given"):
        fnn.fit(TRAIN, PARAMS, X, Y, epochs=1)
    with pytest.raises(ValueError, match="checkpoint_batches is for batches"):
        fnn.fit(TRAIN, PARAMS, X, Y, epochs=1, batch_size=3, checkpoint_batches=1)
    with pytest.raises(ValueError, match="checkpoint_batches must be a positive whole number"):
        fit(pairs, checkpoint_batches=0)
