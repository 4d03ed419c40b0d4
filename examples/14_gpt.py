"""A GPT over bytes that learns to write like Python's own documentation, or like --text FILE.

    python examples/14_gpt.py --blocks 4 --width 128 --context 128 --batch 32 --steps 500

Its whole backward pass is written by hand; --gradient jax takes jax.grad instead.
Exit status: 0 it knows the held-out tail better than how often each byte comes does; 1 not; 3 wrong
usage.
"""

import sys
import time

import jax
import numpy as np

from derivations.report.files import write_files
from gpt import learning, options, pictures

REPORTS, WRITTEN, SHOWN = 5, 200, 40


def main() -> int:
    asked = options.parse(__doc__)
    sizes, text = asked.sizes, asked.text
    net = learning.network(sizes)
    bits = learning.bits_of(net, sizes, text.held_out)
    write = learning.writer(net, sizes.context, WRITTEN)
    frequencies = np.bincount(text.train, minlength=learning.BYTES) + 1
    known = -np.log2(frequencies / frequencies.sum())[text.held_out].mean()
    begun = bytes(text.held_out[: sizes.context].tolist())
    print(f"{text.name}: {len(text.train)} bytes, and {len(text.held_out)} held out")
    print(f"sha256 {text.sha256}")
    print(f"By how often each byte comes, one held out takes {known:.2f} bits.\n")

    every = max(1, asked.steps // REPORTS)
    losses, params, now, spent = [], None, 0.0, time.perf_counter()
    steps = learning.learn(sizes, text.train, asked.steps, gradient=asked.gradient, seed=asked.seed)
    for loss, params in steps:
        losses.append(loss)
        step = len(losses)
        if step == 1:  # that one was compiled
            count = sum(p.size for p in jax.tree.leaves(params))
            print(f"{count} parameters, gradient: {asked.gradient}")
            loss.block_until_ready()
            spent = time.perf_counter()
        if step % every == 0 or step == asked.steps:
            mean = np.mean(jax.device_get(losses[-every:]))
            tokens = min(every, step - 1) * sizes.batch * sizes.context
            speed = tokens / (time.perf_counter() - spent)
            now = bits(params)
            print(
                f"\nstep {step:5}  loss {mean:.3f}  held out {now:.3f} bits a byte  "
                f"{speed:.0f} tokens a second"
            )
            sample = write(params, begun, jax.random.fold_in(jax.random.key(asked.seed), step))
            print(indented(sample.decode(errors="replace")))
            spent = time.perf_counter()

    shown = text.held_out[: min(SHOWN, sizes.context)]
    maps = pictures.attention_maps(net, params, shown, sizes.heads)
    picture = pictures.drawn(maps, bytes(shown.tolist()).decode("latin-1"))
    write_files(asked.out, {"attention.png": picture})
    print(f"\nPicture: {asked.out / 'attention.png'}")
    return 0 if now < known else 1


def indented(text: str) -> str:
    return "\n".join(f"    | {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
