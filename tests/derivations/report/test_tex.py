"""LaTeX: everything is escaped, what is opened is closed, and pdflatex sets it."""

import io
import re
import shutil
import string
import subprocess

import pytest
import sympy
from matplotlib.figure import Figure

from derivations.report import document as d
from derivations.report.build import check_document
from derivations.report.canvas import saved, style
from derivations.report.files import write_files
from derivations.report.latex import spelt
from derivations.report.letters import escaped
from derivations.report.tex import tex
from derivations.report.typeset import typeset
from derivations.verdict import Verdict

from .compiled import compiled, margins, pdflatex

SPECIAL = string.printable.strip()
LETTERS = "αβγδεηθλμπστφχψωΔΠΣΦℓ∂∇∑√∞−±×·⊙≤≥≠≈≡→←⇒‖⌈⌉ℝℚ′ᵀ½²³⁻⁶ᵢ₀✓✗ŷ–—…°éúü\N{SNOWMAN}"
LONG = sympy.Eq(sympy.Symbol("y"), sympy.Add(*(sympy.Symbol(f"x_{i}") ** i for i in range(2, 40))))


def pictures():
    with style("line"):
        figure = Figure(figsize=(9, 1))
        figure.subplots().plot([0, 1])
        drawn = saved(figure, "line")
        dot = io.BytesIO()
        figure.savefig(dot, format="png")
    return (
        d.Figure(drawn.svg, "line", "a line", "A wide line.", drawn.pdf),
        d.Figure(dot.getvalue(), "dot", "a dot", "A dot."),
        d.Figure("<svg></svg>", "words", "words alone", "Without a picture for paper."),
    )


def document(text="plain"):
    """One of everything."""
    return d.Document(
        f"Title {text}",
        ("Lead ", d.Strong("bold"), " ", d.Mono("code"), " ", d.Badge(Verdict.EXACT)),
        (
            d.Section(
                f"First {text}",
                "first_part",
                (
                    d.Paragraph((text, d.Maths(sympy.Symbol("x") ** 2), d.Link("on", "second"))),
                    d.Paragraph((d.Strong(text), d.Mono(text), d.Link(text, "first_part"))),
                    d.Formula(sympy.Symbol("y")),
                    d.Formula(LONG),
                    d.Caption((text, d.Typed(f"w_ji^[l] Σ_{{i=0..d^(l−1)}} {text}"))),
                    d.Code(
                        f"def f(x):\n    '''{text}\n    {text}'''\n    return x < 1  # {text}"
                        + "1" * 200
                    ),
                    d.Items(((text,), ("two",)), ordered=True),
                    d.Table(("A", "B"), (((text,), (d.Mono("a_b." * 40),)),) * 60),
                    *pictures(),
                    d.Steps((d.Step((text,), (d.Formula(sympy.Symbol("z")),)),)),
                    d.Section("Inner", "inner", (d.Paragraph((text,)),), Verdict.PROVED),
                ),
                Verdict.REFUTED,
            ),
            d.Section("Second", "second", ()),
        ),
        f"colophon {text}",
    )


def body(source):
    return source[source.index(r"\begin{document}") :]


def check_balanced(source):
    """What is opened is closed, in order: environments, braces and formulas."""
    plain = re.sub(r"\\[\\{}$%&#_]", "", body(source))
    depth = 0
    for sign in re.findall(r"[{}]", plain):
        depth += 1 if sign == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert plain.count("$") % 2 == 0
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", plain):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []


@pytest.mark.parametrize("text", ["plain", SPECIAL, LETTERS, "\\end{document}", "$$ $", "{", "}%"])
def test_every_document_is_balanced(text):
    source = tex(document(text)).text
    check_balanced(source)
    assert source.isascii()


def test_nothing_of_ascii_is_markup():
    source = escaped(SPECIAL)
    for sign in "#%&_{}$":
        without = source.replace(rf"\{sign}", "")
        assert sign not in re.sub(r"\\\w+\{\}|-\{\}|\{[\[\]*]\}", "", without)
    assert "^" not in source
    assert "~" not in source
    assert r"\textbackslash{}" in source


def test_what_no_table_knows_is_seen():
    assert escaped("\N{SNOWMAN}") == "{[}U+2603{]}"
    assert escaped("\0") == "{[}U+0000{]}"


def test_letters_of_formulas_are_spelt():
    for name in ("sigma", "ell", "yhat"):
        assert spelt(typeset(sympy.Symbol(name))).isascii()


def test_a_check_is_complete(refuted):
    source = tex(check_document(refuted)).text
    check_balanced(source)
    for word in ("REFUTED", "EXACT", "UNDECIDED", r"erf\_inv", "The rule gives for"):
        assert word in source


@pytest.mark.parametrize(
    "broken",
    [
        d.Section("S", "s", (object(),)),
        d.Section("S", "s", (d.Paragraph((3,)),)),  # pyright: ignore[reportArgumentType]
    ],
)
def test_unknown_parts_are_refused(broken):
    with pytest.raises(TypeError, match="made of known"):
        tex(d.Document("T", (), (broken,)))


def written(paper, folder):
    """Writes a document and its pictures."""
    write_files(folder, paper.files | {"report.tex": paper.text.encode()})
    return folder


@pdflatex
def test_a_document_compiles_and_stays_in_its_margins(tmp_path):
    log = compiled(written(tex(document("plain words, δ and 50 % of them, " * 8)), tmp_path))
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "undefined" not in log
    assert margins(log) <= 10


@pdflatex
@pytest.mark.parametrize("text", [SPECIAL, LETTERS, "".join(map(chr, range(0x250)))])
def test_any_text_compiles(tmp_path, text):
    compiled(written(tex(document(text)), tmp_path))


@pdflatex
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_what_is_printed_is_what_was_written(tmp_path):
    line = d.Paragraph((SPECIAL,))
    document = d.Document("T", (), (d.Section("S", "s", (line, d.Code(SPECIAL))),))
    compiled(written(tex(document), tmp_path))
    done = subprocess.run(
        ["pdftotext", "-layout", "report.pdf", "-"], cwd=tmp_path, capture_output=True, check=True
    )
    printed = done.stdout.decode().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    assert printed.replace("\n", "").replace(" ", "").count(SPECIAL) == 2
