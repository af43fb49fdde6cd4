"""JSON lists that may be too long for memory: they are written item by item."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_IN_MEMORY_BYTES = 2**20
_LINE_END = "\n"
_MARGIN = "\n    "  # before a key of `data`, where these lists are


class LongList:
    """The items of an iterable, each as a line of JSON, in a temporary file; up to one megabyte stays in memory."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="ascii")  # noqa: SIM115
        for item in items:
            self._file.write(json.dumps(item, default=str) + "\n")

    def __del__(self) -> None:
        self._file.close()

    def pieces(self) -> Iterator[str]:
        """Yield the list as JSON, an item per line."""
        self._file.seek(0)
        yield "["
        for number, line in enumerate(self._file):
            yield f"{',' if number else ''}{_MARGIN}  {line.removesuffix(_LINE_END)}"
        yield "]"


class MadeList:
    """Items that are made when they are written, one at a time, in the form of any other list of a document."""

    def __init__(self, items: Callable[[], Iterable[Any]]) -> None:
        self._items = items

    def pieces(self) -> Iterator[str]:
        """Yield the list as JSON, each item over several lines."""
        empty = True
        for item in self._items():
            text = json.dumps(item, indent=2, default=str).replace(_LINE_END, f"{_MARGIN}  ")
            yield f"{'[' if empty else ','}{_MARGIN}  {text}"
            empty = False
        yield "[]" if empty else f"{_MARGIN}]"
