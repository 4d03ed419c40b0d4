"""What the hand-written passes of a transformer save and cost, against plain JAX: one page.

    python benchmarks/transformer.py     # --out DIR for the page; --only WORD for some sections

Attention over long sequences, the cross-entropy over many classes, twelve blocks, what each layer
keeps, and the norms of single examples' gradients. Everything is compiled in one process and takes
turns in it, in a random order within each round; a time is told as the ratio's median and quartiles
over the rounds. On a CPU each program gets one thread, and a time is CPU time, which suffers little
from what else a machine does. Memory (the temporary memory of a compiled program, beside what goes
in and comes out) is the compiler's own figure: it is exact and repeats. A bound that is not met is
marked, and the text above the table says why.
"""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

# Before anything that reads it is imported: one thread for everyone.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"

import jax
from figures import blocks, lengths, page
from figures.sections import Section

SECTIONS = (
    (lengths.attention, Section(
        "attention",
        "Attention over 2048 positions, 4 heads of 64, causal, forward and backward",
        """\
`blockwise_attention_rule` against `jax.vjp` of the plain form, which holds the weights of all
positions by all positions: written for arrays (B, T, H, D), as many libraries do, and for arrays
(B H, T, D), in which the compiler has the least to move. A tile that the mask hides is not
computed: of 1024 there are 528.""",
    )),
    (lengths.readout, Section(
        "readout",
        "Cross-entropy of 2048 tokens after a readout of width 256 and 50,257 classes",
        """\
`linear_cross_entropy_rule` against `jax.value_and_grad` of the plain form, which holds the logits.

Where a bound is not met:

- *Time.* The backward pass computes the logits again: four products of matrices where the plain
  form has three. What makes up for it is the logits that are not written and read, and how much
  that is, is the machine's: 0.94 (0.88 to 1.02) in a run on another one.""",
    )),
    (blocks.blocks, Section(
        "blocks",
        "12 blocks: width 256, 8 heads, context 256, batch 8, loss and gradients",
        """\
`repeat` of GPT-2's block against `jax.grad` of a `jax.lax.scan` over the same block in plain JAX,
with attention in its best layout and `jax.nn.gelu`; and against `jax.checkpoint` of that block,
which keeps what `repeat` keeps: the input of each block.

Where a bound is not met:

- *Time.* Both figures lie around their bounds, 0.78 and 0.90 in a run on another machine. The
  bounds came from a prototype with two threads that kept the output of attention beside the input
  of each block. `repeat` keeps the input alone: half of the memory that is allowed stays free, and
  attention is run forward once more. The perceptron is seven matrix products, the same on both
  sides, and `gelu_tanh`, which keeps the digits that `jax.nn.gelu` loses and takes 1.6 times its
  time. Tried: to keep the output of attention and its logarithms as well, as the prototype did.
  Time falls by 4 %, and the memory grows by a third.""",
    )),
    (blocks.residuals, Section(
        "residuals",
        "What a layer keeps, in units of its input: 2048 rows of 256",
        """\
Parameters do not count. Standing alone, a layer keeps what its rule says; in a `repeat`, its input,
which is by how much the memory of a gradient grows from 6 layers to 12, divided by 6.""",
    )),
    (blocks.examples, Section(
        "examples",
        "Norms of single examples: GPT over bytes, 4 blocks, width 128, context 128, batch 32",
        """\
`per_example_gradient_norms` and `clipped_value_and_grad` of `readout_objective`, in plain gradients
of the batch, `value_and_grad`. The examples here are sequences of 128 rows, so that there is enough
to do for one of them alone: `jax.lax.map` of the whole gradient of one after the other needs less
memory, and about the time. For examples that are single rows, where it does not, see
[cpu.md](cpu.md).""",
    )),
)  # fmt: skip


def main() -> None:
    """Measures, prints, and writes the page and its numbers."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("build/benchmarks"), metavar="DIR")
    options.add_argument("--name", default=f"{jax.default_backend()}-transformer")
    names = [section.name for _, section in SECTIONS]
    options.add_argument("--only", nargs="*", choices=names, default=names)
    given = options.parse_args()
    device = jax.devices()[0]
    head = (
        f"{datetime.now(UTC):%Y-%m-%d}, {device.platform} ({device.device_kind}), float32, "
        f"jax {jax.__version__}"
    )
    about = (__doc__ or "").split("\n\n")[-1].strip()
    written = ["# What the hand-written passes of a transformer save and cost", "", head, "", about]
    numbers: dict[str, object] = {"head": head}
    print(head)
    for measured, section in SECTIONS:
        if section.name not in given.only:
            continue
        print(f"\n{section.title}", flush=True)
        lines = measured()
        table = page.of_lines(lines)
        print(*page.text(table), sep="\n", flush=True)
        written += ["", f"## {section.title}", "", section.text, "", *page.markdown(table)]
        numbers[section.title] = [line._asdict() | {"met": line.met} for line in lines]
    print(f"\nPage: {page.write(given.out, given.name, written, numbers)}")


if __name__ == "__main__":
    main()
