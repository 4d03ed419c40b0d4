"""Mutants against a user's tests, in a repository of their own."""

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest

from derivations.__main__ import main
from derivations.mutation import run
from derivations.mutation.mutants import Line
from derivations.mutation.report import text, to_json
from derivations.mutation.run import CannotMutate, Mutation, Outcome, mutate

ROOT = Path(__file__).parents[3]

RULES = """
    import jax
    import jax.numpy as jnp


    @jax.custom_vjp
    def doubled(x):
        return 2.0 * x


    doubled.defvjp(lambda x: (2.0 * x, None), lambda _, dy: (2.0 * dy,))


    @jax.custom_vjp
    def softmax(x):
        return jax.nn.softmax(x)


    def softmax_fwd(x):
        s = jax.nn.softmax(x)
        return s, (s, x)


    def softmax_bwd(residuals, ds):
        s, x = residuals
        inner = jnp.sum(ds * s, axis=-1, keepdims=True)
        return (s * (ds - inner) / jnp.sum(s, axis=-1, keepdims=True),)


    softmax.defvjp(softmax_fwd, softmax_bwd)
"""

# A suite that looks at a shape and a sign, as suites do.
WEAK = """
    import jax
    import jax.numpy as jnp
    from mine.rules import doubled, softmax

    def test_doubled():
        dx = jax.grad(doubled)(3.0)
        assert dx > 1.5

    def test_softmax():
        x = jnp.ones((2, 3))
        dx = jax.jit(jax.grad(lambda x: softmax(x)[0, 0]))(x)
        assert dx.shape == x.shape
        assert dx[0, 0] > 0
"""

STRONG = """
    import jax
    import jax.numpy as jnp
    from derivations.testing import assert_rule
    from mine.rules import doubled, softmax

    def test_softmax():
        assert_rule(softmax, jax.ShapeDtypeStruct((2, 3), jnp.float32))
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a package in a folder of its own, and two suites."""
    files = {
        "pytest.ini": "[pytest]\npythonpath = src\nfilterwarnings = error\nstrict_config = true",
        "src/mine/__init__.py": "",
        "src/mine/rules.py": RULES,
        "tests/test_weak.py": WEAK,
        "tests/test_strong.py": STRONG,
        "tests/test_failing.py": "def test_it():\n    assert 1 == 2",
        "tests/test_other.py": "def test_it():\n    pass",
    }
    for path, content in files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(content))
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("PYTEST_") or name == "JAX_ENABLE_X64":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return tmp_path


def results(mutation):
    return {f"{o.line.number} {o.words}": o.result for o in mutation.outcomes}


@pytest.mark.slow
def test_a_weak_suite_of_a_small_rule(repository, capsys):
    tests = "pytest -q tests/test_weak.py -k doubled"
    assert main(["mutate", "mine.rules:doubled", "--tests", tests, "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["ran"] == ["float32[]"]
    assert data["score"] == pytest.approx(2 / 3)
    assert {(m["words"], m["result"]) for m in data["mutants"]} == {
        ("the constant 2 replaced by 1", "killed"),
        ("the constant 2 replaced by 4", "survived"),
        ("the cotangent of x set to zero", "killed"),
    }
    assert {(m["file"], m["line"]) for m in data["mutants"]} == {
        (str(repository / "src/mine/rules.py"), 11)
    }
    (survivor,) = [m for m in data["mutants"] if m["result"] == "survived"]
    assert "the mutant gives" in survivor["detail"]
    # Nothing of a mutant is left for the user's next run.
    assert not (repository / ".pytest_cache/v/cache/lastfailed").exists()
    assert not (repository / ".hypothesis").exists()


@pytest.mark.nightly
def test_a_weak_and_a_strong_suite(repository):
    weak = results(mutate("mine.rules", "softmax", "pytest tests/test_weak.py"))
    strong = results(mutate("mine.rules", "softmax", "pytest tests/test_strong.py"))
    assert weak.keys() == strong.keys()
    assert len(weak) == 12
    # The softmax sums to one: to divide by that does nothing, and only a proof can tell.
    equal = [name for name, result in strong.items() if result == "proved equal"]
    assert equal == ["27 the divisor dropped"]
    assert all(result == "killed" for name, result in strong.items() if name not in equal)
    assert [name for name, result in weak.items() if result == "proved equal"] == equal
    survived = [name for name, result in weak.items() if result == "survived"]
    assert "27 the second term of the difference added" in survived
    assert "26 the sum replaced by the mean" in survived
    assert len(survived) == 6


@pytest.mark.nightly
def test_with_several_processes(repository, monkeypatch):
    pytest.importorskip("xdist")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    tests = "pytest -n 2 tests/test_weak.py tests/test_other.py"
    found = results(mutate("mine.rules", "doubled", tests))
    assert found == {
        "11 the constant 2 replaced by 1": "killed",
        "11 the constant 2 replaced by 4": "survived",
        "11 the cotangent of x set to zero": "killed",
    }


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        ("", "such as 'pytest tests'. Got nothing"),
        ("pytest 'tests", "cannot be split into words"),
        ("no-such-program tests", "Got 'no-such-program', which is not found"),
        (f"{sys.executable} -c pass", "did not run pytest"),
        ("pytest tests/test_failing.py", "assert 1 == 2"),
        ("pytest tests/test_missing.py", "Exit status 4"),
        ("pytest tests/test_other.py", "the tests never import mine.rules"),
    ],
)
def test_wrong_usage(repository, capsys, tests, message):
    assert main(["mutate", "mine.rules:doubled", "--tests", tests]) == 3
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        ({"error": "f is not a rule"}, "f is not a rule"),
        ({}, "they never call it"),
        ({"called": True}, "they call it, and never differentiate it"),
        ({"called": True, "differentiated": True}, "they run its forward pass alone"),
        ({"untraced": "it branches"}, "cannot be traced: it branches"),
    ],
)
def test_tests_from_which_nothing_can_be_learned(repository, monkeypatch, seen, message):
    nothing = {
        "error": "", "called": False, "differentiated": False, "ran": [], "untraced": "",
        "mutants": {},
    }  # fmt: skip

    def ran(command, module, function, key, folder, limit):
        folder.mkdir()
        (folder / "pytest").touch()
        (folder / "1.json").write_text(json.dumps(nothing | seen))
        return run._Done(0, 1.0, folder, "")

    monkeypatch.setattr(run, "_run", ran)
    with pytest.raises(CannotMutate, match=message):
        mutate("rules", "f", "pytest")


