"""The reader of compiled programs: sizes, groups and loops, and that it refuses the unknown."""

import pytest

from derivations.communication import Collective, collectives
from derivations.compiled import UnknownText


def program(*lines, before=""):
    body = "\n".join(f"  {line}" for line in lines)
    return f"HloModule m\n\n{before}ENTRY %main (x: f32[6,4]) -> f32[6,4] {{\n{body}\n}}\n"


X = "%x = f32[6,4]{1,0} parameter(0)"
ALL = "replica_groups={{0,1,2,3}}"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"%y = f32[6,4]{{1,0}} all-reduce(%x), {ALL}", ("all-reduce", 96, 4)),
        (f"%y = f32[24,4]{{1,0}} all-gather(%x), {ALL}", ("all-gather", 384, 4)),
        (f"%y = (f32[6,4], f32[24,4]{{1,0}}) all-gather-start(%x), {ALL}", ("all-gather", 384, 4)),
        ("%y = f32[3,4]{1,0} reduce-scatter(%x), replica_groups={{0,1},{2,3}}",
         ("reduce-scatter", 96, 2)),
        ("%y = f32[6,4] all-to-all(%x), replica_groups=[2,4]<=[8]", ("all-to-all", 96, 4)),
        ("%y = f32[6,4] all-reduce(%x), replica_groups=mesh['data'=2,'model'=3] {'data','model'}",
         ("all-reduce", 96, 6)),
        ("%y = f32[6,4] all-reduce(%x), replica_groups=mesh['data'=2,'model'=3] {'model'}",
         ("all-reduce", 96, 3)),
        ("%y = f32[6,4] all-reduce(%x), "
         "replica_groups=mesh['a'=2,'b'=3], device_ids=([3,2]T(1,0)) {'b'}, channel_id=1",
         ("all-reduce", 96, 3)),
        ("%y = f32[6,4] collective-permute(%x), source_target_pairs={{0,1}}",
         ("collective-permute", 96, 2)),
        (f"%y = (f32[6,4], /*index=1*/f32[6,4]{{1,0}}) all-reduce(%x, %x), {ALL}",
         ("all-reduce", 192, 4)),
    ],
)  # fmt: skip
def test_sizes_and_groups(line, found):
    assert collectives(program(X, line)) == [Collective(*found, times=1)]


def test_a_group_of_one_moves_nothing():
    assert collectives(program(X, "%y = f32[6,4] all-reduce(%x), replica_groups={{0},{1}}")) == []


BODY = f"%body (x: f32[6,4]) -> f32[6,4] {{\n  {X}\n  %y = f32[6,4] all-reduce(%x), {ALL}\n}}\n\n"
WHILE = "%y = f32[6,4] while(%x), condition=%body, body=%body"


def test_a_loop_multiplies_and_must_say_its_turns():
    known = WHILE + ', backend_config={"known_trip_count":{"n":"7"}}'
    assert [c.times for c in collectives(program(X, known, before=BODY))] == [7, 7]
    with pytest.raises(UnknownText, match="known trip count"):
        collectives(program(X, WHILE, before=BODY))


def test_an_exchange_in_a_called_computation_counts():
    found = collectives(program(X, "%y = f32[6,4] call(%x), to_apply=%body", before=BODY))
    assert [c.bytes for c in found] == [96]


@pytest.mark.parametrize(
    "line",
    [
        "%y = f32[6,4] ragged-all-to-all(%x)",
        "%y = f32[6,4] send(%x)",
        "%y = f32[6,4] negates(%x)",
        '%y = f32[6,4] custom-call(%x), custom_call_target="nvshmem_put"',
        "%y = f7[6,4] negate(%x)",
        "%y = f32[6,4] all-reduce(%unheard), replica_groups={{0,1}}",
        "%y = f32[6,4] all-reduce(%x), replica_groups={}",
        "%y = f32[6,4] all-reduce(%x), replica_groups={{0,1},{2}}",
        "%y = f32[6,4] all-reduce(%x), replica_groups=mesh['data'=2] {'model'}",
        "%y = f32[6,4] all-reduce(%x), replica_groups=mesh['data'=2], ids=([2]) {'data'}",
        "%y = f32[6,4] call(%x), to_apply=%nowhere",
        "y is f32[6,4] negate(%x)",
        "%y = f32[6,4]",
        "%y = f32[6,4] conditional(%x), branch_computations={%body, %body}",
    ],
)
def test_what_is_not_known_is_refused(line):
    with pytest.raises(UnknownText):
        collectives(program(X, line, before=BODY))


def test_text_without_an_entry_is_refused():
    with pytest.raises(UnknownText, match="ENTRY"):
        collectives("HloModule m\n")
