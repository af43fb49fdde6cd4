"""An export as a Parquet file, written in row groups, so that memory does not grow with the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow
from pyarrow.parquet import ParquetWriter

from beacon_cli.export.columns import COLUMNS, SCHEMA_VERSION, Row, Value, WriteRow

_TYPES = {
    "integer": pyarrow.int64(),
    "number": pyarrow.float64(),
    "text": pyarrow.string(),
    "timestamp": pyarrow.timestamp("us", tz="UTC"),
    "json": pyarrow.string(),
}
SCHEMA = pyarrow.schema(
    [(column.name, _TYPES[column.type]) for column in COLUMNS], metadata={"beacon_schema_version": str(SCHEMA_VERSION)}
)
_GROUP_ROWS = 10_000
_GROUP_CHARACTERS = 2**24
_SURROGATE = re.compile("[\ud800-\udfff]")


@contextmanager
def parquet_writer(stream: IO[bytes]) -> Iterator[WriteRow]:
    """Yield a function that adds a row. Rows are written in groups of ten thousand, or sixteen million characters."""
    file = ParquetWriter(stream, SCHEMA, compression="zstd")
    try:
        groups = _Groups(file)
        yield groups.add
        groups.write()
        file.close()
    finally:
        file.is_open = False  # after an error, because it would otherwise write again when it is collected


class _Groups:
    """The rows of the next group."""

    def __init__(self, file: ParquetWriter) -> None:
        self._file = file
        self._rows: list[list[Value]] = []
        self._characters = 0

    def add(self, row: Row) -> None:
        values = [_holdable(value) if isinstance(value, str) else value for value in row]
        self._characters += sum(len(value) for value in values if isinstance(value, str))
        self._rows.append(values)
        if len(self._rows) >= _GROUP_ROWS or self._characters >= _GROUP_CHARACTERS:
            self.write()

    def write(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=False)]
        if arrays:
            self._file.write_table(pyarrow.Table.from_arrays(arrays, schema=SCHEMA))
        self._rows.clear()
        self._characters = 0


def _holdable(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 lacks, as escapes such as `\\ud800`."""
    if text.isascii() or _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
