"""Proofs inside a test suite: `assert_rule` fails a test, `rule_cases` makes one for each rule.

They need nothing of a repository but pytest: no plugin, no configuration, no layout.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from derivations.check import check
from derivations.subject import is_layer, is_rule
from derivations.verdict import Report, Verdict

_BEST_FIRST = (Verdict.PROVED, Verdict.EXACT, Verdict.UNDECIDED)


def assert_rule(
    fn: Any, *args: Any, at_least: Verdict = Verdict.PROVED, **check_options: Any
) -> Report:
    """Asserts that a hand-written derivative is the derivative.

    Args:
      fn: What `derivations.check` takes: a `jax.custom_vjp` or `jax.custom_jvp` function, a
        `Rule`, a `Layer` or an objective.
      *args: Example arguments, as `derivations.check` takes them.
      at_least: The least verdict that passes: `PROVED`, `EXACT` or `UNDECIDED`. With `UNDECIDED`
        the test fails at a counterexample only.
      **check_options: Further options of `derivations.check`, such as `budget`.

    Returns:
      The report, for whatever else the test wants to know of it.

    Raises:
      AssertionError: An obligation does worse. The message shows each of those, with its reason
        and its counterexample.
      ValueError: `at_least` is no verdict that a test could ask for.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> @jax.custom_vjp
      ... def square(x):
      ...     return x * x
      >>> square.defvjp(lambda x: (x * x, x), lambda x, dy: (2 * x * dy,))
      >>> str(assert_rule(square, jax.ShapeDtypeStruct((4,), jnp.float32)).verdict)
      'PROVED'
    """
    __tracebackhide__ = True
    if at_least not in _BEST_FIRST:
        raise ValueError(f"at_least is Verdict.PROVED, EXACT or UNDECIDED. Got {at_least!r}.")
    passing = _BEST_FIRST[: _BEST_FIRST.index(at_least) + 1]
    report = check(fn, *args, **check_options)
    if report.verdict not in passing:
        raise AssertionError(_message(report, passing))
    return report


def rule_cases(cases: Mapping[str, Sequence[Any]]) -> Callable[[Any], Any]:
    """Makes one test for each rule out of a test function that takes a `rule`.

    The names are the tests' ids, so that `pytest -k swish` runs one rule's. What else the test
    says, such as `at_least`, a budget or a tolerance of its own, it says in plain Python.

    Args:
      cases: A name to the rule followed by its example arguments: what `assert_rule` takes.

    Returns:
      A decorator. The test finds the rule and its arguments in its parameter `rule`.

    Raises:
      ValueError: There are no cases.
      TypeError: A case is not a rule followed by its arguments.

    Example:
      In a test module, with two rules of `mine`:

      ```python
      import jax
      import jax.numpy as jnp
      from mine import dense, swish

      from derivations.testing import assert_rule, rule_cases

      def array(*shape):
          return jax.ShapeDtypeStruct(shape, jnp.float32)

      @rule_cases({
          "swish": (swish, array(4)),
          "dense": (dense, array(5, 3), array(3, 2), array(2)),
      })
      def test_backward_pass(rule):
          assert_rule(*rule)
      ```
    """
    import pytest

    if not cases:
        raise ValueError("rule_cases needs at least one rule. Got none, which would test nothing.")
    for name, case in cases.items():
        bare = is_rule(case) or is_layer(case)  # which are tuples too
        if bare or not isinstance(case, (tuple, list)) or len(case) < 2:
            raise TypeError(
                "A case is a rule followed by its example arguments, such as (swish, x). "
                f"Got {case!r} for {name!r}."
            )
    return pytest.mark.parametrize("rule", list(cases.values()), ids=list(cases))


def _message(report: Report, passing: Sequence[Verdict]) -> str:
    failed = _failed(report, passing)
    asked = " or ".join(str(verdict) for verdict in passing)
    names = ", ".join(dict.fromkeys(_names(failed)))
    return f"{report.subject} is {report.verdict}, and not {asked}: {names}\n{failed}"


def _failed(report: Report, passing: Sequence[Verdict]) -> Report:
    """Gives the report with what failed, and nothing else."""
    obligations = tuple(o for o in report.obligations if o.verdict not in passing)
    parts = tuple(_failed(part, passing) for part in report.parts if part.verdict not in passing)
    return report._replace(obligations=obligations, parts=parts)


def _names(report: Report) -> list[str]:
    return [o.name for o in report.obligations] + [
        f"{part.subject} {name}" for part in report.parts for name in _names(part)
    ]
