"""The whole report, from checks made by hand."""

import importlib.util
import re

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from derivations.report import document as d
from derivations.report import plots
from derivations.report.build import report_document, write_report
from derivations.report.html import html
from derivations.report.letters import escaped
from derivations.report.markdown import markdown
from derivations.report.network import network
from derivations.report.operation import Checked, operation_section
from derivations.textbook import ENTRIES
from derivations.textbook.attention import ATTENTION
from derivations.textbook.layers import LAYERS
from derivations.textbook.linear import LINEAR_CROSS_ENTROPY
from derivations.textbook.normalization import NORMALIZATION
from derivations.textbook.regularization import REGULARIZATION
from derivations.textbook.sequences import SEQUENCES
from derivations.verdict import Obligation, Report, Verdict

from .compiled import compiled, margins, pdflatex

PICTURE = d.Figure(b"\x89PNG", "losses", "Two curves that fall", "Loss by epoch.")


# Layers, which no curve shows.
LEARNED = (*LAYERS, *NORMALIZATION, *SEQUENCES, *REGULARIZATION, ATTENTION, LINEAR_CROSS_ENTROPY)
WITHOUT = {e.name for e in LEARNED}


@pytest.fixture
def operations(proved):
    """Every operation of the textbook, as if it were proved."""
    return [
        Checked(fnn.RULES[name], entry, proved._replace(subject=name))
        for name, entry in ENTRIES.items()
    ]


def classifier(report):
    objective = fnn.objective(fnn.mlp([6, 4, 3]), fnn.softmax_cross_entropy)
    x = jax.ShapeDtypeStruct((2, 6), jnp.float32)
    params = jax.eval_shape(objective.net.init, jax.random.key(0), x)
    return network("A classifier", objective, params, x, report)


@pytest.fixture
def shown(proved):
    """A classifier with its loss."""
    theorem = Obligation("composition", "the whole is right", Verdict.PROVED, scope="any depth")
    return classifier(Report("objective", "network", (theorem,), (proved,) * 4))


@pytest.mark.slow
def test_the_page_of_everything(operations, shown, tmp_path, check_page):
    path = write_report(operations, shown, [PICTURE], out=tmp_path / "out")
    source = path.read_text()
    check_page(source)
    assert path.name == "report.html"
    for entry in ENTRIES.values():
        assert entry.title in source
        assert str(entry.source) in source
    assert f"{len(ENTRIES)} operations and one network" in source
    assert f"{len(ENTRIES) + 1} PROVED" in source
    assert '<a href="#operation-softmax_cross_entropy">softmax_cross_entropy</a>' in source
    assert "43 parameters" in source
    assert "What this page does not show" in source
    assert "data:image/png;base64,iVBORw==" in source
    assert source.count("<svg") == len(ENTRIES) - len(WITHOUT)


@pytest.mark.slow
def test_the_markdown_of_everything(operations, shown, tmp_path):
    path = write_report(operations, shown, [PICTURE], out=tmp_path, format="markdown")
    text = path.read_text()
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (tmp_path / picture).is_file()
    assert (
        len(list((tmp_path / "figures").iterdir())) == len(ENTRIES) - len(WITHOUT) + 1
    )  # and the network
    assert r"\sigma' (x) = \sigma (x) \, (1 - \sigma (x))" in text
    assert "def dense_bwd(" in text
    anchors = set(re.findall(r'<a id="([^"]+)">', text))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


@pytest.mark.slow
def test_the_latex_of_everything(operations, shown, tmp_path):
    path = write_report(operations, shown, out=tmp_path, format="latex")
    text = path.read_text()
    assert path.name == "report.tex"
    for entry in ENTRIES.values():
        assert rf"\section{{\texorpdfstring{{{escaped(entry.title)}" in text
    pictures = re.findall(r"\\pictured\{(.+?)\}", text)
    assert len(pictures) == len(set(pictures)) > 30
    for picture in pictures:
        assert (tmp_path / picture).read_bytes().startswith(b"%PDF")
    labels = set(re.findall(r"\\label\{(.+?)\}", text))
    assert set(re.findall(r"\\link\{(\w.+?)\}", text)) <= labels


@pytest.mark.nightly
@pdflatex
def test_the_latex_of_everything_compiles(operations, shown, tmp_path):
    write_report(operations, shown, out=tmp_path, format="latex")
    assert margins(compiled(tmp_path)) <= 10


def test_a_section_says_where_each_formula_comes_from(operations):
    name = "softmax_cross_entropy"
    section = operation_section(next(c for c in operations if c.entry.name == name))
    text = markdown(d.Document("T", (), (section,))).text
    assert "eq. 4.109. Holds if the targets of a row sum to one" in text
    assert "def softmax\\_cross\\_entropy" not in text  # code is not escaped


def test_a_partial_is_unwrapped(proved):
    checked = Checked(fnn.RULES["squared_error"], ENTRIES["squared_error"], proved)
    source = html(d.Document("T", (), (operation_section(checked),)))
    assert "# with half=False" in source
    assert "squared_error_bwd" in source


def test_a_rule_without_source(proved):
    scope: dict = {}
    exec("def fwd(x): return x, None\ndef bwd(_, dy): return (dy,)", scope)
    rule = fnn.Rule("identity", scope["fwd"], scope["fwd"], scope["bwd"])
    section = operation_section(Checked(rule, ENTRIES["identity"], proved))
    assert "The source of bwd is not at hand." in markdown(d.Document("T", (), (section,))).text


def test_a_report_of_another_network_is_refused(proved):
    with pytest.raises(ValueError, match="Got 3 parts for 4 layers"):
        classifier(Report("objective", "network", (), (proved,) * 3))


def test_networks_inside_networks_are_flattened(proved):
    net = fnn.serial(fnn.serial(fnn.dense(3), fnn.tanh), fnn.dense(2))
    x = jax.ShapeDtypeStruct((5, 4), jnp.float32)
    params = net.init(jax.random.key(0), x)
    inner = Report("serial", "network", (), (proved, proved))
    shown = network("Nested", net, params, x, Report("serial", "network", (), (inner, proved)))
    assert [(layer.name, layer.output, layer.parameters) for layer in shown.layers] == [
        ("dense", (5, 3), 15),
        ("tanh", (5, 3), 0),
        ("dense", (5, 2), 8),
    ]


def test_counts_name_every_verdict(operations, refuted):
    mixed = [operations[0]._replace(report=refuted), *operations[1:3]]
    text = markdown(report_document(mixed)).text
    assert "3 operations, each" in text
    assert "2 PROVED, 1 REFUTED" in text


def test_without_matplotlib_the_report_says_so(operations, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    text = markdown(report_document(operations[:2])).text
    assert "Plots need matplotlib: `pip install 'functional-nn[plots]'`." in text
    assert "![" not in text


def test_an_unknown_format(tmp_path):
    with pytest.raises(ValueError, match="Got 'pdf'"):
        write_report([], out=tmp_path, format="pdf")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", sorted(set(ENTRIES) - WITHOUT))
def test_plots_stand_beside_each_other(name):
    figure = plots.plot(fnn.RULES[name], ENTRIES[name])
    assert figure is not None
    picture = figure.picture
    assert isinstance(picture, str)
    assert picture.startswith("<svg")
    assert "<style" not in picture
    ids = re.findall(r' id="([^"]+)"', picture)
    assert all(value.startswith(f"{name}-") for value in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', picture)) == set(ids)


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_no_curve_shows_a_layer(name):
    assert plots.plot(fnn.RULES[name], ENTRIES[name]) is None
