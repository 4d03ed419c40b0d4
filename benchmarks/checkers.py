"""The corpus under several checkers: what each catches and misses, and what it blames wrongly.

    python benchmarks/checkers.py [--names] [--quick]

`jax.test_util.check_grads` (mode "rev", default tolerances) runs in float32 to order 1, and in
float64 to orders 1 and 2; `torch.autograd.gradcheck` (default tolerances, float64) if torch can be
imported. Each runs at one point: arguments that are given as arrays as they are, all others drawn
from a normal distribution. A rule that is no mistake in torch is not counted against its checker
(`peers/gradcheck.py`). Mistakes stand at a typical or exposing point, and again, in a column of its
own, at a blind one, such that a random point of those shapes and values does not show them (a batch
of one, a default of one, a branch that is rare).

`check` runs as a user would run it, and also on functions of other libraries with the derivative
that JAX gives them, which are right. Seconds are wall time in this process, after the imports; pin
it to a core that is otherwise idle (`taskset -c 1`) for seconds of one core.
"""

import argparse
import contextlib
import importlib.util
import platform
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from statistics import median, quantiles
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads
from peers.gradcheck import by_gradcheck
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from derivations import Verdict, check
from functional_nn import Rule, with_rule
from tests.corpus.entry import Entry, as_handed_over
from tests.corpus.table import RIGHT, WRONG
from tests.corpus.zoo import ZOO, Animal

SLOWEST = 10
LONG = 5.0  # seconds


class Outcome(NamedTuple):
    """What a checker said of an entry.

    Attributes:
      name: The entry's.
      refused: Whether it was; `None` if it is no mistake there, or can't be handed over.
      seconds: How long it took.
      verdict: What `check` said.
    """

    name: str
    refused: bool | None
    seconds: float
    verdict: Verdict | None = None


class Checker(NamedTuple):
    """A checker: its title in the table, and what says whether it refuses an entry."""

    title: str
    run: Callable[[Entry], bool | Verdict | None]


# --- the checkers ---------------------------------------------------------------------------------


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


def by_check_grads(entry: Entry, dtype: Any, order: int) -> bool:
    """Tells whether `check_grads` refuses an entry."""
    with jax.enable_x64(bool(dtype == jnp.float64)):
        thing = as_handed_over(entry)
        function = with_rule(thing) if isinstance(thing, Rule) else thing
        args, static = point(entry), entry.operation.static
        free = [i for i, a in enumerate(args) if i not in static and is_differentiated(a)]
        floats = [jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), args[i]) for i in free]

        def of_floats(*some: Any) -> Any:
            full = list(args)
            for i, value in zip(free, some, strict=True):
                full[i] = value
            return function(*full)

        try:
            check_grads(of_floats, floats, order=order, modes=["rev"])
        except AssertionError:
            return True
        except (TypeError, ValueError):  # JAX's own answer to a cotangent of a wrong shape or tree
            return True
    return False


def by_check(entry: Entry) -> Verdict:
    """Gives the verdict of `check`."""
    operation = entry.operation
    return check(as_handed_over(entry), *operation.arguments, sizes=operation.sizes).verdict


def by_check_of_jax(animal: Animal) -> Verdict:
    """Gives the verdict of `check` on a function with JAX's own derivative for a rule."""

    @jax.custom_vjp
    def rule(*args: Any) -> Any:
        return animal.function(*args)

    rule.defvjp(lambda *args: jax.vjp(animal.function, *args), lambda pull, ct: pull(ct))
    return check(rule, *animal.arguments, sizes=animal.sizes).verdict


def checkers() -> list[Checker]:
    """Gives the checkers that are installed."""
    found = [
        Checker(
            f"`check_grads`, {np.dtype(dtype)}, order {order} (JAX {version('jax')})",
            partial(by_check_grads, dtype=dtype, order=order),
        )
        for dtype, order in ((jnp.float32, 1), (jnp.float64, 1), (jnp.float64, 2))
    ]
    if importlib.util.find_spec("torch") is not None:
        title = f"`gradcheck`, float64 (torch {version('torch').partition('+')[0]})"
        found.append(Checker(title, lambda entry: by_gradcheck(entry, point(entry))))
    # The last: JAX 0.10 remembers the dtype of NumPy's whole numbers once traced in double
    # precision, and then refuses them in single, which would look like a false alarm of others.
    return [*found, Checker("`derivations.check`", by_check)]


