"""A JSON list that may be too long for memory: it stays in a temporary file until it is printed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

_IN_MEMORY_BYTES = 2**20


class LongList:
    """The items of an iterable, each as a line of JSON; up to one megabyte stays in memory."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="ascii")  # noqa: SIM115
        for item in items:
            self._file.write(json.dumps(item, default=str) + "\n")

    def __del__(self) -> None:
        self._file.close()

    def lines(self) -> Iterator[str]:
        """Yield each item as JSON, without a line end."""
        self._file.seek(0)
        for line in self._file:
            yield line.removesuffix("\n")
