"""The floats of a dtype in the order of the line, and the unit of the last place."""

from functools import cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

DTYPES = ("float16", "bfloat16", "float32", "float64")
# Of a sample: neighbours in a stretch, stretches for each exponent and sign, and where functions
# bend; the second of doubles, for which there are balls alone.
_RUN, _EACH, _WHERE_BENT = 64, 8, 256
_RUN_DOUBLE, _EACH_DOUBLE, _WHERE_BENT_DOUBLE = 16, 1, 64
_BENT = (-12, 7)  # that is, 2^-12 <= |x| < 2^7


_EXPONENT = 0x7FF << 52  # the bits of a double that hold it


class Format(NamedTuple):
    """A floating-point format.

    Attributes:
      name: Its dtype.
      digits: Bits of the significand, the leading one included.
      lowest: The exponent of the smallest normal number.
      largest: The largest finite number.
    """

    name: str
    digits: int
    lowest: int
    largest: float

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0**self.lowest

    @property
    def overflow(self) -> float:
        """From where on a number rounds to infinity."""
        # In float64 this is infinity itself, rightly: no double is as large.
        return self.largest + self.largest * 2.0 ** -(self.digits + 1)


def format_of(dtype: Any) -> Format:
    """Gives the format of a dtype.

    Raises:
      TypeError: It is not one of float16, bfloat16, float32 and float64.
    """
    name = str(jnp.dtype(dtype))
    if name not in DTYPES:
        raise TypeError(
            f"accuracy measures floating-point functions, in {', '.join(DTYPES)}. Got {name}."
        )
    info = jnp.finfo(name)
    return Format(name, info.nmant + 1, int(info.minexp), float(info.max))


def ulp(truth: np.ndarray, form: Format) -> np.ndarray:
    """Gives the distance of neighbouring floats at the magnitude of each number."""
    size = np.clip(np.abs(truth), form.tiny, form.largest)
    power = (size.view(np.int64) & _EXPONENT).view(np.float64)
    return power * 2.0 ** (1 - form.digits)


def _integers(form: Format) -> tuple[Any, Any]:
    if form.digits == 53:
        return np.uint64, np.int64
    return (np.uint32, np.int32) if form.digits == 24 else (np.uint16, np.int16)


def at(places: np.ndarray, form: Format) -> np.ndarray:
    """Gives the floats at places on the line: 0 is at 0, its neighbours at 1 and -1."""
    unsigned, signed = _integers(form)
    bits = np.abs(places).astype(signed).view(unsigned)
    sign = unsigned(1) << unsigned(np.dtype(unsigned).itemsize * 8 - 1)
    return np.where(places < 0, bits | sign, bits).astype(unsigned).view(jnp.dtype(form.name))


def place(x: float, form: Format) -> int:
    """Gives the place of a positive float, rounded to the format."""
    return int(np.array(x, jnp.dtype(form.name)).view(_integers(form)[0]))


def every(form: Format) -> np.ndarray:
    """Gives the places of all finite floats."""
    end = place(form.largest, form)
    return np.arange(-end, end + 1)


@cache
def sampled(form: Format) -> np.ndarray:
    """Gives places over all exponents: stretches of neighbours, and the floats beside powers of 2.

    The same ones each time. Of the subnormal numbers a few, for they are counted apart.
    """
    draw = np.random.default_rng(0)
    first, end = place(form.tiny, form), place(form.largest, form) + 1
    binade = 1 << (form.digits - 1)
    powers = np.arange(first, end, binade)
    single = form.digits <= 24
    run, few, many = (
        (_RUN, _EACH, _WHERE_BENT) if single else (_RUN_DOUBLE, _EACH_DOUBLE, _WHERE_BENT_DOUBLE)
    )
    bent = slice(_BENT[0] - form.lowest, _BENT[1] - form.lowest)
    each = np.full(len(powers), few)
    each[bent] = many
    starts = np.repeat(powers, each) + draw.integers(0, binade - run, each.sum())
    runs = (starts[:, None] + np.arange(run)).ravel()
    beside = (powers[:, None] + np.arange(-2, 3)).ravel()
    subnormal = draw.integers(1, first, 64)
    eighths = np.array([place(k / 8, form) for k in range(1, 1025)])  # what code compares with
    compared = (eighths[:, None] + np.arange(-1, 2)).ravel()
    positive = np.concatenate([runs, beside, compared, subnormal, [end - 1]])
    positive = np.unique(positive[(positive > 0) & (positive < end)])
    return np.concatenate([-positive[::-1], [0], positive])
