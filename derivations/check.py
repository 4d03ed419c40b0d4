"""`check`: is a hand-written derivative right? For every rule, the same obligations."""

from collections.abc import Callable
from typing import Any, Literal

from derivations.composition import check_network, check_objective
from derivations.found import check_function
from derivations.single import check_rule
from derivations.subject import is_objective, is_plain
from derivations.verdict import Report


def check(
    thing: Any,
    *args: Any,
    textbook: Any = None,
    declared: Callable[..., Any] | None = None,
    sizes: Literal["all", "given"] = "all",
    budget: float = 30.0,
) -> Report:
    """Proves or refutes that a hand-written derivative is the derivative.

    The traced code is read over the real numbers; a verdict therefore says nothing of rounding.

    Args:
      thing: A `jax.custom_vjp` or `jax.custom_jvp` function, a `functional_nn.Rule`, a
        `functional_nn.Layer` (a network is checked part by part), or an objective. Of a plain
        function every custom rule that it calls is checked, and the gradient of the whole.
      *args: Example arguments: arrays, `jax.ShapeDtypeStruct`s, Python numbers, or pytrees of them.
        Their shapes and dtypes matter, their values do not. A layer takes (params, x), an
        objective (params, x, y).
      textbook: A `derivations.textbook.Entry` to compare a rule with as well.
      declared: For a rule that is meant not to be the derivative (a straight-through estimator, a
        clipped gradient): what it is meant to be, as `declared(*args, cotangent) -> cotangents`.
        The rule is then proved to be that, and the report says how it differs from the derivative.
      sizes: `"all"` proves for every size where it can; sizes that are equal in the example are
        equal in the proof. A rule that is wrong at other sizes at which both its passes run, equal
        ones made different or an axis of length one made longer, is refuted there.
        `"given"` speaks for the example's sizes only.
      budget: Seconds, for each part of a network, in which this process runs or rests: those in
        which a busy machine lets others run do not count. What they run out on is `UNDECIDED`.

    Returns:
      A report; `report.verdict` is the worst of its obligations.

    Raises:
      TypeError: `thing` has no hand-written derivative, or the arguments do not fit.
      ValueError: `budget` is not positive, or `sizes` is neither word.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> @jax.custom_vjp
      ... def square(x):
      ...     return x * x
      >>> square.defvjp(lambda x: (x * x, x), lambda x, dy: (3 * x * dy,))
      >>> report = check(square, jnp.ones(4))
      >>> str(report.verdict)
      'REFUTED'
    """
    if not budget > 0:
        raise ValueError(f"budget is a positive number of seconds. Got {budget!r}.")
    if sizes not in ("all", "given"):
        raise ValueError(f"sizes is 'all' or 'given'. Got {sizes!r}.")
    joined = is_objective(thing) or bool(getattr(thing, "parts", ()))
    if declared is not None and (joined or is_plain(thing)):
        raise TypeError("declared= speaks of a single rule. Got something that joins several.")
    if joined:
        whole, takes = (
            (check_objective, "(params, x, y)")
            if is_objective(thing)
            else (check_network, "(params, x)")
        )
        if len(args) != takes.count(",") + 1:
            raise TypeError(f"check of a network takes {takes}. Got {len(args)} arguments.")
        return whole(thing, *args, budget=budget)
    if is_plain(thing):
        return check_function(thing, *args, sizes=sizes, budget=budget)
    return check_rule(
        thing, *args, textbook=textbook, declared=declared, sizes=sizes, budget=budget
    )
