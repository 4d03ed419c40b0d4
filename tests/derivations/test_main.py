"""The command line: what it accepts, what it prints, and how it leaves."""

import json
import subprocess
import sys
import textwrap

import jax
import pytest

from derivations.__main__ import main
from derivations.verdict import Obligation, Report, Verdict

RULES = """
    import jax

    @jax.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, dy: (2 * x * dy,))

    @jax.custom_vjp
    def wrong(x):
        return x * x

    wrong.defvjp(lambda x: (x * x, x), lambda x, dy: (3 * x * dy,))

    def plain(x):
        return x

    def sigmoid(x):
        return jax.nn.sigmoid(x)

    logistic = jax.custom_vjp(sigmoid)
    logistic.defvjp(lambda x: (sigmoid(x),) * 2, lambda s, dy: (dy * s * (1 - s),))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of rules, as the current directory."""
    (tmp_path / "some_rules.py").write_text(textwrap.dedent(RULES))
    (tmp_path / "broken_rules.py").write_text("1 / 0")
    (tmp_path / "hungry_rules.py").write_text("import no_such_module")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("some_rules", "broken_rules", "hungry_rules"):
        sys.modules.pop(name, None)


def leave(*arguments):
    """Runs the command line; argparse leaves by itself."""
    try:
        return main(arguments)
    except SystemExit as exit:
        return exit.code


def test_a_right_rule(folder, capsys):
    assert leave("check", "some_rules:square", "--arg", "float32[4]") == 0
    out = capsys.readouterr().out
    assert out.startswith("square (custom_vjp): ✓ PROVED")
    assert "cotangent[x]" in out


def test_a_wrong_rule(folder, capsys):
    assert leave("check", "some_rules:wrong", "--arg", "float32[]", "--json") == 1
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"] == "REFUTED"
    assert any(o["witness"] for o in data["obligations"])


def test_an_undecided_rule(folder, monkeypatch, capsys):
    budgets = []

    def undecided(thing, *args, budget):
        budgets.append(budget)
        return Report("square", "rule", (Obligation("value", "", Verdict.UNDECIDED, reason="?"),))

    monkeypatch.setattr(sys.modules["derivations.check"], "check", undecided)
    assert leave("check", "some_rules:square", "--arg", "float32[2]", "--budget", "1.5") == 2
    assert budgets == [1.5]


def test_sizes_of_64_bits_turn_them_on(folder, monkeypatch, capsys):
    before = jax.config.read("jax_enable_x64")
    seen = []
    exact = Report("square", "rule", (Obligation("value", "", Verdict.EXACT),))

    def check(thing, *args, budget):
        seen.extend((jax.config.read("jax_enable_x64"), args[0].dtype, args[0].shape))
        return exact

    monkeypatch.setattr(sys.modules["derivations.check"], "check", check)
    try:
        assert leave("check", "some_rules:square", "--arg", "float64[2,3]") == 0
    finally:
        jax.config.update("jax_enable_x64", before)
    assert seen == [True, "float64", (2, 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required"),
        (("prove",), "invalid choice"),
        (("check",), "required"),
        (
            ("check", "some_rules"),
            "expected MODULE:FUNCTION, such as rules:swish. Got 'some_rules'",
        ),
        (("check", "some_rules:f()"), "expected MODULE:FUNCTION"),
        (("check", "no_rules:f"), "installed. Got 'no_rules'"),
        (("check", "some_rules:squares"), "has no 'squares'. Did you mean square?"),
        (("check", "some_rules:plain", "--arg", "float32[1]"), "Got plain, in which there is none"),
        (("check", "some_rules:square", "--arg", "float[4]"), "dtype[sizes], such as float32[4,8]"),
        (("check", "some_rules:square", "--arg", "float32[4, 8]"), "Got 'float32[4, 8]'"),
        (("check", "some_rules:square", "--arg", "float32[-1]"), "Got 'float32[-1]'"),
        (("check", "some_rules:square", "--arg", "float32"), "Got 'float32'"),
        (("check", "some_rules:square", "--budget", "0"), "positive number of seconds. Got '0'"),
        (("check", "some_rules:square", "--budget", "nan"), "positive number of seconds"),
        (
            ("check", "functional_nn.activations:GLU", *("--arg", "float32[2]") * 2, "--accuracy"),
            "--accuracy measures functions of one argument",
        ),
        (("accuracy", "sigmod"), "no operation 'sigmod'. Did you mean sigmoid"),
        (("accuracy", "some_rules:"), "expected MODULE:FUNCTION"),
        (("accuracy", "some_rules:squares"), "has no 'squares'. Did you mean square?"),
        (("accuracy", "prelu"), "prelu has several: x, slope. Fix the others"),
        (("accuracy", "softmax"), "softmax is not element-wise"),
        (("accuracy", "relu", "--dtype", "int32"), "invalid choice"),
        (("accuracy", "relu", "--dtype", "float64", "--all"), "is for float32. Got float64"),
        (("accuracy", "relu", "--all", "--exhaustive"), "not allowed with"),
        (("report",), "--out"),
        (("report", "sigmod", "--out", "out"), "no operation 'sigmod'. Did you mean sigmoid"),
        (("report", "--out", "out", "--format", "pdf"), "invalid choice"),
        (("report", "--out", "some_rules.py/out"), "some_rules.py is a file"),
    ],
)
def test_wrong_usage(folder, capsys, arguments, message):
    assert leave(*arguments) == 3
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not (folder / "out").exists()


