"""An export as CSV (RFC 4180, UTF-8) that a spreadsheet can open without executing anything."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from beacon_cli.console.spreadsheets import excel_cell, spreadsheet_safe
from beacon_cli.export.columns import COLUMNS, Row, Value, WriteRow
from beacon_cli.export.times import iso

_TEXTS = [place for place, column in enumerate(COLUMNS) if column.type in ("text", "json")]
_TIMES = [place for place, column in enumerate(COLUMNS) if column.type == "timestamp"]


@contextmanager
def csv_writer(stream: IO[bytes], visible: Callable[[str], str] = str) -> Iterator[WriteRow]:
    """Write a header line, then yield a function that writes a row. `visible` makes texts safe to show."""
    line_of: Callable[[Iterable[Value]], Any] = csv.writer(_Lines()).writerow  # what `_Lines.write` returns

    def write_line(cells: Iterable[Value]) -> None:
        line: str = line_of(cells)
        stream.write(line.replace("\0", "\\u0000").encode("utf-8", "backslashreplace"))

    def write(row: Row) -> None:
        cells = list(row)
        for place in _TEXTS:
            if isinstance(text := cells[place], str):
                cells[place] = visible(spreadsheet_safe(text))
        for place in _TIMES:
            if isinstance(moment := cells[place], datetime):
                cells[place] = iso(moment)
        write_line(cells)

    write_line(column.name for column in COLUMNS)
    yield write


@contextmanager
def excel_writer(stream: IO[bytes], visible: Callable[[str], str] = str) -> Iterator[WriteRow]:
    """Write the same CSV as Excel reads it: with a byte order mark, and with cells as `excel_cell` returns them."""
    stream.write(codecs.BOM_UTF8)
    with csv_writer(stream, lambda text: visible(excel_cell(text))) as write:
        yield write


class _Lines:
    """A file that returns what is written to it."""

    def write(self, line: str) -> str:
        return line
