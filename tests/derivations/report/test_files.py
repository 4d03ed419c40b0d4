"""A report is written as a whole or not at all."""

from pathlib import Path

import pytest

from derivations.report.files import require_writable, write_files

FILES = {"figures/a.svg": b"new a", "report.html": b"new page"}


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_new_folder(tmp_path):
    out = tmp_path / "deep" / "report"
    write_files(out, FILES)
    assert content(out) == FILES
    assert list(out.parent.iterdir()) == [out]


def test_an_old_folder_keeps_what_is_not_ours(tmp_path):
    (tmp_path / "report.html").write_bytes(b"old page")
    (tmp_path / "mine.txt").write_bytes(b"mine")
    write_files(tmp_path, FILES)
    assert content(tmp_path) == {**FILES, "mine.txt": b"mine"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_new_folder_appears_in_one_step(tmp_path, monkeypatch):
    monkeypatch.delattr("os.replace")
    write_files(tmp_path / "out", FILES)
    assert content(tmp_path / "out") == FILES


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("there", [True, False])
def test_an_interruption_leaves_the_old_report(tmp_path, monkeypatch, error, there):
    out = tmp_path / "out"
    if there:
        out.mkdir()
        (out / "report.html").write_bytes(b"old page")
    before = content(tmp_path)
    written = Path.write_bytes

    def broken(path, data):
        written(path, data[:3])
        if path.name == "report.html":
            raise error("disk full")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(error):
        write_files(out, FILES)
    assert content(tmp_path) == before
    assert out.exists() == there


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"Got '.*file/report'.*--out"):
        require_writable(tmp_path / "file" / "report")


def test_asking_leaves_nothing_behind(tmp_path):
    require_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