def test_accuracy_of_an_operation(folder, capsys):
    assert leave("accuracy", "sigmoid", "--dtype", "bfloat16") == 0
    out = capsys.readouterr().out
    assert out.startswith("sigmoid in bfloat16: errors in ulps of the result")
    assert "every finite bfloat16" in out
    assert "special values" in out


def test_accuracy_of_a_rule_in_json_with_a_picture(folder, capsys):
    arguments = ("accuracy", "some_rules:logistic", "--dtype", "bfloat16", "--json")
    assert leave(*arguments, "--out", "errors.svg") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["dtype"] == "bfloat16"
    assert data["value"]["all"]["maximum"] < 3
    assert data["derivative"]["all"]["maximum"] > 100
    assert data["derivative"]["wrong_zeros"]["times"] > 0
    assert (folder / "errors.svg").read_text().startswith("<svg")
    assert leave(*arguments, "--out", "no/such/folder.svg") == 3
    assert "the picture cannot be written" in capsys.readouterr().err


def test_accuracy_beside_the_verdicts(folder, capsys):
    arguments = ("check", "some_rules:logistic", "--arg", "bfloat16[4]", "--accuracy")
    assert leave(*arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("sigmoid (custom_vjp): ✓ PROVED")
    assert "accuracy, every finite bfloat16, in ulps:" in out
    assert "derivative: digits are lost" in out
    assert "there is σ(x) (1 - σ(x)) in it, which is equal to σ(x) σ(-x)" in out
    assert "proved equal to functional_nn.sigmoid, whose derivative keeps them" in out
    assert "value: digits are lost" not in out
    assert leave(*arguments, "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verdict"] == "PROVED"
    assert "derivative: digits are lost" in captured.err


@pytest.mark.parametrize(
    ("module", "error"),
    [("broken_rules", "ZeroDivisionError"), ("hungry_rules", "no_such_module")],
)
def test_a_module_that_fails_is_neither_refuted_nor_wrong_usage(folder, capsys, module, error):
    assert leave("check", f"{module}:f") == 70
    assert error in capsys.readouterr().err


@pytest.mark.slow
def test_an_interruption(folder, monkeypatch, capsys):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["derivations.check"], "check", interrupted)
    assert leave("report", "sigmoid", "--out", "out") == 130
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("form", "page"),
    [("html", "index.html"), ("markdown", "index.md"), ("latex", "report.tex")],
)
def test_a_report(folder, capsys, form, page):
    assert leave("report", "identity", "identity", "--out", "out", "--format", form) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(folder.joinpath("out", page).relative_to(folder))
    assert captured.err.count("PROVED") == 1
    assert "Identity" in (folder / "out" / page).read_text()


