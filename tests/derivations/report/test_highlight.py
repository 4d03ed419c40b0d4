"""Colours add nothing to a source and take nothing away, whatever it is."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from derivations.report.highlight import pieces

WRITTEN = st.sampled_from(
    [
        "\r",
        "\n",
        "\r\n",
        "\x0c",
        "\u2028",
        "\x80",
        '"""',
        "'",
        "#",
        "\\",
        "def f(x):",
        "  ",
        "1",
        "é",
    ]
)


@settings(deadline=None)
@given(st.lists(WRITTEN | st.text(max_size=3), max_size=8).map("".join))
@example("\r\x80")
def test_the_pieces_make_up_the_source(source):
    assert "".join(text for _, text in pieces(source)) == source


@pytest.mark.parametrize("end", ["\n", "\x0c\n", "\n\x0c"])
def test_what_stands_after_any_end_of_a_line_has_its_kind(end):
    assert ("number", "12") in pieces(f"x = 3{end}y = 12\n")
