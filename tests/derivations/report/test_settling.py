"""What other processes find is what this one finds, and an interruption ends them."""

import multiprocessing

import pytest

from derivations.report import settling


def untimed(checked, entries):
    reports = [
        [obligation._replace(seconds=0.0, evidence=None) for obligation in c.report.obligations]
        for c in checked
    ]
    return reports, [(entry.claim.id, entry.findings) for entry in entries]


@pytest.fixture
def two_processes(monkeypatch):
    monkeypatch.setattr(settling, "_cores", lambda: 2)
    monkeypatch.setattr(settling, "_WORTH_A_PROCESS", 1)


@pytest.mark.slow
def test_processes_find_the_same_in_the_same_order(two_processes, monkeypatch):
    names, ids, heard = ["relu", "identity"], ["000.1", "003.6"], []
    beside = settling.settle(names, ids, heard.append)
    assert len(heard) == 4
    monkeypatch.setattr(settling, "_cores", lambda: 1)
    assert untimed(*beside) == untimed(*settling.settle(names, ids, heard.append))
    assert [checked.entry.name for checked in beside[0]] == names


@pytest.mark.nightly
def test_an_interruption_ends_the_processes(two_processes):
    def interrupted(found):
        raise KeyboardInterrupt

    before = set(multiprocessing.active_children())
    with pytest.raises(KeyboardInterrupt):
        settling.settle(["relu", "identity"], [], interrupted)
    assert set(multiprocessing.active_children()) <= before
