"""How far are activations and losses from the truth, ours and those of `jax.nn` and optax?

Prints the published contract: the largest errors in ulps over the floats, of the value and of the
derivative, and the special values, measured now, with the versions. `--out FILE.md` writes it as
the page in benchmarks/results; `--exhaustive` takes every float32 with 2^-30 <= |x| < 128 in place
of a sample.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from derivations import accuracy
from derivations.catalog import CATALOG
from derivations.ulps.accuracy import versions
from derivations.ulps.contract import (
    CONTRACT,
    FIXED_CONTRACT,
    PRECISE_CONTRACT,
    ROWS,
    ROWS_CONTRACT,
    Bound,
    broken,
    broken_rows,
    measured_rows,
)
from derivations.ulps.fixed import FIXED, fixed
from derivations.ulps.measure import SPECIAL, Inputs
from derivations.ulps.show import figure
from derivations.ulps.tally import Errors
from functional_nn import Rule
from functional_nn.activations import PRECISE_RULES

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
# By operation: all of them take the arguments that ours take.
OPTAX: dict[str, Callable[..., Any]] = {
    "half_squared_error": lambda f, y: optax.l2_loss(f, y).sum(axis=-1),
    "squared_error": lambda f, y: optax.squared_error(f, y).sum(axis=-1),
    "huber_loss": lambda f, y: optax.huber_loss(f, y).sum(axis=-1),
    "hinge_loss": lambda f, y: optax.hinge_loss(f, y).sum(axis=-1),
    "sigmoid_cross_entropy": lambda z, y: optax.sigmoid_binary_cross_entropy(z, y).sum(axis=-1),
    "softmax_cross_entropy": lambda z, y: (
        optax.softmax_cross_entropy_with_integer_labels(z, y)
        if y.ndim < z.ndim
        else optax.softmax_cross_entropy(z, y)
    ),
    "kl_divergence": lambda z, y: optax.kl_divergence(jax.nn.log_softmax(z), y),
}

_Pair = tuple[str, str]
_NONE = "", ""


class Line(NamedTuple):
    """A line of the table: value and derivative of each library, as they are printed."""

    name: str
    dtype: str
    promised: str
    ours: _Pair
    jax: _Pair = _NONE
    optax: _Pair = _NONE
    special: dict[str, tuple[float, float]] = {}  # noqa: RUF012
    broken: tuple[str, ...] = ()


def lines(names: list[str], inputs: Inputs) -> Iterator[Line]:
    """Measures function by function; all of them without names."""
    precise = {f"precise {name}": name for name in PRECISE_CONTRACT}
    for name in names or [*CONTRACT, *precise, *FIXED_CONTRACT, *ROWS_CONTRACT]:
        if name in precise:
            rule = PRECISE_RULES[precise[name]]
            for line in _of_one(precise[name], PRECISE_CONTRACT, rule, None, inputs):
                yield line._replace(name=name)
        elif name in CONTRACT:
            yield from _of_one(name, CONTRACT, CATALOG[name].rule, JAX.get(name), inputs)
        elif name in FIXED_CONTRACT:
            operation = FIXED[name].operation
            theirs = None
            if operation in OPTAX:
                theirs = fixed(_automatic(operation, OPTAX[operation]), name)
            ours = fixed(CATALOG[operation].rule, name)
            yield from _of_one(name, FIXED_CONTRACT, ours, theirs, inputs, column="optax")
        else:
            yield from _rows(name)


def _of_one(
    name: str,
    contract: dict[str, dict[str, Bound]],
    rule: Rule,
    theirs: Any,
    inputs: Inputs,
    column: str = "jax",
) -> Iterator[Line]:
    for dtype, bound in contract[name].items():
        chosen: Inputs = inputs if dtype == "float32" else "sample"
        ours = accuracy(rule, dtype=dtype, inputs=chosen)
        beside = {}
        if theirs is not None:
            other = accuracy(theirs, dtype=dtype, inputs=chosen, definition=rule.primal)
            beside = {column: (_errors(other.value), _errors(other.derivative))}
        yield Line(
            name,
            dtype,
            _promise(bound),
            (_errors(ours.value), _errors(ours.derivative)),
            special=ours.special,
            broken=tuple(broken(ours, bound)),
            **beside,
        )


def _rows(name: str) -> Iterator[Line]:
    operation = ROWS[name].operation
    for dtype, bound in ROWS_CONTRACT[name].items():
        ours = measured_rows(CATALOG[operation].rule, name, dtype)
        theirs = measured_rows(_automatic(operation, OPTAX[operation]), name, dtype)
        yield Line(
            name,
            dtype,
            _promise(bound),
            (figure(ours.value.maximum), figure(ours.gradient.maximum)),
            optax=(figure(theirs.value.maximum), figure(theirs.gradient.maximum)),
            broken=tuple(broken_rows(name, dtype, ours, bound)),
        )


def _automatic(name: str, function: Callable[..., Any]) -> Rule:
    """Gives a function with the derivative that `jax.grad` finds."""

    def bwd(arguments: Any, dloss: Any) -> tuple[Any, ...]:
        f, y = arguments
        return jax.vjp(lambda f: function(f, y), f)[1](dloss)[0], None

    return Rule(name, function, lambda f, y: (function(f, y), (f, y)), bwd)


def _promise(bound: Bound) -> str:
    return " / ".join("-" if b is None else f"{b:g}" for b in bound)


def _errors(errors: Errors) -> str:
    wrong = {
        "0": errors.wrong_zeros.times,
        "sign": errors.wrong_signs.times,
        "nan": errors.not_finite.times,
    }
    told = "".join(f" {times:,}×{kind}" for kind, times in wrong.items() if times)
    return figure(errors.maximum) + told


_HEAD = """\
# Accuracy

