"""A report that is there already is believed only if all of it is as it was written."""

import json

import pytest

from derivations.report import kept as k
from derivations.report.replace import replace_folder

FILES = {"index.html": b"a page", "figures/a.svg": b"a picture"}


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "out"
    replace_folder(out, FILES | {k.MANIFEST: k.manifest("key", "index.html", 2, FILES)})
    return out


def test_an_unchanged_report_is_known(folder):
    found = k.unchanged(folder, "key")
    assert found is not None
    assert (found.first, found.status) == ("index.html", 2)
    assert set(found.files) == set(FILES)


def test_what_was_made_from_something_else_is_not_believed(folder):
    assert k.unchanged(folder, "another key") is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["edited", "gone"])
def test_a_damaged_file_is_seen(folder, name, harm):
    if harm == "edited":
        (folder / name).write_bytes(FILES[name] + b" ")
    else:
        (folder / name).unlink()
    assert k.unchanged(folder, "key") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "{", '{"made_by": "somebody"}', '{"made_by": "derivations report", "key": 1}'],
)
def test_a_manifest_that_is_not_ours_is_not_believed(folder, text):
    (folder / k.MANIFEST).write_text(text)
    assert k.kept(folder) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "0"), ("files", []), ("files", {"index.html": 1}), ("first", "gone.html")],
)
def test_a_manifest_of_the_wrong_kind_is_not_believed(folder, field, value):
    path = folder / k.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    assert k.kept(folder) is None


def test_the_key_depends_on_everything_that_a_report_is_made_from(monkeypatch, tmp_path):
    first = k.key("html", ["softmax"])
    assert k.key("html", ["softmax"]) == first
    assert k.key("markdown", ["softmax"]) != first
    assert k.key("html", []) != first
    with monkeypatch.context() as patch:
        patch.setenv("JAX_ANOTHER_SETTING", "1")
        assert k.key("html", ["softmax"]) != first
    with monkeypatch.context() as patch:
        patch.setattr(k, "_version", lambda package: "another")
        assert k.key("html", ["softmax"]) != first
    for suffix, content in ((".py", b"1"), (".py", b"2"), (".css", b"2")):
        (tmp_path / f"source{suffix}").write_bytes(content)
        with monkeypatch.context() as patch:
            patch.setattr(k.resources, "files", lambda package: tmp_path)
            found = k.key("html", ["softmax"])
            assert found != first
            first = found
