"""The sections of the page, with what has to be said of each: above all why a bound is not met."""

from typing import NamedTuple


class Section(NamedTuple):
    """A part of the page: how it is called on the command line, its title, and its text."""

    name: str
    title: str
    text: str


SECTIONS = (
    Section(
        "steps",
        "One training step",
        """\
Raw JAX is `jax.value_and_grad` and optax, layer by layer, compiled with the state donated. Every
implementation starts from the same weights, and its first loss was held against that of raw JAX
(but for scikit-learn, which takes all steps of a turn in one call). The second copy of the same
program shows how far a ratio can be trusted: not to a twentieth on a busy machine, whose quartiles
lie a fifth apart. The compiler counts the body of a loop once, so flops of loops are left out.

Where a bound is not met:

- *By hand with sigmoid and tanh: time and memory at (d), flops at (a).* By default their
  derivatives are taken from the input, which keeps all digits and costs an exponential, and the
  output is made again for the next layer, which costs the activation and one array. The named
  choices `sigmoid_from_output` and `tanh_from_output` do what raw JAX does, and lose the digits
  that it loses. Tried, to save that array: let the product for the weights come before the one for
  the input, by an expression that the second has to wait for. The memory is then that of
  `jax.grad`, and the time 4 % more again.
- *The last two hundredths of the flops at (a) and the last thousandth of the memory at (d)* are the
  loss: `softmax_cross_entropy` keeps its digits for confident networks, on 10 logits beside a
  hidden layer of 30, and its backward pass holds one array of logits more. With the same loss under
  `jax.grad` the flops agree to 1 in 1000 (a test holds it).
- *Time at (a).* The compiled step takes some tens of microseconds. The state counts its steps, one
  array more to hand over than raw JAX has here; that of Flax linen does too, and takes as long.
- *Other times by hand that lie over their bound by a few hundredths* have the bound between their
  quartiles, and lay below it in other runs.
- *Other libraries at (a).* The bounds came from wall time with two threads; these are CPU time with
  one. The order is the same.
- *PyTorch at (c).* The bound came from a run with two threads, in which PyTorch reached 0.42 of the
  machine's matrix product. With one thread its matrix products are no slower than XLA's.""",
    ),
    Section(
        "peak",
        "Share of the machine's matrix product",
        "The flops that the compiler counts, in the time of a product of two matrices of 2048.",
    ),
    Section(
        "unrolled",
        "Layer by layer: 64 layers of width 256, batch 1024, loss and gradients",
        "A set is one array of outputs a layer, 67 MB. `jax.grad` differentiates the same code.",
    ),
    Section(
        "deep",
        "Deep: 64 blocks of width 256, batch 1024, loss and gradients",
        """\
`repeat` against `jax.grad` of the same loop over the same blocks.

Where a bound is not met:

- *Time with tanh.* The derivative from the input takes an exponential: the ratio was 0.91 to 1.01
  in runs on two machines. With `tanh_from_output` it was 0.75 to 0.81 where a block ends with it,
  so that its output is at hand, and 0.87 to 0.91 where it comes first and is computed again.
- *Time with gelu.* It lies around the bound: 0.65 and 0.71 in these runs.
- *Time with `remat="sqrt"`.* A gradient is three matrix products a block, and this computes one of
  them again: 4/3 where nothing else costs. Tried: the last `√n` blocks without a group, since they
  are gone through again at once. Time falls by about 0.02, and the memory is 0.60 sets, since the
  compiler gives each of the two loops memory of its own.
- *Memory with `remat="sqrt"`.* With gelu, silu and mish, and where a block keeps its output, 26
  arrays for 64 blocks, where the bound has 25.6: eight inputs of groups, eight of the blocks of one
  group, and the work space of the loops.""",
    ),
    Section(
        "narrow",
        "Deep and narrow",
        """\
On arrays of 32 by 64 the exponential in tanh's derivative weighs more than the matrix products: a
gradient with `tanh_from_output` takes about half the time of one with `tanh`. Adam is the same
arithmetic on five arrays in place of a thousand.

Where a bound is not met:

- *Time of a step.* What one loop saves is the overhead of thousands of operations and arrays; the
  arithmetic is the same, and on a slow core it weighs more. The bound is one of wall time, 0.30 to
  0.77 in runs on two machines; the CPU time beside it is the steadier figure.""",
    ),
    Section(
        "examples",
        "Per-example gradients: 784-512-512-10 relu, batch 128",
        """\
Where a bound is not met:

- *Time of vmap(grad) to norms and to the clipped mean.* It is what vmap(grad) takes in plain
  gradients, over what these take in them, 0.6 and 0.8 to 1.05. The first is the machine's:
  vmap(grad) writes and reads an array of the parameters for each example, 22 and 69 plain gradients
  in one run, 45 and 126 in one on another machine, near 180 for the clipped mean when the bound was
  set.

The memory is held against `jax.grad`'s. Our own plain gradient keeps two arrays of the hidden
layers and has the third, the cotangent, inside the memory of its result. Norms have no such result,
and a clipped mean has to hold the cotangents of both hidden layers until the norms are known: one
array more, by nature of a method that goes back once.""",
    ),
    Section(
        "small",
        "Small networks",
        """\
Where a bound is not met:

- *An epoch against a loop that fetches each loss.* The epoch is not slower than when the bound was
  set, the fetching loop is faster: 1.6 times the loop without, then 2.2. What is left of an epoch
  is XLA's overhead for each operation of a step: `jax.grad` in the same scan takes the same time.
  Tried: `unroll=2` in the scan, no difference; `unroll=5`, a third slower.
- *An epoch against the loop over NumPy batches.* 0.72 of wall time with a lower quartile at the
  bound, on a machine shared with others, 0.63 on another machine; of CPU time 0.51 and 0.61.
- *An ensemble.* Its figure lay around the bound in one run and below it in another.""",
    ),
    Section("parts", "Microbatches", "The same gradient from parts of the batch, one at a time."),
    Section(
        "again",
        "Outputs that are made again: 8 layers of width 256, batch 1024",
        """\
What `serial` saves and spends by keeping one array between an activation and the layer after it:
the step as it is, against the same with both arrays kept, and against `jax.grad`.""",
    ),
    Section(
        "growth",
        "How the cost grows",
        """\
Three octaves each of width (depth 8, batch 256), depth (width 128, batch 256) and batch (width 128,
depth 8), of loss and gradients of blocks of tanh and dense. Eight times as much, linear in depth
and batch, is the bound. The batch starts where one array of it is larger than one of weights:
below, the compiler keeps arrays in the memory of results that are not there yet, and tells no
growth.""",
    ),
)