The largest errors in ulps of the result's dtype, measured, not estimated: an ulp is the distance of
neighbouring floats there, and a correctly rounded result is off by at most half of one. `promised`
is what the tests hold, value / derivative. `n×0` are answers that are 0 where the truth is a normal
number, `n×sign` those of the wrong sign, `n×nan` those that are NaN or infinite where the truth is
finite. Inputs and true results that are subnormal are counted apart: XLA takes them for zero on
CPUs. Derivatives beside ours are those of `jax.grad`. Losses of one output and gated units are
functions of one argument, the others fixed; losses of K classes are taken at rows whose target is
ahead, or behind, by up to 60, and each entry of the gradient counts. `precise` are the rules of
`functional_nn.activations.PRECISE_RULES`, which take two to eight times as long.

Made by `python benchmarks/accuracy.py{options} --out benchmarks/results/accuracy.md`
with {versions}. float32: {inputs}; bfloat16 and float16: every input.
"""


def page(measured: list[Line], inputs: Inputs) -> str:
    """Gives what was measured as Markdown."""
    made = {**versions(), "optax": version("optax"), "numpy": np.__version__}
    shown = ", ".join(f"{name} {number}" for name, number in made.items())
    every = "every input with 2^-30 <= |x| < 128"
    text = [
        _HEAD.format(
            options=" --exhaustive" if inputs == "band" else "",
            versions=shown,
            inputs=every if inputs == "band" else "a million inputs at all exponents",
        ),
        "## Largest errors",
        "",
        "| function | dtype | promised | value | derivative | jax.nn | jax.grad of it | optax | "
        "jax.grad of it |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for line in measured:
        cells = (line.name, line.dtype, line.promised, *line.ours, *line.jax, *line.optax)
        text.append(f"| {' | '.join(cells)} |")
    text += [
        "",
        "## Special values",
        "",
        "Value and derivative in float32; a subnormal input is zero to XLA on CPUs.",
        "",
        f"| function | {' | '.join(SPECIAL)} |",
        "|---|" + "---|" * len(SPECIAL),
    ]
    for line in measured:
        if line.dtype == "float32" and line.special:
            pairs = (f"{v:.6g} ; {d:.6g}" for v, d in line.special.values())
            text.append(f"| {line.name} | {' | '.join(pairs)} |")
    return "\n".join(text) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which functions (default: all)")
    parser.add_argument("--exhaustive", action="store_true", help="every float32 of the band")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the page there")
    options = parser.parse_args()
    inputs: Inputs = "band" if options.exhaustive else "sample"
    measured = []
    for line in lines(options.names, inputs):
        measured.append(line)
        print(f"{line.name}, {line.dtype}: {' / '.join(line.ours)}", file=sys.stderr)
    made = page(measured, inputs)
    if options.out is None:
        print(made)
    else:
        options.out.write_text(made, encoding="utf-8")
    failures = [words for line in measured for words in line.broken]
    for words in failures:
        print(f"broken: {words}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
