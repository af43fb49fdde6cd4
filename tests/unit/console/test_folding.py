"""Folding text to a terminal's width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from beacon_cli.console.folding import folded, wrapped
from beacon_cli.console.printable import printable

anything = st.text(alphabet=st.characters(exclude_categories=())).map(printable)


@given(anything, st.integers(2, 60))
def test_no_line_is_wider_than_asked_and_no_character_is_lost(text: str, width: int) -> None:
    lines = folded(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("a\n\nb", ["a", "", "b"]),
        ("  indented", ["  indented"]),
        ("abcdefghijklmno", ["abcdefghij", "klmno"]),
        ("北京市中心的", ["北京市中心", "的"]),
        ("Yes 北京市中心的", ["Yes 北京市", "中心的"]),
    ],
)
def test_words_are_kept_whole_where_they_fit(text: str, lines: list[str]) -> None:
    assert folded(text, 10) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("an-id-that-is-long is kept", ["an-id-that-is-long", "is kept"]),
        ("北京市 中心 的", ["北京市", "中心 的"]),
    ],
)
def test_wrapping_breaks_at_blanks_alone(text: str, lines: list[str]) -> None:
    assert wrapped(text, 8) == lines


@pytest.mark.parametrize("text", [" " * 2_000_000, "x" * 2_000_000, "x " * 500_000])
def test_a_long_text_takes_no_more_than_its_length(text: str) -> None:
    """Something that grew with the square of the length would be at it for hours."""
    assert len(folded(text, 80)) <= len(text) // 80 + 1
