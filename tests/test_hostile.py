"""Files and arguments that were made up to do harm end in the documented errors, and only in them.

Each kind is drawn a hundred times here and thousands of times at night. Safetensors files have
their own tests, in test_tensors.py.
"""

import ast
import contextlib
import copy
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functional_nn as fnn
from derivations import verifier
from derivations.__main__ import main
from derivations.certificate import digest
from derivations.check import check
from derivations.report import document as d
from derivations.report import kept
from derivations.report.files import write_files
from derivations.report.html import html
from derivations.report.replace import replace_folder
from derivations.verdict import Obligation, Verdict, Witness
from digits import data
from functional_nn.rules import Rule
from functional_nn.seals import opened, sealed

ROOT = Path(__file__).parents[1]


class Made(NamedTuple):
    """What the checks work with.

    Attributes:
      folder: Where their files go.
      certificates: A refuted, a proved and a kinked report.
    """

    folder: Path
    certificates: list[Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("hostile"), certificates())


def drawn(strategy: Any, nightly: int) -> Callable[[Any], Any]:
    """Makes of a check a test of a hundred draws, and one of many at night."""

    def decorate(check: Any) -> Any:
        @pytest.mark.parametrize("count", [100, pytest.param(nightly, marks=pytest.mark.nightly)])
        def runs(count: int, made: Made) -> None:
            @settings(max_examples=count, deadline=None)
            @given(strategy)
            def each(case: Any) -> None:
                check(case, made)

            each()

        runs.__doc__ = check.__doc__
        return runs

    return decorate


# --- npz ----------------------------------------------------------------------------------------


def archive(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as zipped:
        for name, content in dict(entries).items():
            zipped.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def npy(header: str, body: bytes) -> bytes:
    text = header.encode("latin1", "replace") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def array_file(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)  # as somebody else would
    return file.getvalue()


def plain_npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, images=np.ones((6, 2, 2)), labels=np.arange(6) % 2)
    return file.getvalue()


PLAIN_NPZ = plain_npz()
DESCR = st.sampled_from(
    ["'<f8'", "'<i8'", "'|O'", "'<U9999999'", "'|V0'", "'<f3'", "'<M8[s]'", "[('a','<f8')]", "None"]
)
SHAPE = st.lists(st.integers(-1, 2**70), max_size=3).map(tuple).map(str)
HEADER = st.builds(
    "{{'descr': {}, 'fortran_order': {}, 'shape': {}}}".format,
    DESCR,
    st.sampled_from(["True", "False", "1", "[]"]),
    SHAPE | st.sampled_from(["6", "()", "(6, 2, 2)", "(6,)", "(True,)", "((((1,),),),)"]),
) | st.text(max_size=40)
ENTRY = st.tuples(
    st.sampled_from(["images.npy", "labels.npy", "images", "../labels.npy", "/labels.npy"]),
    st.builds(npy, HEADER, st.binary(max_size=80))
    | st.binary(max_size=60)
    | st.sampled_from(
        [array_file(np.array([{}] * 6)), array_file(np.ones((6, 4))), array_file(np.arange(6) % 2)]
    ),
)


def damaged(whole: bytes) -> Any:
    """Draws a file with some bytes changed, and perhaps cut."""

    def harm(edits: list[tuple[int, int]], length: int) -> bytes:
        content = bytearray(whole)
        for place, value in edits:
            content[place] = value
        return bytes(content[:length])

    place = st.integers(0, len(whole) - 1)
    return st.builds(
        harm,
        st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=4),
        place | st.just(len(whole)),
    )


@drawn(
    damaged(PLAIN_NPZ)
    | st.builds(
        archive,
        st.lists(ENTRY, max_size=4),
        st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    ),
    nightly=4000,
)
def test_npz(content: bytes, made: Made) -> None:
    """A data set is read, or refused with a `ValueError`."""
    path = Path(made.folder, "own.npz")
    path.write_bytes(content)
    with contextlib.suppress(ValueError):
        data.from_file(path, seed=0)


# --- certificates -------------------------------------------------------------------------------


