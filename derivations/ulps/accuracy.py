"""`accuracy`: how far is a function, and its derivative, from the truth over the floats?"""

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

from derivations.ulps.floats import format_of
from derivations.ulps.measure import Inputs, enabled, measured, special
from derivations.ulps.scalar import scalar
from derivations.ulps.tally import Errors

_INPUTS = ("sample", "band", "all")


class Accuracy(NamedTuple):
    """What was measured of one function in one dtype.

    Attributes:
      name: The function.
      dtype: The dtype of its input.
      inputs: Which inputs were measured, in words.
      value: The errors of the function.
      derivative: The errors of its derivative: of its rule, or of `jax.grad`.
      special: Value and derivative at ±0, ±inf, NaN, subnormal numbers and the largest ones.
      assumptions: What the reference takes for granted.
      versions: Of jax and jaxlib, with the backend.
      seconds: How long it took.
    """

    name: str
    dtype: str
    inputs: str
    value: Errors
    derivative: Errors
    special: dict[str, tuple[float, float]]
    assumptions: tuple[str, ...]
    versions: dict[str, str]
    seconds: float

    def __str__(self) -> str:
        """The report for a person at a terminal."""
        from derivations.ulps.show import text

        return text(self)

    def to_json(self) -> str:
        """Gives the report for a program."""
        from derivations.ulps.show import to_json

        return to_json(self)

    def to_svg(self) -> str:
        """Draws the errors along the line, as an SVG picture. It needs matplotlib."""
        from derivations.ulps.plot import plot

        return plot(self).svg


def accuracy(
    function: Any,
    *,
    dtype: Any = "float32",
    inputs: Inputs = "sample",
    definition: Callable[..., Any] | None = None,
) -> Accuracy:
    """Measures the error of a function of one number, and of its derivative, in ulps.

    An ulp is the distance of neighbouring floats of the result's dtype at the true result; a
    correctly rounded answer is off by at most half of one. The truth is the function's own code
    (the primal of a rule) read over the real numbers, and its derivative, in arb's balls, known to
    a hundredth of an ulp. Where there are very many inputs, polynomials in double precision stand
    for it, only where arb bounds their distance to it by as little.

    Inputs and true results that are subnormal are counted apart: XLA on CPUs takes them for zero.
    At a kink, where the one-sided derivatives differ, the derivative has no error.

    Args:
      function: A `Rule`, a `jax.custom_vjp` or `jax.custom_jvp` function, or a plain function, of
        one array, entry by entry, or of one number. Fix other arguments first:
        `lambda x: leaky(x, 0.1)`.
      dtype: float16 or bfloat16, of which every input is measured, float32 or float64.
      inputs: `"sample"`: of float32 and float64, stretches of neighbours at every exponent, a
        million in all; in float64, where balls alone are the reference, fewer. `"band"`: every
        float32 with `2^-30 <= |x| < 128`. `"all"`: every float32.
      definition: What the function ought to be, if its own code does not say so over the reals
        (because a polynomial stands for it, for instance): a function of the same argument.

    Returns:
      A report: `str` for a person, `to_json()`, `to_svg()`.

    Raises:
      NotElementwise: An entry of the result depends on other entries of the argument (a
        `TypeError`).
      TypeError: The dtype, the argument or the result is not floating; or the function takes
        several arguments.
      ValueError: `inputs` is not one of the three words, or asks for every float64.
      derivations.lift.Unsupported: The code cannot be read over the reals.

    Example:
      >>> import jax
      >>> report = accuracy(jax.nn.softplus, dtype="bfloat16")
      >>> report.value.maximum < 2 < report.derivative.maximum
      True
    """
    start = time.monotonic()
    form = format_of(dtype)
    if inputs not in _INPUTS:
        raise ValueError(f"inputs is 'sample', 'band' or 'all'. Got {inputs!r}.")
    if inputs != "sample" and form.name != "float32":
        raise ValueError(f"inputs={inputs!r} is for float32. Got {form.name}.")
    with enabled(form):
        read = scalar(function, form.name, definition)
    value, derivative = measured(read, form, inputs)
    return Accuracy(
        read.name,
        form.name,
        _words(form.name, inputs),
        value,
        derivative,
        special(read, form),
        read.assumptions,
        versions(),
        time.monotonic() - start,
    )


def _words(dtype: str, inputs: Inputs) -> str:
    if inputs == "band":
        return "every float32 with 2^-30 <= |x| < 128"
    if inputs == "all" or dtype in ("float16", "bfloat16"):
        return f"every finite {dtype}"
    return f"a sample of {dtype} at every exponent"


def versions() -> dict[str, str]:
    """Gives what the figures depend on."""
    import jax

    return {
        "jax": version("jax"),
        "jaxlib": version("jaxlib"),
        "backend": jax.default_backend(),
    }
