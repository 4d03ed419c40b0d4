"""GPT-2's checkpoints: the tensors of a safetensors file as the parameters of a `transformer`."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import checks
from functional_nn.flat import typed
from functional_nn.layers.layer import Layer
from functional_nn.tensors import read_safetensors
from functional_nn.transformers import transformer

_HEAD = 64  # the width of a head, in every size in which GPT-2 was published
_BLOCK = re.compile(r"h\.(\d+)\.")
_BUFFER = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")  # the causal mask, in older files


def load_gpt2(path: str | Path, *, heads: int | None = None) -> tuple[Layer, Any]:
    """Reads a GPT-2 checkpoint, in the names of Hugging Face, with or without `transformer.`.

    The network gives the logits of the model that was saved. Its weights are those of the file: a
    `Conv1D` of GPT-2 has its weights as (in, out), as `functional_nn.dense` has; queries, keys and
    values, which are one matrix there, are three here.

    Args:
      path: A safetensors file, such as the `model.safetensors` of `openai-community/gpt2`.
      heads: The number of heads of each attention, of which the file knows nothing; by default one
        for each 64 of the width, as in all of OpenAI's.

    Returns:
      `(net, params)`: a `functional_nn.transformer` of the sizes and the dtype of the file.

    Raises:
      Damaged: The file is not safetensors.
      ImportError: safetensors is not installed.
      OSError: The file cannot be read.
      ValueError: Tensors are missing, extra, or of another shape or dtype (all of them are named);
        the output layer is not the table of tokens; `heads` is missing or does not divide the
        width.

    Example:
      >>> import tempfile
      >>> from functional_nn.tensors import save_safetensors
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     save_safetensors(f"{folder}/few", {"wte.weight": jnp.ones((7, 64), jnp.float32)})
      ...     net, params = load_gpt2(f"{folder}/few")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      ValueError: A GPT-2 checkpoint must hold the tensors of that model, and no others. Got:
      wpe.weight is missing (expected float32[?,64]); h.0.ln_1.weight is missing ...

    Reference:
      A. Radford, J. Wu, R. Child, D. Luan, D. Amodei, I. Sutskever, "Language Models are
      Unsupervised Multitask Learners", 2019, section 2.3.
    """
    arrays, _ = read_safetensors(path)
    prefix = "transformer." if any(name.startswith("transformer.") for name in arrays) else ""
    tensors = {name.removeprefix(prefix): array for name, array in arrays.items()}
    vocabulary, width = _sizes(tensors, "wte.weight")
    context, _ = _sizes(tensors, "wpe.weight")
    blocks = max(1, len({found[1] for name in tensors if (found := _BLOCK.match(name))}))
    _require(arrays, prefix, dict(_shapes(vocabulary, width, context, blocks)))
    if heads is None:
        checks.heads_of_gpt2(width, _HEAD)
    net = transformer(
        vocabulary,
        width=width,
        heads=width // _HEAD if heads is None else heads,
        blocks=blocks,
        context=context,
        dtype=jnp.asarray(tensors["wte.weight"]).dtype,
    )
    return net, jax.tree.map(jnp.asarray, _params(tensors, blocks))


def _sizes(tensors: Mapping[str, np.ndarray], name: str) -> tuple[Any, Any]:
    """Gives the lengths of a matrix's axes; None where it is none, and nothing hangs on them."""
    table = tensors.get(name)
    return (None, None) if table is None or table.ndim != 2 else table.shape


def _shapes(v: Any, d: Any, t: Any, blocks: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Gives the tensors of a checkpoint by name, each with its shape."""
    three, four = (n * d if d else None for n in (3, 4))
    yield from {"wte.weight": (v, d), "wpe.weight": (t, d)}.items()
    for block in range(blocks):
        own = {
            "ln_1.weight": (d,), "ln_1.bias": (d,),
            "attn.c_attn.weight": (d, three), "attn.c_attn.bias": (three,),
            "attn.c_proj.weight": (d, d), "attn.c_proj.bias": (d,),
            "ln_2.weight": (d,), "ln_2.bias": (d,),
            "mlp.c_fc.weight": (d, four), "mlp.c_fc.bias": (four,),
            "mlp.c_proj.weight": (four, d), "mlp.c_proj.bias": (d,),
        }  # fmt: skip
        yield from ((f"h.{block}.{name}", shape) for name, shape in own.items())
    yield from {"ln_f.weight": (d,), "ln_f.bias": (d,)}.items()


def _require(
    arrays: Mapping[str, np.ndarray], prefix: str, shapes: Mapping[str, tuple[Any, ...]]
) -> None:
    """Refuses a file that is not a GPT-2's, and names all that is wrong with it."""
    table = arrays.get(f"{prefix}wte.weight", np.zeros(0, np.float32))
    dtype = table.dtype if jnp.issubdtype(table.dtype, jnp.floating) else np.dtype("float32")
    wrong = []
    for name, shape in shapes.items():
        want = f"{dtype}[{','.join('?' if size is None else str(size) for size in shape)}]"
        array = arrays.get(prefix + name)
        if array is None:
            wrong.append(f"{prefix}{name} is missing (expected {want})")
        elif not _fits(array, shape) or array.dtype != dtype:
            wrong.append(f"{prefix}{name} is {typed(array)} (expected {want})")
    known = {prefix + name for name in shapes} | {"lm_head.weight"}
    wrong += [
        f"{name} is not expected"
        for name in arrays
        if name not in known and not _BUFFER.fullmatch(name.removeprefix(prefix))
    ]
    if not wrong and not np.array_equal(arrays.get("lm_head.weight", table), table):
        wrong.append(f"lm_head.weight is not {prefix}wte.weight, which is the output layer as well")
    if wrong:
        raise ValueError(
            "A GPT-2 checkpoint must hold the tensors of that model, and no others. "
            f"Got: {'; '.join(wrong)}. Take the model.safetensors of a GPT-2 language model."
        )


def _fits(array: np.ndarray, shape: tuple[Any, ...]) -> bool:
    came = np.shape(array)
    return len(came) == len(shape) and all(
        n == m for n, m in zip(came, shape, strict=True) if m is not None
    )


def _params(tensors: Mapping[str, np.ndarray], blocks: int) -> Any:
    """Gives the tensors in the structure of the parameters of `transformer`."""

    def norm(name: str) -> dict[str, np.ndarray]:
        return {"scale": tensors[f"{name}.weight"], "bias": tensors[f"{name}.bias"]}

    def dense(name: str) -> dict[str, np.ndarray]:
        return {"w": tensors[f"{name}.weight"], "b": tensors[f"{name}.bias"]}

    def attention(name: str) -> dict[str, np.ndarray]:
        joint, last = dense(f"{name}.c_attn"), dense(f"{name}.c_proj")
        three = {part: np.split(array, 3, axis=-1) for part, array in joint.items()}
        own = {f"{part}{q}": a for part in "wb" for q, a in zip("qkv", three[part], strict=True)}
        return own | {"wo": last["w"], "bo": last["b"]}

    each = [
        (
            (norm(f"h.{n}.ln_1"), attention(f"h.{n}.attn")),
            (norm(f"h.{n}.ln_2"), dense(f"h.{n}.mlp.c_fc"), (), dense(f"h.{n}.mlp.c_proj")),
        )
        for n in range(blocks)
    ]
    return (
        {"table": tensors["wte.weight"]},
        {"table": tensors["wpe.weight"]},
        jax.tree.map(lambda *rows: np.stack(rows), *each),
        norm("ln_f"),
        {"table": ()},
    )