# --- running them ---------------------------------------------------------------------------------


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Silences what test points of several scales bring with them."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def outcomes(
    things: Iterable[tuple[str, Any]], run: Callable[[Any], Any], step: Callable[[str], None]
) -> list[Outcome]:
    """Runs a checker on entries."""
    found = []
    for name, thing in things:
        step(name)
        with lenient():
            start = time.perf_counter()
            said = run(thing)
            seconds = time.perf_counter() - start
        if isinstance(said, Verdict):
            found.append(Outcome(name, said is Verdict.REFUTED, seconds, said))
        else:
            found.append(Outcome(name, said, seconds))
    return found


def named(entries: Iterable[Entry]) -> list[tuple[str, Entry]]:
    """Gives entries with their names."""
    return [(entry.name, entry) for entry in entries]


def progress() -> Progress:
    """Gives the display of a run of minutes, for a person at a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn(), TextColumn("{task.fields[name]}"))  # fmt: skip
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


# --- what is printed ------------------------------------------------------------------------------


def long_tail(seconds: list[float]) -> float:
    """Gives the 95th percentile."""
    return quantiles(seconds, n=20)[-1]


def refused(some: Iterable[Outcome]) -> str:
    """Says how many were refused, of those that were handed over."""
    handed = [o.refused for o in some if o.refused is not None]
    return f"{sum(handed)} of {len(handed)}"


def row(title: str, wrong: list[Outcome], right: list[Outcome]) -> str:
    """Gives a line of the table."""
    blind = {entry.name for entry in WRONG if entry.point == "blind"}
    seconds = [o.seconds for o in wrong + right if o.refused is not None]
    cells = [
        title,
        refused(o for o in wrong if o.name not in blind),
        refused(o for o in wrong if o.name in blind),
        refused(right),
        f"{median(seconds):.2f}",
        f"{long_tail(seconds):.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def names_of(title: str, wrong: list[Outcome], right: list[Outcome]) -> str:
    """Says by name what a checker missed, blamed and was not handed."""
    lists = {
        "misses": [o.name for o in wrong if o.refused is False],
        "blames": [o.name for o in right if o.refused],
        "was not handed": [o.name for o in wrong + right if o.refused is None],
    }
    return "\n".join(f"{title} {verb}: {', '.join(n) or 'none'}." for verb, n in lists.items())


def verdicts(title: str, found: list[Outcome]) -> str:
    """Says how often `check` gave each verdict."""
    counts = Counter(o.verdict for o in found)
    return f"{title}: " + ", ".join(f"{counts[v]} {v}" for v in Verdict if counts[v])


def main() -> None:
    """Prints the table, and what `check` said and how long it took."""
    options = argparse.ArgumentParser(description="The corpus under several checkers.")
    options.add_argument("--names", action="store_true", help="list what was missed or blamed")
    options.add_argument("--quick", action="store_true", help="leave out functions of libraries")
    chosen = options.parse_args()
    zoo = {} if chosen.quick else ZOO
    print(
        f"{len(WRONG)} wrong rules, {len(RIGHT)} right ones. Python {platform.python_version()}.\n"
    )
    print("| checker | caught | caught at a blind point | false alarms | median, s | 95 %, s |")
    print("|---|---|---|---|---|---|")
    notes: list[str] = []
    with progress() as display:

        def run(title: str, things: list[tuple[str, Any]], function: Any) -> list[Outcome]:
            task = display.add_task(title.replace("`", ""), total=len(things), name="")
            found = outcomes(things, function, lambda n: display.update(task, advance=1, name=n))
            display.remove_task(task)
            return found

        for checker in checkers():
            wrong = run(f"{checker.title}, wrong", named(WRONG), checker.run)
            right = run(f"{checker.title}, right", named(RIGHT), checker.run)
            print(row(checker.title, wrong, right), flush=True)
            if checker.run is by_check:
                of_jax = run("functions of libraries", list(zoo.items()), by_check_of_jax)
                notes.append(
                    "\n".join(
                        verdicts(title, found)
                        for title, found in (
                            ("wrong rules", wrong),
                            ("right rules", right),
                            ("functions of libraries", of_jax),
                        )
                        if found
                    )
                )
                every = wrong + right + of_jax
                seconds = [o.seconds for o in every]
                slowest = sorted(every, key=lambda o: -o.seconds)[:SLOWEST]
                notes.append(
                    f"All {len(every)} checks: median {median(seconds):.2f} s, 95 % within "
                    f"{long_tail(seconds):.2f} s, {sum(s > LONG for s in seconds)} longer than "
                    f"{LONG:.0f} s.\nSlowest: "
                    + ", ".join(f"{o.name} {o.seconds:.1f} s" for o in slowest)
                )
            if chosen.names:
                notes.append(names_of(checker.title, wrong, right))
    print("\n" + "\n\n".join(notes))


if __name__ == "__main__":
    main()