def certificates() -> list[Any]:

    def square(x):
        return x * x

    three = jax.ShapeDtypeStruct((3,), jnp.float32)
    wrong = Rule("wrong", square, lambda x: (x * x, x), lambda x, dy: (3 * x * dy * jnp.exp(x),))
    reports = [
        check(wrong, three),
        check(fnn.RULES["softmax"], three),
        check(fnn.RULES["relu"], three),
    ]
    return [json.loads(report.to_certificate()) for report in reports]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, (dict, list)):
        return [path]
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(p for k, v in entries for p in places(v, (*path, k)))]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(
        ["#0", "#99", "1/0", "-3/2", "all sizes n", "PROVED", "nan", "equal", "apply"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def changed(document: Any, edits: list[tuple[int, Any]]) -> Any:
    document = copy.deepcopy(document)
    for number, value in edits:
        known = [place for place in places(document) if place]
        if not known:
            break
        *way, last = known[number % len(known)]
        inside = document
        for step in way:
            inside = inside[step]
        inside[last] = value
    return document


EDITS = st.lists(st.tuples(st.integers(0, 10**6), JSON), min_size=1, max_size=3)


@drawn(st.tuples(st.integers(0, 2), EDITS, st.booleans()), nightly=4000)
def test_certificate(case: tuple[int, Any, bool], made: Made) -> None:
    """A certificate with other values anywhere has a status, or is `Damaged`."""
    number, edits, forged = case
    document = changed(made.certificates[number], edits)
    if forged and isinstance(document, dict):
        document["digest"] = digest(document)
    with contextlib.suppress(verifier.Damaged):
        status, lines = verifier.verify(json.dumps(document))
        assert status in (0, 1, 2)
        assert lines


@drawn(st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode), nightly=1000)
def test_file_that_is_no_certificate(content: bytes, made: Made) -> None:
    """The command leaves with 3."""
    path = Path(made.folder, "c.json")
    path.write_bytes(content)
    assert main(["verify", str(path)]) == 3


# --- what a report and a checkpoint say of themselves --------------------------------------------

NAME = st.sampled_from(
    [
        "index.html",
        "../index.html",
        "/etc/passwd",
        "a/../../b",
        "",
        ".",
        "..",
        "a/b.svg",
        "a\\b",
        "\0",
    ]
)
MANIFEST = st.fixed_dictionaries(
    {"made_by": st.just("derivations report")},
    optional={
        "key": JSON | st.just("key"),
        "first": JSON | NAME,
        "status": JSON | st.integers(0, 2),
        "files": JSON | st.dictionaries(NAME, JSON | st.just("0" * 64), max_size=3),
    },
)


@drawn(MANIFEST | JSON, nightly=3000)
def test_report_json(told: Any, made: Made) -> None:
    """What a folder says of itself is believed where all its files lie inside, or not at all."""
    folder = Path(made.folder, "report")
    folder.mkdir(exist_ok=True)
    (folder / kept.MANIFEST).write_text(json.dumps(told))
    found = kept.kept(folder)
    assert (found is None) == bool(kept.flaw(folder))
    assert kept.unchanged(folder, "key") is None
    for name in found.files if found else ():
        assert (folder / name).resolve().is_relative_to(folder.resolve())


SEAL: Any = st.fixed_dictionaries(
    {},
    optional={
        "format": JSON | st.just(1),
        "step": JSON | st.just(7),
        "loss": JSON,
        "position": JSON | st.just({}),
        "arrays": JSON
        | st.dictionaries(
            st.text(max_size=3), JSON | st.just(["float32[2]", "0" * 64]), max_size=3
        ),
    },
)


@drawn((SEAL | JSON).map(sealed) | JSON, nightly=3000)
def test_seal_of_a_checkpoint(seal: Any, made: Made) -> None:
    """A forged seal is refused as damaged, or is what a seal holds."""
    with contextlib.suppress(fnn.Damaged):
        found = opened(seal, 7)
        assert found["step"] == 7
        assert isinstance(found["position"], dict)
        assert all(len(list(map(str.upper, entry))) == 2 for entry in found["arrays"].values())


# --- the command line ---------------------------------------------------------------------------

WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=8)
NOT_A_MODULE = st.builds("q{}_{}".format, st.sampled_from(["", ".", "q.q", "é"]), WORD)
ARGUMENTS = st.one_of(
    st.lists(WORD, max_size=3),
    st.tuples(
        st.just("check"),
        NOT_A_MODULE | st.builds("{}:{}".format, NOT_A_MODULE, WORD),
        st.just("--arg"),
        st.sampled_from(["float32[4]", "float99[4]", "float32[-1]", "float32[4", "float32[9" * 9])
        | WORD,
    ).map(list),
    st.tuples(st.just("check"), st.just("os:path"), st.just("--budget"), WORD).map(list),
    st.tuples(st.just("verify"), WORD).map(list),
    st.tuples(st.just("claims"), st.builds("no {}".format, WORD)).map(list),
    st.tuples(st.just("explain"), st.builds("no {}".format, WORD)).map(list),
    st.tuples(st.just("explain"), st.just("tanh"), st.just("--notation"), WORD).map(list),
    st.tuples(st.just("accuracy"), st.just("--dtype"), WORD, NOT_A_MODULE).map(list),
    st.tuples(st.just("accuracy"), NOT_A_MODULE, st.just("--out"), WORD).map(list),
    st.tuples(st.just("report"), st.builds("no {}".format, WORD), st.just("--out=new")).map(list),
    st.tuples(st.just("report"), st.just("--format"), WORD, st.just("--out=new")).map(list),
)


