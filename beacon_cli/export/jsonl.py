"""An export as JSON lines: one object per line, in ASCII, every text exactly as received."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from beacon_cli.export.columns import COLUMNS, Row, Value, WriteRow
from beacon_cli.export.documents import ascii_document
from beacon_cli.export.times import iso

_PLAIN = [column.name for column in COLUMNS if column.type != "json"]
_DOCUMENTS = [column.name for column in COLUMNS[len(_PLAIN) :]]  # they come last
_encode = json.JSONEncoder(default=iso).encode


@contextmanager
def jsonl_writer(stream: IO[bytes]) -> Iterator[WriteRow]:
    """Yield a function that writes a row as a JSON object, with documents as nested objects."""

    def write(row: Row) -> None:
        plain = _encode(dict(zip(_PLAIN, row, strict=False)))
        documents = zip(_DOCUMENTS, row[len(_PLAIN) :], strict=True)
        rest = "".join(f', "{name}": {_json(document)}' for name, document in documents)
        stream.write(f"{plain[:-1]}{rest}}}\n".encode("ascii"))

    yield write


def _json(document: Value) -> str:
    return ascii_document(document) if isinstance(document, str) else "null"
