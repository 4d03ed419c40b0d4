"""The pytest helpers: what passes, what fails, and what the messages say."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from derivations import Obligation, Report, Verdict
from derivations.testing import assert_rule, rule_cases

ROOT = Path(__file__).parents[2]
ROW = jax.ShapeDtypeStruct((4,), jnp.float32)


@jax.custom_vjp
def square(x):
    return x * x


square.defvjp(lambda x: (x * x, x), lambda x, dy: (2 * x * dy,))


@jax.custom_vjp
def wrong(x):
    return x * x


wrong.defvjp(lambda x: (x * x, x), lambda x, dy: (3 * x * dy,))


def outcome(verdict):
    """A report of one obligation that fails, and of one that does not."""
    reason = "the reason why" if verdict is Verdict.UNDECIDED else ""
    return Report(
        "square",
        "rule",
        (
            Obligation("value", "fwd returns the value", Verdict.PROVED),
            Obligation("cotangent[x]", "bwd is the product", verdict, reason=reason),
        ),
    )


@pytest.fixture
def says(monkeypatch):
    """Lets every check say what it is told to."""

    def arrange(report):
        monkeypatch.setattr("derivations.testing.check", lambda *args, **options: report)

    return arrange


def test_a_right_rule_passes_and_gives_its_report():
    report = assert_rule(square, ROW)
    assert report.verdict is Verdict.PROVED
    assert report.subject == "square"


def test_a_wrong_rule_fails_with_its_witness():
    with pytest.raises(AssertionError) as caught:
        assert_rule(wrong, ROW)
    message = str(caught.value)
    assert message.startswith("wrong is REFUTED, and not PROVED: cotangent[x]\n")
    assert "at x: [" in message
    assert "the rule gives for dx[" in message
    assert "the true value is: " in message
    assert "value  " not in message  # proved: what is right is not shown


@pytest.mark.parametrize(
    ("verdict", "at_least", "passes"),
    [
        (Verdict.PROVED, Verdict.PROVED, True),
        (Verdict.EXACT, Verdict.PROVED, False),
        (Verdict.UNDECIDED, Verdict.PROVED, False),
        (Verdict.REFUTED, Verdict.PROVED, False),
        (Verdict.PROVED, Verdict.EXACT, True),
        (Verdict.EXACT, Verdict.EXACT, True),
        (Verdict.UNDECIDED, Verdict.EXACT, False),
        (Verdict.REFUTED, Verdict.EXACT, False),
        (Verdict.PROVED, Verdict.UNDECIDED, True),
        (Verdict.EXACT, Verdict.UNDECIDED, True),
        (Verdict.UNDECIDED, Verdict.UNDECIDED, True),
        (Verdict.REFUTED, Verdict.UNDECIDED, False),
    ],
)
def test_at_least(says, verdict, at_least, passes):
    says(outcome(verdict))
    if passes:
        assert assert_rule(square, ROW, at_least=at_least).verdict is verdict
        return
    with pytest.raises(AssertionError, match=f"square is {verdict}, and not PROVED"):
        assert_rule(square, ROW, at_least=at_least)


def test_the_reason_is_shown(says):
    says(outcome(Verdict.UNDECIDED))
    with pytest.raises(AssertionError, match="reason: the reason why"):
        assert_rule(square, ROW)


def test_a_part_of_a_network_is_named(says):
    whole = (Obligation("composition", "it is composed", Verdict.PROVED),)
    right = outcome(Verdict.PROVED)._replace(subject="first")
    says(Report("net", "network", whole, (right, outcome(Verdict.REFUTED))))
    with pytest.raises(AssertionError) as caught:
        assert_rule(square, ROW)
    assert str(caught.value).startswith("net is REFUTED, and not PROVED: square cotangent[x]\n")
    assert "first" not in str(caught.value)
    assert "composition" not in str(caught.value)


@pytest.mark.parametrize("at_least", [Verdict.REFUTED, "PROVED", None])
def test_a_verdict_that_no_test_could_ask_for(at_least):
    with pytest.raises(ValueError, match="at_least is Verdict.PROVED, EXACT or UNDECIDED"):
        assert_rule(square, ROW, at_least=at_least)


def test_options_are_those_of_check():
    assert assert_rule(square, ROW, sizes="given").verdict is Verdict.PROVED
    with pytest.raises(ValueError, match="budget"):
        assert_rule(square, ROW, budget=0)


def test_cases_without_a_rule():
    with pytest.raises(ValueError, match="at least one rule"):
        rule_cases({})


@pytest.mark.parametrize("case", [square, (square,), fnn.RULES["sigmoid"], fnn.dense(3)])
def test_a_case_without_its_arguments(case):
    with pytest.raises(TypeError, match="followed by its example arguments.*'bare'"):
        rule_cases({"bare": case})


@rule_cases({"square": (square, ROW), "sigmoid": (fnn.RULES["sigmoid"], ROW)})
def test_cases_are_tests(rule, request):
    assert request.node.callspec.id in ("square", "sigmoid")
    assert_rule(*rule)


@pytest.mark.slow
def test_importing_the_helpers_imports_no_pytest():
    code = "import sys, derivations.testing; print('pytest' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"


# --- in somebody else's repository --------------------------------------------------------------

FOREIGN = {
    "setup.cfg": """
        [tool:pytest]
        addopts = --strict-markers --strict-config -p no:cacheprovider
        filterwarnings = error
        testpaths = checks
    """,
    "src/mylib/__init__.py": "",
    "src/mylib/ops.py": """
        import jax
        import jax.numpy as jnp
        from jax.extend.core import Primitive

        mystery_p = Primitive("mystery")
        mystery_p.def_impl(lambda x: x)
        mystery_p.def_abstract_eval(lambda x: x)


        @jax.custom_vjp
        def swish(x):
            return x * jax.nn.sigmoid(x)


        def _swish_fwd(x):
            return swish(x), x


        def _swish_bwd(x, dy):
            s = jax.nn.sigmoid(x)
            return (dy * (s + x * s * (1 - s)),)


        swish.defvjp(_swish_fwd, _swish_bwd)


        @jax.custom_vjp
        def softmax(x):
            return jax.nn.softmax(x)


        def _softmax_fwd(x):
            y = jax.nn.softmax(x)
            return y, y


        softmax.defvjp(_softmax_fwd, lambda y, dy: (dy * y * (1 - y),))


        @jax.custom_vjp
        def mystery(x):
            return mystery_p.bind(x)


        mystery.defvjp(lambda x: (mystery(x), None), lambda _, dy: (mystery_p.bind(dy),))
    """,
    "checks/conftest.py": """
        import sys
        from pathlib import Path

        import jax
        import pytest

        sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
        jax.config.update("jax_numpy_dtype_promotion", "strict")
        jax.config.update("jax_numpy_rank_promotion", "raise")
        jax.config.update("jax_debug_nans", True)


        @pytest.fixture(autouse=True)
        def no_state_is_left_behind():
            before = jax.config.values.copy()
            yield
            assert jax.config.values == before
    """,
    "checks/ops_test.py": """
        import jax
        import jax.numpy as jnp
        from mylib.ops import mystery, softmax, swish

        from derivations import Verdict
        from derivations.testing import assert_rule, rule_cases

        ROW = jax.ShapeDtypeStruct((4,), jnp.float32)
        RULES = {"swish": (swish, ROW), "softmax": (softmax, ROW), "mystery": (mystery, ROW)}


        @rule_cases(RULES)
        def test_backward_pass(rule):
            assert_rule(*rule)


        @rule_cases(RULES)
        def test_has_no_counterexample(rule):
            assert_rule(*rule, at_least=Verdict.UNDECIDED)
    """,
}


@pytest.mark.slow
def test_in_a_repository_of_another_layout(tmp_path):
    for path, text in FOREIGN.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "JAX_"))}
    env |= {
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # no xdist, no hypothesis
        "COLUMNS": "200",
    }
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    out = run.stdout
    assert run.returncode == 1, out + run.stderr
    tests = "checks/ops_test.py::test"
    assert f"PASSED {tests}_backward_pass[swish]" in out
    assert f"PASSED {tests}_has_no_counterexample[swish]" in out
    assert f"PASSED {tests}_has_no_counterexample[mystery]" in out
    assert "3 failed, 3 passed" in out
    # The summary alone says which obligation failed.
    summary = out.partition("short test summary info")[2]
    for name, verdict in (
        ("backward_pass[softmax]", "softmax is REFUTED, and not PROVED: cotangent[x]"),
        ("backward_pass[mystery]", "mystery is UNDECIDED, and not PROVED: value"),
        ("has_no_counterexample[softmax]", "softmax is REFUTED, and not PROVED or EXACT or UN"),
    ):
        assert f"FAILED {tests}_{name} - AssertionError: {verdict}" in summary
    # The message has the witness, and the primitive that is not known.
    assert "the rule gives for dx[" in out
    assert "the true value is: " in out
    assert "reason: the primitive mystery at " in out
    # The traceback ends in the user's own test.
    assert "derivations/testing.py" not in out