def test_a_mutant_that_does_not_end(repository, monkeypatch):
    monkeypatch.setattr(run, "LIMIT", (0.5, 0.0))
    endless = [sys.executable, "-c", "import time; time.sleep(60)"]
    done = run._run(endless, "rules", "f", "key", repository / "run", 0.5)
    assert done.status is None
    assert done.seconds < 10
    assert run._result(done) == ("timed out", "")


@pytest.fixture
def four(monkeypatch):
    """Four mutants, without running anything; what becomes of each is for the test to say."""

    def arrange(*becomes):
        mutants = {
            f"key {i}": {"line": ["rules.py", i // 2], "words": "the sign flipped"}
            for i in range(len(becomes))
        }
        notes = {"error": "", "ran": ["float32[3]"], "untraced": "", "mutants": mutants}
        pending = iter(becomes)

        def ran(command, module, function, key, folder, limit):
            folder.mkdir()
            (folder / "pytest").touch()
            (folder / "1.json").write_text(json.dumps(notes | {"applied": True}))
            if key is None:
                return run._Done(0, 1.0, folder, "")
            status, verdict = next(pending)
            if status is KeyboardInterrupt:
                raise KeyboardInterrupt
            if verdict:
                (folder / "comparison.json").write_text(
                    json.dumps({"verdict": verdict, "detail": "the detail"})
                )
            return run._Done(status, 1.0, folder, "")

        monkeypatch.setattr(run, "_run", ran)

    return arrange


def test_what_becomes_of_mutants(repository, four, capsys):
    four((1, ""), (0, "equal"), (None, ""), (0, "different"), (0, "undecided"), (2, ""))
    assert main(["mutate", "rules:f", "--tests", "pytest"]) == 1
    out = capsys.readouterr().out
    assert "killed          rules.py:0  the sign flipped (1 of 2)\n" in out
    assert "proved equal    rules.py:0  the sign flipped (2 of 2)\n" in out
    assert "timed out       rules.py:1  the sign flipped (1 of 2)\n" in out
    assert "survived        rules.py:1  the sign flipped (2 of 2)\n" in out
    assert "not told apart  rules.py:2  the sign flipped (1 of 2)\n" in out
    assert "2 killed, 1 timed out, 1 survived, 1 proved equal, 1 not told apart" in out
    assert "score 75 % (3 of 4), leaving out 1 proved equal and 1 not told apart" in out


def test_no_survivor(repository, four, capsys):
    four((1, ""), (0, "equal"))
    assert main(["mutate", "rules:f", "--tests", "pytest"]) == 0
    assert "score 100 % (1 of 1), leaving out 1 proved equal" in capsys.readouterr().out


def test_an_interruption_shows_what_is_known(repository, four, capsys):
    four((1, ""), (KeyboardInterrupt, ""), (1, ""))
    assert main(["mutate", "rules:f", "--tests", "pytest"]) == 130
    out = capsys.readouterr().out
    assert "score 100 % (1 of 1)" in out
    assert out.rstrip().endswith("interrupted after 1 of 3")


def test_a_mutant_that_was_not_run_this_time_survives(repository, tmp_path):
    (tmp_path / "1.json").write_text(json.dumps({"applied": False}))
    found = run._result(run._Done(0, 1.0, tmp_path, ""))
    assert found == ("survived", "the tests did not run it this time")


def test_the_printers(tmp_path):
    file = tmp_path / "rules.py"
    file.write_text("x = 1\nreturn (2.0 * dy,)\n")
    outcome = Outcome(Line(str(file), 2), "the constant 2 replaced by 1", "survived", "at x", 1.0)
    mutation = Mutation("rules:f", "pytest", 2.0, ("f32[3]",) * 5, (outcome,), 1)
    shown = text(mutation)
    assert "(f32[3]) and (f32[3]) and (f32[3]) and 2 more; 2.0 s unmutated" in shown
    assert "    return (2.0 * dy,)\n    at x\n" in shown
    assert "score 0 % (0 of 1)" in shown
    data = json.loads(to_json(mutation))
    assert data["mutants"][0]["line"] == 2
    assert data["planned"] == 1
    assert "nothing was run" in text(mutation._replace(outcomes=()))