@drawn(ARGUMENTS, nightly=1500)
def test_command_line(arguments: list[str], made: Made) -> None:
    """Wrong usage leaves with 3, and nothing is written."""
    before = sorted(os.listdir(made.folder))
    here = os.getcwd()
    os.chdir(made.folder)
    try:
        status = main(arguments)
    except SystemExit as left:
        status = left.code
    finally:
        os.chdir(here)
    helped = any(word in ("-h", "--help", "--h", "--he", "--hel") for word in arguments)
    assert status == 3 or (helped and status == 0), arguments
    assert sorted(os.listdir(made.folder)) == before


# --- what is written ----------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self, source: str):
        super().__init__()
        self.seen: set[tuple[str, str]] = set()
        self.said: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen |= {(tag, ""), *((tag, name) for name, _ in attrs)}

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def page(text: str) -> d.Document:
    obligation = Obligation(
        text,
        text,
        Verdict.REFUTED,
        text,
        text,
        (text,),
        text,
        Witness({text: [text]}, *[text] * 3),
        (text,),
    )
    blocks = (
        d.Paragraph((text, d.Strong(text), d.Mono(text), d.Typed(text), d.Link(text, text, text))),
        d.Code(text),
        d.Caption((text,)),
        d.Table((text,), (((text,),),)),
        d.Figure(b"png", text, text, text),
        d.Verdicts((obligation,)),
    )
    return d.Document(text, (text,), (d.Section(text, text, blocks),), text)


MARKUP = st.lists(
    st.sampled_from(
        [
            "<script>",
            "</code>",
            "<img src=x onerror=y>",
            '"',
            "'",
            ">",
            "&",
            "&lt;",
            "]]>",
            "-->",
            "<!--",
        ]
    )
    | st.text(max_size=5),
    max_size=5,
).map("".join)


@drawn(MARKUP, nightly=2000)
def test_html(text: str, made: Made) -> None:
    """Whatever a user's names and code hold, the page has the elements that it has without."""
    source = html(page(f"x{text}"))
    powers = {("sup", ""), ("sub", "")}  # typed as x^2 and x_i
    assert Page(source).seen - powers == Page(html(page("x"))).seen - powers
    assert "<script" not in source


@pytest.mark.parametrize("write", [write_files, replace_folder])
@pytest.mark.parametrize("name", ["../b", "/tmp/b", "a/../../b", "..", ""])
def test_nothing_is_written_outside_the_folder(tmp_path, write, name):
    folder = tmp_path / "in" / "out"
    with pytest.raises(ValueError, match="inside the folder"):
        write(folder, {"a": b"", name: b""})
    assert not folder.exists()
    assert not list(tmp_path.rglob("b"))


def test_a_seal_from_elsewhere_is_named_and_removed(tmp_path):
    state = {"w": jnp.ones(2)}
    with fnn.Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, state)
    path = tmp_path / "2" / "seal" / "metadata"
    text = json.dumps([])
    sha = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps({"text": text, "sha256": sha}))
    with fnn.Checkpoints(tmp_path) as checkpoints, pytest.warns(UserWarning, match="2 removed"):
        restored = checkpoints.restore(state)
    assert restored
    assert restored.step == 1


# --- no pickle ----------------------------------------------------------------------------------


def sources() -> list[Path]:
    folders = ("functional_nn", "derivations", "examples", "benchmarks")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_nothing_is_pickled():
    """A pickle runs the code that its author put into it: no module reads or writes one."""
    pickles = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    found = []
    for path in sources():
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [(path, name) for name in names if name.split(".")[0] in pickles]
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                allowed = not (isinstance(node.value, ast.Constant) and node.value.value is False)
                found += [(path, "allow_pickle")] * allowed
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                asked = any(k.arg == "allow_pickle" for k in node.keywords)
                found += [(path, "load without allow_pickle=False")] * (not asked)
    assert not found
    assert any(re.search(r"allow_pickle=False", path.read_text("utf-8")) for path in sources())
