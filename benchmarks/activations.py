"""Activations by hand against jax.grad of jax.nn: values, derivatives, and a step of training.

    python benchmarks/activations.py [NAME ...] [--size 4000000] [--rounds 30]

All ratios are ours over theirs, taken in one process, in turn, on one thread; each is the quotient
of the fastest rounds, of many: most calls get their memory from the system anew, and its page
faults take longer than most of the derivatives. Below 1 the hand-written one is faster. "product"
is the time of `dy * x` against that of their derivative: any derivative has to read two such arrays
and write one, so none can have a smaller ratio on this machine.
"""

import argparse
import os

# Before anything that reads it is imported. The CPU time of several threads, which a busy machine
# would leave alone, comes to the process with a delay that is longer than a call.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
import numpy as np
import optax
from figures.measure import seconds

import functional_nn as fnn
from functional_nn.activations import PRECISE_RULES

THEIRS = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "log_sigmoid": jax.nn.log_sigmoid,
    "silu": jax.nn.silu,
    "mish": jax.nn.mish,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": jax.nn.gelu,
    "elu": jax.nn.elu,
    "celu": jax.nn.celu,
    "selu": jax.nn.selu,
    "soft_sign": jax.nn.soft_sign,
    "squareplus": jax.nn.squareplus,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": jax.nn.leaky_relu,
    "hard_tanh": jax.nn.hard_tanh,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_silu": jax.nn.hard_silu,
}


def ratio(ours, theirs, args, rounds, repeats=1):
    """Gives our time over theirs, from the fastest of several rounds in turn."""
    runs = {
        "ours": lambda: jax.block_until_ready(ours(*args)),
        "theirs": lambda: jax.block_until_ready(theirs(*args)),
    }
    found = seconds(runs, rounds=rounds, calls=repeats, wall=True)
    return min(found["ours"]) / min(found["theirs"])


def pullback(rule):
    """Gives the derivative of a rule against a cotangent, of the input alone."""

    def dx(x, dy):
        _, residual = rule.fwd(x)
        return rule.bwd(residual, dy)[0]

    return jax.jit(dx)


def automatic(function):
    """Gives the derivative of a function against a cotangent, by jax.vjp."""
    return jax.jit(lambda x, dy: jax.vjp(function, x)[1](dy)[0])


def layer_of(function):
    """Gives a layer whose backward pass is JAX's own."""

    def fwd(params, x):
        y, pull = jax.vjp(function, x)
        return y, pull

    return fnn.Layer(
        lambda key, x: (),
        lambda params, x: function(x),
        fwd,
        lambda pull, dy: ((), pull(dy)[0]),
        "theirs",
    )


def step(activation, gradient):
    """Gives a jitted step of SGD for a 784-512-512-10 network, and its arguments at batch 128."""
    net = fnn.mlp([784, 512, 512, 10], activation=activation)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((128, 784)), jnp.float32)
    y = jnp.arange(128) % 10
    params = net.init(jax.random.key(0), x)
    objective = gradient(fnn.objective(net, fnn.softmax_cross_entropy))
    optimizer = optax.sgd(0.1)

    @jax.jit
    def run(params, x, y):
        _, grads = objective(params, x, y)
        updates, _ = optimizer.update(grads, optimizer.init(params))
        return optax.apply_updates(params, updates)

    return run, (params, x, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--size", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    x = jnp.asarray(3 * random.standard_normal(options.size), jnp.float32)
    dy = jnp.ones_like(x)
    print(f"jax {jax.__version__}, {jax.default_backend()}, {options.size:,} float32 inputs")
    print(f"{'':14}{'value':>8}{'derivative':>12}{'product':>9}{'step':>8}")
    product = jax.jit(jnp.multiply)
    for name in options.names or THEIRS:
        rule, theirs = fnn.RULES[name], THEIRS[name]
        value = ratio(jax.jit(rule.primal), jax.jit(theirs), (x,), options.rounds)
        derivative = ratio(pullback(rule), automatic(theirs), (x, dy), options.rounds)
        least = ratio(product, automatic(theirs), (x, dy), options.rounds)
        ours, args = step(getattr(fnn, name), fnn.value_and_grad)
        plain, _ = step(layer_of(theirs), jax.value_and_grad)
        whole = ratio(ours, plain, args, options.rounds, repeats=5)
        print(f"{name:14}{value:8.2f}{derivative:12.2f}{least:9.2f}{whole:8.2f}", flush=True)
    print("the precise ones, against those above")
    for name in options.names or THEIRS:
        if name in PRECISE_RULES:
            rule, usual = PRECISE_RULES[name], fnn.RULES[name]
            value = ratio(jax.jit(rule.primal), jax.jit(usual.primal), (x,), options.rounds)
            derivative = ratio(pullback(rule), pullback(usual), (x, dy), options.rounds)
            print(f"{name:14}{value:8.2f}{derivative:12.2f}", flush=True)


if __name__ == "__main__":
    main()
