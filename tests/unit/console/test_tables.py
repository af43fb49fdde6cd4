"""The one style of table: what happens where a row is too long for its line."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console
from rich.text import Text

from beacon_cli.console.tables import Column, print_table

ID = "quickstart-20261125-211139-5f3a"
COLUMNS = [
    Column("job"),
    Column("status"),
    Column("answered", right=True),
    Column("asked"),
    Column("created"),
    Column("name", optional=True),
]
ROWS = [(Text(ID, "bold"), Text("completed", "green"), "36/36", "4×1×3×3", "11-25 21:11", "Quickstart")] * 2


def printed(
    width: int, *, terminal: bool = True, encoding: str = "utf-8", footer: tuple[str, ...] = (), title: str = ""
) -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None, highlight=False)
    print_table(console, COLUMNS, ROWS, footer=footer, title=title)
    return stream.buffer.getvalue().decode(encoding).splitlines()


def test_a_row_that_has_room_is_a_line() -> None:
    heading, rule, row, _ = printed(120)
    assert heading == "job                              status     answered  asked    created      name"
    assert rule == "─" * len(row)
    assert row == f"{ID}  completed     36/36  4×1×3×3  11-25 21:11  Quickstart"


def test_a_title_is_wrapped_between_words_where_lines_have_a_limit() -> None:
    title = "what each job asked, and how many of its answers there are"
    assert printed(40, title=title)[:2] == ["what each job asked, and how many of its", "answers there are"]
    assert printed(40, terminal=False, title=title)[0] == title


def test_where_room_is_short_optional_columns_go_and_then_columns_move_closer() -> None:
    assert printed(80)[2] == f"{ID}  completed     36/36  4×1×3×3  11-25 21:11"
    assert printed(73)[2] == f"{ID} completed    36/36 4×1×3×3 11-25 21:11"


def test_where_it_is_shorter_still_a_row_is_several_lines() -> None:
    assert printed(60)[:2] == ["job                              status     answered", "  asked    created"]
    assert printed(60)[3:5] == [f"{ID}  completed     36/36", "  4×1×3×3  11-25 21:11"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_no_cell_is_ever_cut_or_broken(width: int) -> None:
    text = printed(width)
    for cell in itertools.chain((column.name for column in COLUMNS[:5]), (ID, "completed", "36/36", "11-25 21:11")):
        assert any(cell in line for line in text), cell
    assert all(len(line) <= max(width, len(ID)) for line in text)


def test_without_a_terminal_a_line_is_as_long_as_it_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert printed(20, terminal=False) == printed(200)
    monkeypatch.setenv("COLUMNS", "60")
    assert printed(60, terminal=False) == printed(60)


def test_an_encoding_without_lines_and_crosses_gets_escapes_in_their_columns() -> None:
    _, rule, row, _ = printed(120, encoding="ascii")
    assert set(rule) == {"-"}
    assert r"36/36  4\xd71\xd73\xd73  11-25" in row


def test_a_footer_stands_under_a_rule() -> None:
    *_, rule, footer = printed(120, footer=("all", "", "72/72", "", "", ""))
    assert set(rule) == {"─"}
    assert footer == f"all{' ' * 30}{' ' * 11}   72/72"
