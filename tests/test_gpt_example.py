"""The example of a GPT: its text, both trainings, and what it writes."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gpt import corpus, learning, options

TINY = learning.Sizes(blocks=1, width=8, heads=2, context=6, batch=4)


def compared(sizes, steps):
    """The losses of the two trainings, from the same parameters on the same batches."""
    text = corpus.pydoc().train
    return [
        np.asarray([loss for loss, _ in learning.learn(sizes, text, steps, gradient=gradient)])
        for gradient in ("hand", "jax")
    ]


@pytest.fixture
def quick_compilation():
    """What is compared here is not how fast it runs."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_both_trainings_agree():
    by_hand, automatic = compared(TINY, 10)
    np.testing.assert_allclose(by_hand, automatic, rtol=0, atol=1e-5)
    assert len(set(by_hand)) == 10


@pytest.mark.nightly
def test_both_trainings_agree_over_a_hundred_steps():
    """At the sizes at which the example writes words: to a thousandth of a nat, and both learn."""
    by_hand, automatic = compared(learning.Sizes(), 100)
    np.testing.assert_allclose(by_hand, automatic, rtol=0, atol=1e-3)
    assert by_hand[-1] < by_hand[0] - 2


def test_the_held_out_tail_is_no_part_of_a_batch():
    text = corpus.cut("numbers", bytes(range(200)))
    assert text.sha256.startswith("1901da1c9f699b48")
    assert text.held_out.tolist() == list(range(180, 200))
    drawn = corpus.batches(text.train, 5, 50, seed=0)
    x, y = (np.concatenate(parts) for parts in zip(*(next(drawn) for _ in range(50)), strict=True))
    assert x.shape == (2500, 5)
    np.testing.assert_array_equal(y, x + 1)
    assert (x.min(), y.max()) == (0, 179)


def test_windows_are_all_of_a_text():
    x, y = corpus.windows(np.arange(12), 4)
    assert x.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert y.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_text_that_is_too_short():
    corpus.require(corpus.cut("long", bytes(50)), 4)
    with pytest.raises(ValueError, match="at least 50 bytes.* Got 49 in short. Take a longer"):
        corpus.require(corpus.cut("short", bytes(49)), 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--text", "missing.txt"], "No such file or directory: 'missing.txt'"),
        (["--text", __file__, "--context", "9000"], "must have at least 90010 bytes"),
        (["--heads", "3"], "heads must divide width. Got 3 heads for a width of 64"),
        (["--gradient", "other"], "choose from"),
        (["--steps", "0"], "a whole number from 1 on. Got '0'"),
    ],
)
def test_wrong_usage(given, message, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["14_gpt.py", "--out", str(tmp_path / "out"), *given])
    with pytest.raises(SystemExit) as left:
        options.parse(None)
    assert left.value.code == 3
    assert message in capsys.readouterr().err


@pytest.mark.nightly
def test_what_is_written_goes_on_from_the_last_window():
    """Longer than the context: each byte is drawn from the logits of the bytes before it."""
    net, key = learning.network(TINY), jax.random.key(3)
    params = jax.jit(net.init)(key, jnp.zeros((1, 6), jnp.int32))
    params = jax.tree.map(lambda a: a * 9, params)  # so that bytes differ in their chances
    found = learning.writer(net, TINY.context, 9)(params, b"a text", key)
    text = list(b"a text")
    for own in jax.random.split(key, 9):
        logits = net.apply(params, jnp.int32([text[-TINY.context :]]))[0, -1]
        text.append(int(jax.random.categorical(own, logits / 0.8)))
    assert found == bytes(text[6:])


@pytest.mark.nightly
def test_bits_of_a_network_that_knows_nothing():
    net, text = learning.network(TINY), np.arange(100) % 256
    shapes = jax.eval_shape(net.init, jax.random.key(0), jax.ShapeDtypeStruct((1, 6), jnp.int32))
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    assert abs(learning.bits_of(net, TINY, text)(nothing) - 8) < 1e-5
