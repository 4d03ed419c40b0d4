"""Two functions of the same arrays, compared at their real sizes by exact arithmetic.

A trial draws a point. Its float64 *shadow* decides every comparison: two numbers count as different
if their shadows are a part in 10⁹ apart (far more than rounding brings about), as equal if their
residues are, and a point where the two tests disagree is thrown away. Both functions are executed
at the same point, so both take the branches that hold there, with strict inequalities: on a whole
region. There each is one formula, and the residues, drawn independently of the shadow, say whether
the two formulas are the same (`degree.py`: up to which chance). If they are, the functions agree
wherever the same branches are taken, and nothing is said of others: "equal" means equal on the
branches taken at the drawn points, one for each seed, each of another scale. Every comparison of
the code has to fall both ways somewhere among them, or else the outcome is "undecided"; that every
combination of branches was taken is not said. Nor is it of what puts several numbers in order, such
as a sort or a maximum: `orders` lists it, and the orders are those of the drawn points.

The same holds for whole numbers and truth values among the inputs: they are what was drawn. And
constants of the code stand for the numbers that `derivations.constants` reads; `assumptions` lists
them.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import derivations.modular.along
import derivations.modular.calls
import derivations.modular.elementwise
import derivations.modular.ordering
import derivations.modular.structure
import derivations.modular.sums
import derivations.modular.windows  # noqa: F401
from derivations.lift import Unsupported, kind_of
from derivations.modular.degree import Degree, added
from derivations.modular.execute import closed
from derivations.modular.fields import Field, draw_field
from derivations.modular.roots import settled
from derivations.modular.sides import one_way
from derivations.modular.trial import Claim, Trial
from derivations.modular.value import Redraw, Undecided, Value
from derivations.subject import draw_whole
from derivations.trace import double_precision

FIELDS, MOST_FIELDS = 2, 8  # in a trial
MOST_ATTEMPTS = 40
MOST_FURTHER = 6  # trials more than asked for
AGREEMENT = 1e-6  # relative, of the shadows
NEEDED = 1e-6  # a larger chance of a wrong "equal" is no result


class Place(NamedTuple):
    """Where an output differs.

    Attributes:
      output: The number of the output, in the order of the flattened results.
      first: The first entry that differs.
      entries: How many entries differ.
    """

    output: int
    first: tuple[int, ...]
    entries: int


class Account(NamedTuple):
    """What the bound of one trial is made of, as in `degree.py`.

    Attributes:
      seed: Of the trial's generator of pseudo-random numbers.
      primes: The fields.
      attempts: How many points were tried.
      outputs: The degrees of what was compared.
      variables: By function, the values that were told apart: how many of each degree.
      ties: The comparisons decided as ties, likewise.
      factor: How much more likely a polynomial is zero by roots and by exponents.
      irrational: How many primes there are whose roots are constants of the code.
      pool: Out of how many primes each field was drawn.
      bound: The chance of a wrong "equal" in this trial.
    """

    seed: int
    primes: tuple[int, ...]
    attempts: int
    outputs: tuple[tuple[Degree, Degree], ...]
    variables: dict[str, list[Claim]]
    ties: list[Claim]
    factor: float
    irrational: int
    pool: int
    bound: float


class Comparison(NamedTuple):
    """The outcome of a comparison.

    "differ" is no refutation: an identity may lie outside what the arithmetic knows, such as
    log(ab) = log a + log b. It has to be confirmed at a point, by other means.

    Attributes:
      outcome: "equal": on the branches taken at the drawn points, in the orders met there, and for
        the whole numbers that were drawn, the functions are the same, but for the `bound`.
      reason: Why it is undecided, or what differs.
      bound: The largest chance of a wrong "equal".
      primes: The primes of each trial.
      seeds: The seeds of the trials.
      attempts: How many points each trial took.
      entries: How many entries were compared.
      degree: A bound on the degree of the difference of any two entries.
      comparisons: How many comparisons the branches of a trial took, the most of any trial.
      orders: What put numbers in order: not every order was seen.
      places: Which outputs differ.
      assumptions: What the constants in the code were read as.
      accounts: What the bound is made of, for each trial.
    """

    outcome: Literal["equal", "differ", "undecided"]
    reason: str = ""
    bound: float = 1.0
    primes: tuple[tuple[int, ...], ...] = ()
    seeds: tuple[int, ...] = ()
    attempts: tuple[int, ...] = ()
    entries: int = 0
    degree: int = 0
    comparisons: int = 0
    orders: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    assumptions: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()


class _Run(NamedTuple):
    """What one trial found."""

    trial: Trial
    attempts: int
    bound: float
    degree: int
    places: tuple[Place, ...]
    compared: tuple[tuple[Degree, Degree], ...]


def compare(
    found: Callable[..., Any],
    truth: Callable[..., Any],
    *args: Any,
    seeds: Sequence[int] = (0, 1, 2),
    deadline: float = float("inf"),
    whole: Sequence[Sequence[int]] = (),
) -> Comparison:
    """Says whether two functions of the same arrays are equal, at these shapes.

    Args:
      found: The function that is judged, such as a hand-written gradient.
      truth: What it should be, such as `jax.grad` of the plain code.
      *args: Arrays, `jax.ShapeDtypeStruct`s, or pytrees of them. Only shapes and dtypes count.
      seeds: One trial for each; their chances multiply.
      deadline: When to give up, by `clock.now`.
      whole: For the first arrays, the whole numbers that they are known to be right with. Half of
        those drawn are of them, half lie below the smallest axis, where any index is in range.

    Example:
      >>> x = jax.ShapeDtypeStruct((3, 4), jnp.float32)
      >>> compare(lambda x: jnp.tanh(x) ** 2, lambda x: 1 - 1 / jnp.cosh(x) ** 2, x).outcome
      'equal'
      >>> compare(lambda x: x.sum(0), lambda x: x.mean(0), x).reason
      'output 0 differs at (0,), 4 entries in all'
    """
    avals = jax.tree.map(_aval, args)
    with double_precision():
        try:
            programs = [_traced(f, avals) for f in (found, truth)]
            shapes = [[a.shape for a in p.out_avals] for p in programs]
            if shapes[0] != shapes[1]:
                return Comparison("differ", f"the shapes {shapes[0]} and {shapes[1]}")
            leaves = jax.tree.leaves(avals)
            known = [*whole, *[()] * (len(leaves) - len(whole))]
            run = partial(_run, programs, leaves, known, deadline=deadline)
            fields = FIELDS
            runs = [run(seed, fields=fields) for seed in seeds]
            # The higher the degrees, the more primes an "equal" takes.
            while fields < MOST_FIELDS and not any(r.places for r in runs) and not _enough(runs):
                fields *= 2
                runs = [run(seed, fields=fields) for seed in seeds]
            # Where a comparison fell one way, it may fall the other at further points.
            further = range(max(seeds, default=0) + 1, max(seeds, default=0) + 1 + MOST_FURTHER)
            for seed in further:
                if any(r.places for r in runs) or not one_way(r.trial for r in runs):
                    break
                runs.append(run(seed, fields=fields))
                seeds = (*seeds, seed)
        except (Unsupported, Undecided) as error:
            return Comparison("undecided", str(error))
    return _concluded(runs, tuple(seeds), sum(int(np.prod(s)) for s in shapes[0]))


def _enough(runs: Sequence[_Run]) -> bool:
    return float(np.prod([r.bound for r in runs])) <= NEEDED


def _concluded(runs: Sequence[_Run], seeds: tuple[int, ...], entries: int) -> Comparison:
    places = next((r.places for r in runs if r.places), ())
    bound = float(np.prod([r.bound for r in runs]))
    outcome: Any = "differ" if places else "equal"
    reason = "; ".join(map(_shown, places))
    if not places and not _enough(runs):
        outcome = "undecided"
        reason = f"equal, but the chance that this is wrong is only known to be below {bound:.2g}"
    elif not places and (untaken := one_way(r.trial for r in runs)):
        outcome, reason = "undecided", f"equal, but {untaken}"
    return Comparison(
        outcome,
        reason,
        bound,
        tuple(tuple(f.prime for f in r.trial.fields) for r in runs),
        seeds,
        tuple(r.attempts for r in runs),
        entries,
        max((r.degree for r in runs), default=0),
        max((r.trial.comparisons for r in runs), default=0),
        tuple(sorted(set[str]().union(*(r.trial.orders for r in runs)))),
        places,
        tuple(sorted(set[str]().union(*(r.trial.assumptions for r in runs)))),
        tuple(_account(seed, r) for seed, r in zip(seeds, runs, strict=True)),
    )


def _account(seed: int, run: _Run) -> Account:
    trial = run.trial
    return Account(
        seed * MOST_ATTEMPTS + run.attempts - 1, tuple(f.prime for f in trial.fields),
        run.attempts, run.compared, trial.variables, trial.ties, trial.units * trial.factor,
        len(trial.irrational), trial.pool, run.bound,
    )  # fmt: skip


def _shown(place: Place) -> str:
    return f"output {place.output} differs at {place.first}, {place.entries} entries in all"


def _aval(leaf: Any) -> jax.ShapeDtypeStruct:
    leaf = leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
    floats = kind_of(leaf.dtype) == "float"
    return jax.ShapeDtypeStruct(leaf.shape, jnp.float64 if floats else leaf.dtype)


def _traced(function: Callable[..., Any], avals: Any) -> Any:
    def outputs(*args: Any) -> list[Any]:
        leaves = jax.tree.leaves(function(*args))
        return [x for x in leaves if getattr(x, "dtype", None) != jax.dtypes.float0]

    return jax.make_jaxpr(outputs)(*avals)


def _run(
    programs: Sequence[Any],
    avals: Sequence[jax.ShapeDtypeStruct],
    whole: Sequence[Sequence[int]],
    seed: int,
    deadline: float,
    draw: Callable[[Any], Field] = draw_field,
    fields: int = FIELDS,
) -> _Run:
    """Executes both programs at one point after another, until one has all that they need."""
    reason = ""
    for attempt, shadows in zip(range(MOST_ATTEMPTS), _points(avals, whole, seed), strict=False):
        trial = Trial(seed * MOST_ATTEMPTS + attempt, deadline)
        trial.fields = tuple(draw(trial.draw) for _ in range(fields))
        try:
            inputs = [trial.input(s) for s in shadows]
            found, truth = settled(
                trial, inputs, lambda values, t=trial: _both(t, programs, values)
            )
            around = max(map(_size, shadows), default=0.0)
            return _judged(trial, attempt + 1, found, truth, around)
        except Redraw as error:
            reason = str(error)
    raise Undecided(f"{reason}, at each of {MOST_ATTEMPTS} points")


def _both(trial: Trial, programs: Sequence[Any], inputs: Sequence[Value]) -> list[list[Value]]:
    trial.begin()
    return [closed(trial, program, inputs) for program in programs]


def _judged(
    trial: Trial, attempts: int, found: list[Value], truth: list[Value], around: float
) -> _Run:
    """Compares the outputs; `around` is the size of the largest input."""
    places, chances, degrees, compared = [], [0.0], [0], []
    for output, (a, b) in enumerate(zip(found, truth, strict=True)):
        if not a.real or not b.real:
            a, b = (x if x.real else trial.whole(x.shadow) for x in (a, b))
        if not (np.isfinite(a.shadow).all() and np.isfinite(b.shadow).all()):
            raise Redraw("a result is not finite")
        differ = np.zeros(a.shadow.shape, bool)
        for r, s in zip(a.residues, b.residues, strict=True):
            differ |= r != s
        if differ.any():
            first = tuple(int(i) for i in np.argwhere(differ)[0])
            places.append(Place(output, first, int(differ.sum())))
        elif not np.allclose(a.shadow, b.shadow, AGREEMENT, AGREEMENT * _around(a, around)):
            # Where a network is saturated, one of the two may have lost its digits: elsewhere then.
            raise Redraw(f"the numbers of output {output} do not agree, but their residues do")
        chances.append(trial.chance(a.degree, b.degree))
        compared.append((a.degree, b.degree))
        degrees.append(math.ceil(added(a.degree, b.degree).top))
    bound = min(1.0, attempts * (max(chances) + trial.shared()))
    return _Run(trial, attempts, bound, max(degrees), tuple(places), tuple(compared))


def _around(value: Value, inputs: float) -> float:
    """Gives the size that numbers are compared to; of an output that is zero they are rounding."""
    zero = not any(r.any() for r in value.residues)
    return inputs if zero else _size(value.shadow)


def _size(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0))


def _points(
    avals: Sequence[jax.ShapeDtypeStruct], whole: Sequence[Sequence[int]], seed: int
) -> Iterator[list[np.ndarray]]:
    """Gives shadows of several scales. Trials begin with different ones, to see other branches."""
    draw = np.random.default_rng((seed, 1))
    sizes = [size for a in avals for size in a.shape if size > 1]
    most = min(sizes, default=2)  # a label below every size is in range of any axis
    scales: list[Callable[[tuple[int, ...]], np.ndarray]] = [
        lambda shape: draw.normal(size=shape) / 8,
        lambda shape: draw.normal(size=shape),
        lambda shape: 6 * draw.normal(size=shape),
        lambda shape: draw.uniform(0.1, 0.9, shape),
        lambda shape: draw.uniform(1.1, 2.9, shape),
    ]
    for turn in itertools.count(seed):
        scale = scales[turn % len(scales)]
        yield [_shadow(a, scale, draw, most, w) for a, w in zip(avals, whole, strict=True)]


def _shadow(
    aval: jax.ShapeDtypeStruct,
    scale: Any,
    draw: np.random.Generator,
    most: int,
    whole: Sequence[int],
) -> np.ndarray:
    match kind_of(aval.dtype):
        case "float":
            return np.asarray(scale(aval.shape))
        case "int":
            return draw_whole(draw, aval.shape, most, whole).astype(aval.dtype)
        case _:
            return draw.integers(0, 2, aval.shape).astype(bool)
