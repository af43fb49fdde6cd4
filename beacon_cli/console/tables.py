"""The one style of table: headings, a rule, rows. A cell is never cut, and never broken across lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

from beacon_cli.console.folding import folded
from beacon_cli.console.terminal import can_encode, encodable, line_limit

if TYPE_CHECKING:
    from rich.console import Console

_WIDE_GAP, _NARROW_GAP = 2, 1
_INDENT = 2  # of the second and further lines of a row

Cell: TypeAlias = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading. If a row is too long for its line, optional columns are left out, the last one first."""

    name: str
    right: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns on each line of a row, the width of each, and the space between them."""

    lines: Sequence[Sequence[int]]
    widths: Sequence[int]
    gap: int


def print_table(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    title: str = "",
    footer: Sequence[Cell] = (),
) -> list[str]:
    """Print rows under their headings, and return the names of the columns that were left out.

    `footer` is a last row below a rule. If the necessary columns fit in one line of the console, a row is one line;
    else it is several, indented from the second one. Without a terminal a line is as long as necessary.
    """
    names = [Text(column.name, "bold") for column in columns]
    head, *body = ([_printed(cell, console) for cell in row] for row in (names, *rows, *([footer] if footer else [])))
    layout = _layout(columns, [head, *body], line_limit(console))
    rule = _rule(layout, console)
    lines = [Text(line, "dim") for line in _titles(encodable(title, console), console)]
    lines += [*_lines(head, columns, layout), rule]
    for number, row in enumerate(body):
        if footer and number == len(rows):
            lines.append(rule)
        lines += _lines(row, columns, layout)
    console.print(Text("\n").join(lines), soft_wrap=True)
    shown = {place for places in layout.lines for place in places}
    return [column.name for place, column in enumerate(columns) if place not in shown]


def _titles(title: str, console: Console) -> list[str]:
    """Return a title as lines that the console has room for; none if it is empty."""
    limit = line_limit(console)
    return (folded(title, limit) if limit else [title]) if title else []


def _printed(cell: Cell, console: Console) -> Text:
    if isinstance(cell, str):
        return Text(encodable(cell, console))
    return Text(encodable(cell.plain, console), cell.style)


def _layout(columns: Sequence[Column], rows: Sequence[Sequence[Text]], limit: int | None) -> _Layout:
    widths = [max(row[place].cell_len for row in rows) for place in range(len(columns))]
    kept = list(range(len(columns)))
    optional = [place for place in kept if columns[place].optional]
    while True:
        if limit is None or _width(kept, widths, _WIDE_GAP) <= limit:
            return _Layout([kept], widths, _WIDE_GAP)
        if not optional:
            break
        kept.remove(optional.pop())
    if _width(kept, widths, _NARROW_GAP) <= limit:
        return _Layout([kept], widths, _NARROW_GAP)
    return _Layout(_packed(kept, widths, limit), widths, _WIDE_GAP)


def _width(places: Sequence[int], widths: Sequence[int], gap: int) -> int:
    return sum(widths[place] for place in places) + gap * (len(places) - 1)


def _packed(places: Sequence[int], widths: Sequence[int], limit: int) -> list[list[int]]:
    """Return the columns on as many lines as necessary, each line as full as possible."""
    lines: list[list[int]] = [[]]
    for place in places:
        indent = _INDENT if len(lines) > 1 else 0
        if lines[-1] and indent + _width([*lines[-1], place], widths, _WIDE_GAP) > limit:
            lines.append([])
        lines[-1].append(place)
    return lines


def _lines(row: Sequence[Text], columns: Sequence[Column], layout: _Layout) -> Iterator[Text]:
    for number, places in enumerate(layout.lines):
        line = Text(" " * (_INDENT if number else 0))
        for place in places:
            room = " " * (layout.widths[place] - row[place].cell_len)
            line.append(room if columns[place].right else "").append_text(row[place])
            line.append(("" if columns[place].right else room) + " " * layout.gap)
        line.rstrip()
        yield line


def _rule(layout: _Layout, console: Console) -> Text:
    width = max(
        (_INDENT if number else 0) + _width(places, layout.widths, layout.gap)
        for number, places in enumerate(layout.lines)
    )
    limit = line_limit(console)
    sign = "─" if can_encode("─", console) else "-"
    return Text(sign * (width if limit is None else min(width, limit)))
