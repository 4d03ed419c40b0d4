"""The corpus under several checkers: what each catches and misses, and what it blames wrongly.

    python benchmarks/checkers.py [--names]

`jax.test_util.check_grads` (order 1, mode "rev", default tolerances) runs in float32 and in
float64, `torch.autograd.gradcheck` (default tolerances, float64) if torch can be imported, each at
one point: arguments that are given as arrays as they are, all others drawn from a normal
distribution. A rule that can't be handed to a checker is not counted against it. Rules that differ
in the second derivative alone, or from a right one by a `fixed` value at which they are right, are
in the table too: they are what a single point does not show.

`check` runs as a user would run it. Its seconds are those of one process on one core, after the
imports; the slowest checks are listed below the table.
"""

import argparse
import contextlib
import importlib.util
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from statistics import median, quantiles
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from derivations import Verdict, check
from functional_nn import Rule, with_rule
from tests.corpus.entry import Entry, as_handed_over, as_rule
from tests.corpus.table import RIGHT, WRONG

SLOWEST = 10


class Outcome(NamedTuple):
    """What a checker said of an entry: `None` if the entry can't be handed to it."""

    refused: bool | None
    seconds: float


def drawn(like: Any, random: np.random.Generator) -> Any:
    """Gives an argument at the test point."""
    if not isinstance(like, jax.ShapeDtypeStruct):
        return like
    kind = np.dtype(like.dtype).kind
    if kind == "f":
        return random.standard_normal(like.shape)
    return random.integers(0, 2, like.shape).astype(like.dtype)


def point(entry: Entry) -> list[Any]:
    """Gives the arguments of an entry at its test point."""
    random = np.random.default_rng(0)
    return jax.tree.map(partial(drawn, random=random), list(entry.operation.arguments))


def is_differentiated(argument: Any) -> bool:
    """Tells whether an argument is of floats."""
    return all(np.asarray(leaf).dtype.kind == "f" for leaf in jax.tree.leaves(argument))


def by_check_grads(entry: Entry, dtype: Any) -> bool | None:
    """Tells whether `check_grads` refuses an entry."""
    thing = as_handed_over(entry)
    function = with_rule(thing) if isinstance(thing, Rule) else thing
    args = point(entry)
    static = entry.operation.static
    free = [i for i, a in enumerate(args) if i not in static and is_differentiated(a)]
    cast = {i: jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), args[i]) for i in free}

    def of_floats(*some: Any) -> Any:
        full = list(args)
        for i, value in zip(free, some, strict=True):
            full[i] = value
        return function(*full)

    try:
        check_grads(of_floats, [cast[i] for i in free], order=1, modes=["rev"])
    except AssertionError:
        return True
    except (TypeError, ValueError):  # JAX's own answer to a cotangent of a wrong shape or tree
        return True
    return False


def by_check(entry: Entry) -> bool:
    """Tells whether `check` refutes an entry."""
    operation = entry.operation
    report = check(as_handed_over(entry), *operation.arguments, sizes=operation.sizes)
    return report.verdict is Verdict.REFUTED


def timed(checker: Callable[[Entry], bool | None], entry: Entry) -> Outcome:
    """Runs a checker on an entry."""
    start = time.perf_counter()
    refused = checker(entry)
    return Outcome(refused, time.perf_counter() - start)


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Silences what test points of several scales bring with them."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


class Checker(NamedTuple):
    """A checker: its title in the table, and what says whether it refuses an entry."""

    title: str
    run: Callable[[Entry], bool | None]


def in_double(run: Callable[[Entry], bool | None]) -> Callable[[Entry], bool | None]:
    """Runs a checker with JAX's double precision."""

    def run_in_double(entry: Entry) -> bool | None:
        with jax.enable_x64(True):
            return run(entry)

    return run_in_double


def checkers() -> list[Checker]:
    """Gives the checkers that are installed."""
    jax_version = version("jax")
    found = [
        Checker("`derivations.check`", by_check),
        Checker(
            f"`check_grads`, float32 (JAX {jax_version})",
            lambda entry: by_check_grads(entry, jnp.float32),
        ),
        Checker(
            f"`check_grads`, float64 (JAX {jax_version})",
            in_double(lambda entry: by_check_grads(entry, jnp.float64)),
        ),
    ]
    if importlib.util.find_spec("torch") is None:
        return found
    return [*found, Checker(f"`gradcheck`, float64 (torch {version('torch')})", by_gradcheck)]