@pytest.mark.slow
def test_an_unchanged_report_is_not_made_again(folder, capsys, monkeypatch):
    from derivations.report import make

    made = []
    again = make.make

    def counted(names, **options):
        made.append((names, options["format"]))
        return again(names, **options)

    monkeypatch.setattr(make, "make", counted)
    assert leave("report", "identity", "--out", "out") == 0
    page = folder / "out" / "index.html"
    before = page.read_bytes()
    assert leave("report", "identity", "--out", "out") == 0
    assert made == [(["identity"], "html")]
    assert "Unchanged" in capsys.readouterr().err

    page.write_bytes(before + b"edited")
    assert leave("report", "identity", "--out", "out") == 0
    assert b"edited" not in page.read_bytes()
    assert leave("report", "identity", "--out", "out", "--format", "markdown") == 0
    assert not page.exists()
    assert leave("report", "identity", "relu", "--out", "out", "--format", "markdown") == 0
    assert made[1:] == [
        (["identity"], "html"),
        (["identity"], "markdown"),
        (["identity", "relu"], "markdown"),
    ]


def test_an_unchanged_report_leaves_with_its_status(folder, capsys, monkeypatch):
    from derivations.report import make

    monkeypatch.setattr(make, "status_of", lambda site, entries: 2)
    assert leave("report", "identity", "--out", "out") == 2
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert leave("report", "identity", "--out", "out") == 2


def test_files_of_others_are_refused_before_the_work(folder, capsys):
    (folder / "out").mkdir()
    (folder / "out" / "mine.txt").write_text("mine")
    assert leave("report", "identity", "--out", "out") == 3
    captured = capsys.readouterr()
    assert "mine.txt" in captured.err
    assert "PROVED" not in captured.err


def test_help_shows_examples_and_statuses(capsys):
    assert leave("check", "--help") == 0
    out = capsys.readouterr().out
    assert "derivations check rules:swish --arg 'float32[4]'" in out
    assert "3  wrong usage" in out


def test_a_derivation_is_explained(capsys):
    assert leave("explain", "softmax_cross_entropy", "--notation", "lecture-002") == 0
    out = capsys.readouterr().out
    assert out.startswith("Softmax cross-entropy: its derivative (softmax_cross_entropy): ✓ PROVED")
    assert "= p_nk − y_nk  [" in out


def test_a_group_is_explained_in_every_format(capsys):
    assert leave("explain", "dense", "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert [d["name"] for d in data] == ["dense_x", "dense_w", "dense_b"]
    assert {d["verdict"] for d in data} == {"PROVED"}
    assert leave("explain", "dense", "--format", "latex") == 0
    assert capsys.readouterr().out.count(r"\begin{align*}") == 3
    assert leave("explain", "dense", "--format", "markdown") == 0
    assert capsys.readouterr().out.count("### ") == 3


def test_a_derivation_that_is_not_proved_leaves_with_2(capsys, monkeypatch):
    from derivations.steps import Step, table

    right = table.derivation("sigmoid")
    wrong = right._replace(steps=(*right.steps, Step(-right.result, "folded")))
    monkeypatch.setitem(table.DERIVATIONS, "sigmoid", wrong)
    assert leave("explain", "sigmoid") == 2
    assert "? UNDECIDED" in capsys.readouterr().out


def test_an_unknown_derivation_or_notation_gets_the_nearest(capsys):
    assert leave("explain", "softmaks") == 3
    assert "Did you mean softmax, softplus, soft_sign?" in capsys.readouterr().err
    assert leave("explain", "sigmoid", "--notation", "lecture-005") == 3
    assert "Did you mean lecture-004" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "sigmoid"),
        *(
            pytest.param(arguments, marks=pytest.mark.nightly)
            for arguments in (("--help",), ("claims", "000.1"), ("report", "--help"))
        ),
    ],
)
def test_a_reader_who_has_seen_enough_changes_nothing(arguments):
    started = subprocess.Popen(
        [sys.executable, "-m", "derivations", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    started.stdout.close()  # as `head` does, only sooner
    _, errors = started.communicate()
    assert errors == ""
    assert started.returncode == 0
