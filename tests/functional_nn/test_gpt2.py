"""`load_gpt2`: the logits of a checkpoint, against GPT-2 written down in NumPy; what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

import functional_nn as fnn
from functional_nn.flat import typed

V, D, T, BLOCKS, HEADS = 13, 12, 7, 2, 3
TOKENS = np.random.default_rng(1).integers(0, V, (2, 6)).astype(np.int32)


def checkpoint(width=D):
    """Tensors of a small GPT-2, drawn, in float64."""
    shapes = {"wte.weight": (V, width), "wpe.weight": (T, width)}
    for n in range(BLOCKS):
        for name, shape in {
            "attn.c_attn": (width, 3 * width),
            "attn.c_proj": (width, width),
            "mlp.c_fc": (width, 4 * width),
            "mlp.c_proj": (4 * width, width),
        }.items():
            shapes |= {f"h.{n}.{name}.weight": shape, f"h.{n}.{name}.bias": shape[1:]}
    for name in ("ln_f", *(f"h.{n}.ln_{i}" for n in range(BLOCKS) for i in (1, 2))):
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    draw = np.random.default_rng(0).standard_normal
    return {name: draw(shape) / 2 for name, shape in shapes.items()}


def logits_of(tensors, tokens, heads=HEADS):
    """GPT-2 in NumPy, one sequence, one position and one head at a time."""

    def normal(x, name):
        z = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        return z * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def affine(x, name):
        return x @ tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    out = []
    for row in tokens:
        xs = [tensors["wte.weight"][t] + tensors["wpe.weight"][i] for i, t in enumerate(row)]
        for n in range(BLOCKS):
            qkv = [affine(normal(x, f"h.{n}.ln_1"), f"h.{n}.attn.c_attn") for x in xs]
            size = len(xs[0]) // heads
            mixed = []
            for t in range(len(xs)):
                parts = []
                for h in range(heads):
                    q, k, v = (
                        np.array([a[i * len(xs[0]) + h * size :][:size] for a in qkv[: t + 1]])
                        for i in range(3)
                    )
                    e = np.exp(k @ q[t] / np.sqrt(size))
                    parts.append(e / e.sum() @ v)
                mixed.append(np.concatenate(parts))
            xs = [x + affine(m, f"h.{n}.attn.c_proj") for x, m in zip(xs, mixed, strict=True)]
            xs = [
                x
                + affine(
                    gelu(affine(normal(x, f"h.{n}.ln_2"), f"h.{n}.mlp.c_fc")), f"h.{n}.mlp.c_proj"
                )
                for x in xs
            ]
        out.append([tensors["wte.weight"] @ normal(x, "ln_f") for x in xs])
    return np.array(out)


def saved(tmp_path, tensors, dtype="float32", prefix="", more=()):
    path = tmp_path / "model.safetensors"
    named = {prefix + name: array.astype(dtype) for name, array in tensors.items()}
    save_file(named | dict(more), path, metadata={"format": "pt"})
    return path


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_the_logits_are_those_of_the_checkpoint(tmp_path, prefix, dtype):
    tensors = checkpoint()
    more = {f"{prefix}h.{n}.attn.bias": np.tri(T)[None, None] for n in range(BLOCKS)}
    more |= {"lm_head.weight": tensors["wte.weight"].astype(dtype)} if prefix else {}
    path = saved(tmp_path, tensors, dtype, prefix, more)
    net, params = fnn.load_gpt2(path, heads=HEADS)
    like = jax.eval_shape(net.init, jax.random.key(0), TOKENS)
    assert jax.tree.structure(params) == jax.tree.structure(like)
    assert fnn.flatten_params(jax.tree.map(typed, params)) == fnn.flatten_params(
        jax.tree.map(typed, like)
    )
    found = jax.jit(net.apply, compiler_options={"xla_backend_optimization_level": 0})(
        params, TOKENS
    )
    tolerance = 1e-12 if dtype == jnp.float64 else 2e-5
    np.testing.assert_allclose(found, logits_of(tensors, TOKENS), rtol=0, atol=tolerance)


def test_the_number_of_heads_of_the_published_sizes(tmp_path):
    path = saved(tmp_path, checkpoint(128), "float16")
    net, params = fnn.load_gpt2(path)
    two = fnn.transformer(V, width=128, heads=2, blocks=BLOCKS, context=T, dtype=jnp.float16)
    assert params[0]["table"].dtype == jnp.float16
    of = [jax.make_jaxpr(n.apply)(params, jnp.asarray(TOKENS)) for n in (net, two)]
    assert str(of[0]) == str(of[1])


def test_all_that_is_wrong_is_named(tmp_path):
    tensors = checkpoint()
    del tensors["h.1.ln_2.bias"], tensors["ln_f.weight"]
    tensors["h.0.mlp.c_fc.weight"] = tensors["h.0.mlp.c_fc.weight"].T
    tensors["h.0.attn.c_attn.bias"] = tensors["h.0.attn.c_attn.bias"][:D]
    path = saved(tmp_path, tensors, more={"more": np.ones(2), "wpe.bias": np.ones(3)})
    with pytest.raises(ValueError, match="must hold the tensors") as refused:
        fnn.load_gpt2(path, heads=HEADS)
    for part in (
        "h.1.ln_2.bias is missing (expected float32[12])",
        "ln_f.weight is missing (expected float32[12])",
        "h.0.mlp.c_fc.weight is float32[48,12] (expected float32[12,48])",
        "h.0.attn.c_attn.bias is float32[12] (expected float32[36])",
        "more is not expected",
        "wpe.bias is not expected",
    ):
        assert part in str(refused.value)
    assert str(refused.value).count(";") == 5


def test_other_files(tmp_path):
    whole = checkpoint()
    tensors = {name: array for name, array in whole.items() if not name.startswith("w")}
    with pytest.raises(ValueError, match=r"wte.weight is missing .expected float32\[\?,\?\].*wpe"):
        fnn.load_gpt2(saved(tmp_path, tensors))
    skipped = {name.replace("h.1.", "h.7."): array for name, array in whole.items()}
    with pytest.raises(ValueError, match=r"h.1.ln_1.weight is missing.*h.7.\S+ is not expected"):
        fnn.load_gpt2(saved(tmp_path, skipped))
    half = {"ln_f.bias": whole["ln_f.bias"].astype(np.float16)}
    with pytest.raises(ValueError, match="ln_f.bias is float16.12. .expected float32.12.."):
        fnn.load_gpt2(saved(tmp_path, whole, more=half))
    other = {"lm_head.weight": np.ones((V, D), np.float32)}
    with pytest.raises(ValueError, match="lm_head.weight is not transformer.wte.weight"):
        fnn.load_gpt2(saved(tmp_path, whole, prefix="transformer.", more=other))
    with pytest.raises(ValueError, match="does not say how many heads .* width of 12. Pass heads="):
        fnn.load_gpt2(saved(tmp_path, whole))
    with pytest.raises(ValueError, match="heads must divide width. Got 5 heads"):
        fnn.load_gpt2(saved(tmp_path, whole), heads=5)
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(fnn.Damaged, match="must be a safetensors file"):
        fnn.load_gpt2(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        fnn.load_gpt2(tmp_path / "nowhere")