class TorchArrays:
    """The part of NumPy that the corpus is written in, in torch."""

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.torch, name)

    def max(self, x: Any, axis: int, keepdims: bool = False) -> Any:
        return self.torch.amax(x, axis, keepdims)

    def maximum(self, x: Any, y: Any) -> Any:
        return self.torch.maximum(x, self.asarray(y))

    def minimum(self, x: Any, y: Any) -> Any:
        return self.torch.minimum(x, self.asarray(y))

    def clip(self, x: Any, low: float, high: float) -> Any:
        return self.torch.clamp(x, low, high)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return self.torch.where(condition, self.asarray(x), self.asarray(y))

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return x if isinstance(x, self.torch.Tensor) else self.torch.tensor(np.asarray(x, float))

    def arange(self, stop: int, dtype: Any = None) -> Any:
        return self.torch.arange(stop)

    def cumsum(self, x: Any, axis: int = 0) -> Any:
        return self.torch.cumsum(x, axis)

    def cumprod(self, x: Any, axis: int = 0) -> Any:
        return self.torch.cumprod(x, axis)

    def flip(self, x: Any, axis: int = 0) -> Any:
        return self.torch.flip(x, (axis,))

    def added_at(self, like: Any, places: Any, values: Any) -> Any:
        at = (self.asarray(places).long(),)
        return self.torch.zeros_like(like).index_put(at, values, accumulate=True)

    def written_at(self, like: Any, places: Any, values: Any) -> Any:
        return self.torch.zeros_like(like).index_put((self.asarray(places).long(),), values)


def by_gradcheck(entry: Entry) -> bool | None:
    """Tells whether torch's `gradcheck` refuses an entry; arrays alone can be handed to it."""
    arguments = entry.operation.arguments
    is_flat = all(jax.tree.structure(a) == jax.tree.structure(0) for a in arguments)
    if entry.door == "custom_jvp" or not is_flat:
        return None
    xp = TorchArrays()
    torch, rule, args = xp.torch, as_rule(entry, xp), point(entry)
    static = entry.operation.static
    free = [i for i, a in enumerate(args) if i not in static and is_differentiated(a)]
    for i, argument in enumerate(args):
        if i in free:
            args[i] = torch.tensor(np.asarray(argument, float), requires_grad=True)
        elif i not in static:
            array = np.asarray(argument)
            args[i] = torch.tensor(array.astype(np.int64) if array.dtype.kind == "i" else array)
    dynamic = [i for i in range(len(args)) if i not in static]

    class Written(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *some: Any) -> Any:
            full = list(args)
            for i, value in zip(free, some, strict=True):
                full[i] = value.detach()
            out, ctx.residuals = rule.fwd(*full)
            return out

        @staticmethod
        def backward(ctx: Any, *dy: Any) -> Any:
            pulled = rule.bwd(ctx.residuals, dy[0] if len(dy) == 1 else dy)
            return tuple(pulled[dynamic.index(i)] for i in free)

    floats = [args[i] for i in free]
    try:
        rule.primal(*args)
    except (AttributeError, TypeError, RuntimeError):
        return None  # the operation itself can't be written so in torch
    try:
        return not torch.autograd.gradcheck(Written.apply, floats, raise_exception=False)
    except (AttributeError, TypeError, NotImplementedError):
        return None
    except (RuntimeError, ValueError):  # torch's own answer to a cotangent of a wrong shape
        return True


def row(title: str, wrong: list[Outcome], right: list[Outcome]) -> str:
    """Gives a line of the table."""
    judged = [o for o in wrong if o.refused is not None]
    passed = [o for o in right if o.refused is not None]
    caught = sum(bool(o.refused) for o in judged)
    seconds = [o.seconds for o in judged + passed]
    cells = [
        title,
        f"{caught} of {len(judged)}",
        str(len(judged) - caught),
        f"{sum(bool(o.refused) for o in passed)} of {len(passed)}",
        f"{median(seconds):.2f}",
        f"{quantiles(seconds, n=20)[-1]:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints the table, and which rules were missed and which were blamed for nothing."""
    options = argparse.ArgumentParser(description="The corpus under several checkers.")
    options.add_argument("--names", action="store_true", help="list what was missed or blamed")
    listed = options.parse_args().names
    print(
        f"{len(WRONG)} wrong rules, {len(RIGHT)} right ones. Python {platform.python_version()}.\n"
    )
    print("| checker | caught | missed | false alarms | median, s | 95 %, s |")
    print("|---|---|---|---|---|---|")
    notes = []
    for checker in checkers():
        with lenient():
            wrong = [timed(checker.run, entry) for entry in WRONG]
            right = [timed(checker.run, entry) for entry in RIGHT]
        print(row(checker.title, wrong, right), flush=True)
        if listed:
            missed = [e.name for e, o in zip(WRONG, wrong, strict=True) if o.refused is False]
            blamed = [e.name for e, o in zip(RIGHT, right, strict=True) if o.refused]
            notes.append(f"{checker.title} misses {', '.join(missed) or 'none'}.")
            notes.append(f"{checker.title} blames {', '.join(blamed) or 'none'}.")
        if checker.run is by_check:
            times = zip(WRONG + RIGHT, wrong + right, strict=True)
            slowest = sorted(times, key=lambda pair: -pair[1].seconds)[:SLOWEST]
            notes.append("Slowest: " + ", ".join(f"{e.name} {o.seconds:.1f} s" for e, o in slowest))
    print("\n" + "\n\n".join(notes))


if __name__ == "__main__":
    main()
