"""How far are activations and their derivatives from the truth, ours and those of `jax.nn`?

Prints the published table: the largest error in ulps over the floats, measured now, with the
versions. `--exhaustive` takes every float32 with 2^-30 <= |x| < 128 in place of a sample.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from rich.console import Console
from rich.table import Table

from derivations import Accuracy, accuracy
from derivations.catalog import CATALOG
from derivations.ulps.accuracy import versions
from derivations.ulps.contract import CONTRACT, Bound, broken
from derivations.ulps.measure import Inputs
from derivations.ulps.show import figure
from derivations.ulps.tally import Errors

JAX: dict[str, Callable[..., Any]] = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": jax.nn.leaky_relu,
    "softplus": jax.nn.softplus,
    "log_sigmoid": jax.nn.log_sigmoid,
    "silu": jax.nn.silu,
    "mish": jax.nn.mish,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": jax.nn.gelu,
    "elu": jax.nn.elu,
    "celu": jax.nn.celu,
    "selu": jax.nn.selu,
    "soft_sign": jax.nn.soft_sign,
    "squareplus": jax.nn.squareplus,
    "hard_tanh": jax.nn.hard_tanh,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_silu": jax.nn.hard_silu,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which functions (default: all)")
    parser.add_argument("--exhaustive", action="store_true", help="every float32 of the band")
    options = parser.parse_args()
    made = ", ".join(f"{name} {version}" for name, version in versions().items())
    table = Table(title=f"Largest errors in ulps of the result ({made})")
    for column in ("function", "dtype", "promised", "value", "derivative", "jax.nn", "jax.grad"):
        table.add_column(column, justify="left" if column in ("function", "dtype") else "right")
    failures = []
    for name in options.names or CONTRACT:
        for dtype, bound in CONTRACT[name].items():
            inputs: Inputs = "band" if options.exhaustive and dtype == "float32" else "sample"
            ours = accuracy(CATALOG[name].rule, dtype=dtype, inputs=inputs)
            failures += broken(ours, bound)
            theirs = None
            if name in JAX:
                definition = CATALOG[name].rule.primal
                theirs = accuracy(JAX[name], dtype=dtype, inputs=inputs, definition=definition)
            table.add_row(name, dtype, _promise(bound), *_pair(ours), *_pair(theirs))
    Console(width=120).print(table)
    for words in failures:
        print(f"broken: {words}")
    return 1 if failures else 0


def _promise(bound: Bound) -> str:
    return " / ".join("-" if b is None else f"{b:g}" for b in bound)


def _pair(report: Accuracy | None) -> tuple[str, str]:
    return ("", "") if report is None else (_errors(report.value), _errors(report.derivative))


def _errors(errors: Errors) -> str:
    wrong = {
        "0": errors.wrong_zeros.times,
        "sign": errors.wrong_signs.times,
        "nan": errors.not_finite.times,
    }
    told = "".join(f" {times:,}×{kind}" for kind, times in wrong.items() if times)
    return figure(errors.maximum) + told


if __name__ == "__main__":
    sys.exit(main())
