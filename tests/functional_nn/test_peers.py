"""The gradients of a whole GPT, against those of other libraries' models with the same weights.

`pip install '.[peers]'` installs Flax, and `'.[torch]'` PyTorch; what is not installed is skipped.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.filterwarnings("ignore"),  # theirs
]
VOCABULARY, WIDTH, HEADS, BLOCKS, CONTEXT = 13, 12, 3, 2, 7


def drawn():
    """Gives the network, parameters in double precision, and tokens with the ones after them."""
    random = np.random.default_rng(0)
    net = fnn.transformer(
        VOCABULARY, width=WIDTH, heads=HEADS, blocks=BLOCKS, context=CONTEXT, dtype=jnp.float64
    )
    text = random.integers(0, VOCABULARY, (3, CONTEXT + 1)).astype(np.int32)
    shapes = jax.eval_shape(net.init, jax.random.key(0), text[:, :-1])
    params = jax.tree.map(lambda s: random.standard_normal(s.shape) / 2, shapes)
    return net, params, text


def by_hand():
    net, params, text = drawn()
    objective = fnn.readout_objective(net)
    batch = jnp.asarray(text[:, :-1]), jnp.asarray(text[:, 1:])
    return jax.jit(fnn.value_and_grad(objective))(jax.tree.map(jnp.asarray, params), *batch)


def close(found, expected):
    """The loss, and the gradient as a whole, to 1e-13."""
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    assert jax.tree.structure(found[1]) == jax.tree.structure(expected[1])
    a, b = (np.concatenate([np.ravel(d) for d in jax.tree.leaves(tree[1])]) for tree in
            (found, expected))  # fmt: skip
    assert np.linalg.norm(a - b) <= 1e-13 * np.linalg.norm(b)


def test_against_flax():
    nn = pytest.importorskip("flax.linen", reason="Flax is not installed")

    class Block(nn.Module):
        @nn.compact
        def __call__(self, x, mask):
            norm = {"epsilon": 1e-5, "dtype": jnp.float64, "use_fast_variance": False}
            attention = nn.MultiHeadDotProductAttention(HEADS, dtype=jnp.float64, name="attention")
            x = x + attention(nn.LayerNorm(**norm, name="first")(x), mask=mask)
            a = nn.Dense(4 * WIDTH, dtype=jnp.float64, name="into")(
                nn.LayerNorm(**norm, name="second")(x)
            )
            return x + nn.Dense(WIDTH, dtype=jnp.float64, name="out")(nn.gelu(a))

    class GPT(nn.Module):
        @nn.compact
        def __call__(self, tokens):
            table = nn.Embed(VOCABULARY, WIDTH, dtype=jnp.float64, name="tokens")
            places = nn.Embed(CONTEXT, WIDTH, dtype=jnp.float64, name="places")
            x = table(tokens) + places(jnp.arange(tokens.shape[1]))[None]
            for n in range(BLOCKS):
                x = Block(name=f"block{n}")(x, nn.make_causal_mask(tokens))
            norm = nn.LayerNorm(epsilon=1e-5, dtype=jnp.float64, use_fast_variance=False, name="n")
            return table.attend(norm(x))

    def theirs(params):
        """Our parameters in their names and shapes."""
        tokens, places, stacked, last, _ = params

        def dense(own):
            return {"kernel": own["w"], "bias": own["b"]}

        def attention(own):
            names = {"q": "query", "k": "key", "v": "value"}
            split = (HEADS, WIDTH // HEADS)
            found = {
                theirs: {
                    "kernel": own[f"w{ours}"].reshape(WIDTH, *split),
                    "bias": own[f"b{ours}"].reshape(split),
                }
                for ours, theirs in names.items()
            }
            return found | {"out": {"kernel": own["wo"].reshape(*split, WIDTH), "bias": own["bo"]}}

        blocks = {}
        for n in range(BLOCKS):
            (first, heads), (second, into, _, out) = jax.tree.map(lambda p, n=n: p[n], stacked)
            blocks[f"block{n}"] = {
                "first": first, "attention": attention(heads), "second": second,
                "into": dense(into), "out": dense(out),
            }  # fmt: skip
        tables = {"tokens": tokens["table"], "places": places["table"]}
        tables = {name: {"embedding": table} for name, table in tables.items()}
        return {"params": tables | blocks | {"n": last}}

    _, params, text = drawn()
    with (
        jax.enable_x64(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        x, y = jnp.asarray(text[:, :-1]), jnp.asarray(text[:, 1:])

        def loss(params):
            logits = GPT().apply(theirs(params), x)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], -1))

        expected = jax.jit(jax.value_and_grad(loss))(jax.tree.map(jnp.asarray, params))
        close(jax.device_get(by_hand()), jax.device_get(expected))


def test_against_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn.functional
    _, params, text = drawn()
    shared = jax.tree.map(lambda p: torch.tensor(p, requires_grad=True), params)
    tokens, places, stacked, last, _ = shared
    x, y = (torch.tensor(a, dtype=torch.int64) for a in (text[:, :-1], text[:, 1:]))

    def normal(own, rows):
        return nn.layer_norm(rows, (WIDTH,), own["scale"], own["bias"], 1e-5)

    def heads(own, name, rows):
        rows = rows @ own[f"w{name}"] + own[f"b{name}"]
        return rows.reshape(*rows.shape[:2], HEADS, -1).transpose(1, 2)

    rows = tokens["table"][x] + places["table"]
    for n in range(BLOCKS):
        (first, own), (second, into, _, out) = jax.tree.map(lambda p, n=n: p[n], stacked)
        q, k, v = (heads(own, name, normal(first, rows)) for name in "qkv")
        mixed = nn.scaled_dot_product_attention(q, k, v, is_causal=True)
        mixed = mixed.transpose(1, 2).reshape(rows.shape)
        rows = rows + mixed @ own["wo"] + own["bo"]
        a = nn.gelu(normal(second, rows) @ into["w"] + into["b"], approximate="tanh")
        rows = rows + a @ out["w"] + out["b"]
    logits = normal(last, rows) @ tokens["table"].T
    loss = nn.cross_entropy(logits.reshape(-1, VOCABULARY), y.reshape(-1))
    loss.backward()
    expected = loss.item(), jax.tree.map(lambda p: p.grad.numpy(), shared)
    with jax.enable_x64(True):
        close(jax.device_get(by_hand()), expected)
