"""A report's folder is replaced as a whole or not at all, and never somebody else's files."""

import os
from pathlib import Path

import pytest

from derivations.report import replace
from derivations.report.kept import MANIFEST, manifest
from derivations.report.replace import replace_folder, require_replaceable

OLD = {"index.html": b"old page", "figures/old.svg": b"old picture"}
NEW = {"index.html": b"new page", "figures/new.svg": b"new picture", "last.html": b"last"}


def report(files):
    return files | {MANIFEST: manifest("key", "index.html", 0, files)}


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    replace_folder(folder, report(OLD))
    return folder


@pytest.mark.parametrize("exchange", [True, False])
def test_an_old_report_is_replaced_as_a_whole(out, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(replace, "_exchanged", lambda one, other: False)
    require_replaceable(out)
    replace_folder(out, report(NEW))
    assert content(out) == report(NEW)
    assert list(out.parent.iterdir()) == [out]


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    out = tmp_path / "deep" / "out"
    require_replaceable(out)
    assert list(tmp_path.iterdir()) == []
    replace_folder(out, NEW)
    assert content(out) == NEW


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_interruption_while_writing_leaves_the_old_report(out, monkeypatch, error):
    written = Path.write_bytes

    def broken(path, data):
        written(path, data[:3])
        if path.name == "last.html":
            raise error("disk full")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(error):
        replace_folder(out, report(NEW))
    assert content(out) == report(OLD)
    assert list(out.parent.iterdir()) == [out]


def test_a_failure_between_the_two_moves_brings_the_old_report_back(out, monkeypatch):
    monkeypatch.setattr(replace, "_exchanged", lambda one, other: False)
    moved = Path.rename

    def broken(path, target):
        if path.name == "new":
            raise OSError("in the way")
        return moved(path, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(OSError, match="in the way"):
        replace_folder(out, report(NEW))
    assert content(out) == report(OLD)


def test_files_of_others_are_named_and_left_alone(out):
    (out / "mine.txt").write_text("mine")
    (out / "figures" / "own.svg").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds figures/own.svg, mine.txt. Choose"):
        require_replaceable(out)
    assert (out / "mine.txt").read_text() == "mine"


def test_a_folder_that_is_no_report_is_refused(tmp_path):
    for number in range(7):
        (tmp_path / f"{number}.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more"):
        require_replaceable(tmp_path)


def test_a_damaged_page_of_ours_may_be_replaced(out):
    (out / "index.html").write_text("edited")
    require_replaceable(out)


def test_an_empty_folder_may_be_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    require_replaceable(tmp_path / "out")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everything may be written")
def test_a_folder_in_one_that_cannot_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match="--out"):
            require_replaceable(tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("path", ["file", "file/out"])
def test_a_file_in_the_way_is_told(tmp_path, path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"file is a file.*--out"):
        require_replaceable(tmp_path / path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not made by"),
        ('{"made_by": "derivations report", "key": "k"}', "it has the fields key, first"),
        (
            '{"made_by": "derivations report", "key": "k", "first": "a", "status": 0, "files": {}}',
            "its field 'first'",
        ),
    ],
)
def test_a_damaged_list_of_files_is_named_with_what_is_wrong_and_what_to_do(out, text, why):
    (out / MANIFEST).write_text(text)
    before = content(out)
    with pytest.raises(OSError, match="figures/old.svg, index.html, report.json") as raised:
        require_replaceable(out)
    message = str(raised.value)
    assert str(out / MANIFEST) in message
    assert why in message
    assert "remove it" in message
    assert content(out) == before


def test_without_a_list_of_files_nothing_is_said_of_one(out):
    (out / MANIFEST).unlink()
    with pytest.raises(OSError, match="holds figures/old.svg") as raised:
        require_replaceable(out)
    assert MANIFEST not in str(raised.value)
