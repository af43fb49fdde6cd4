"""An export as JSON lines: one object per line, in ASCII, every text exactly as received."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from beacon_cli.export.columns import COLUMNS, Row, Value, WriteRow
from beacon_cli.export.documents import ascii_document
from beacon_cli.export.times import iso

_DOCUMENTS = [column.name for column in COLUMNS if column.type == "json"]  # they are neighbours
_FIRST = next(place for place, column in enumerate(COLUMNS) if column.type == "json")
_NEXT = _FIRST + len(_DOCUMENTS)
_BEFORE = [column.name for column in COLUMNS[:_FIRST]]
_BEHIND = [column.name for column in COLUMNS[_NEXT:]]
_encode = json.JSONEncoder(default=iso).encode


@contextmanager
def jsonl_writer(stream: IO[bytes]) -> Iterator[WriteRow]:
    """Yield a function that writes a row as a JSON object, with documents as nested objects."""

    def write(row: Row) -> None:
        before = _encode(dict(zip(_BEFORE, row[:_FIRST], strict=True)))[:-1]
        documents = zip(_DOCUMENTS, row[_FIRST:_NEXT], strict=True)
        middle = "".join(f', "{name}": {_json(document)}' for name, document in documents)
        behind = _encode(dict(zip(_BEHIND, row[_NEXT:], strict=True)))[1:]
        stream.write(f"{before}{middle}, {behind}\n".encode("ascii"))

    yield write


def _json(document: Value) -> str:
    return ascii_document(document) if isinstance(document, str) else "null"
