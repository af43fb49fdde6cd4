"""Reads JSON with the line and column of every value.

The standard library decodes the scalars; lists and objects are parsed here, because `json` keeps no positions.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, NoReturn

from beacon_cli.console.program_name import command
from beacon_cli.job.document import Document, Node, TreeReader, finite, joined, whole

_HINT = "JSON allows only double quotes, no comments, and no comma before a closing bracket"
_SPACE = re.compile(r"[ \t\n\r]*")


def read_json(source: str, text: str, *, first_line: int = 1) -> Document:
    """Return the one value of a JSON text, of which the first line is line `first_line` of the file.

    Raises `JobFileError` for anything that is not JSON, for duplicate keys and for unusable numbers.
    """
    return Document(source, _JsonReader(source, text, first_line).root())


class _JsonReader(TreeReader):
    def __init__(self, source: str, text: str, first_line: int) -> None:
        super().__init__(source)
        self._text = text
        self._first_line = first_line
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._position = 0
        self._decoder = json.JSONDecoder(
            parse_int=whole,
            parse_float=lambda written: finite(written, float(written)),
            parse_constant=lambda written: finite(written, float(written)),
        )

    def root(self) -> Node:
        self._skip_space()
        if self._position == len(self._text):
            self.fail(
                (self._first_line, 1),
                "",
                "the file is empty",
                f"{command('docs job-files')} shows what a job file contains",
            )
        root = self._value("", 0)
        self._skip_space()
        if self._position < len(self._text):
            self._invalid("there is text after the end of the document")
        return root

    def _value(self, path: str, depth: int, key_at: tuple[int, int] | None = None) -> Node:
        self._skip_space()
        start, at = self._position, self._at(self._position)
        self.enter(at, path, depth)
        value: Any
        if self._text.startswith("{", start):
            value = self._members(path, depth)
        elif self._text.startswith("[", start):
            value = self._items(path, depth)
        else:
            value = self._scalar(at, path)
        written = "" if isinstance(value, (str, list, dict)) else self._text[start : self._position]
        return Node(value, *at, path, written, key_at)

    def _items(self, path: str, depth: int) -> list[Node]:
        items: list[Node] = []
        self._position += 1
        while not self._closed("]", first=not items):
            items.append(self._value(joined(path, len(items)), depth + 1))
        return items

    def _members(self, path: str, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        self._position += 1
        while not self._closed("}", first=not members):
            self._skip_space()
            at = self._at(self._position)
            if not self._text.startswith('"', self._position):
                self._invalid("a key in double quotes is expected")
            key = self.key(members, self._scalar(at, path), at, path)
            self._skip_space()
            if not self._text.startswith(":", self._position):
                self._invalid('":" is expected after the key')
            self._position += 1
            members[key] = self._value(joined(path, key), depth + 1, at)
        return members

    def _scalar(self, at: tuple[int, int], path: str) -> Any:
        try:
            value, self._position = self._decoder.raw_decode(self._text, self._position)
        except json.JSONDecodeError as error:
            self._position = error.pos
            self._invalid(error.msg[:1].lower() + error.msg[1:].removesuffix(" at"))
        except ValueError as error:
            self.fail(at, path, str(error), "write a finite number, or a text in quotes")
        return self.text(at, path, value) if isinstance(value, str) else value

    def _closed(self, end: str, *, first: bool) -> bool:
        """Return whether the list or object ends here; if not, skip the comma before its next part."""
        self._skip_space()
        if self._text.startswith(end, self._position):
            self._position += 1
            return True
        if first:
            return False
        if not self._text.startswith(",", self._position):
            self._invalid(f'"," or "{end}" is expected')
        self._position += 1
        self._skip_space()
        if self._text.startswith(end, self._position):
            self._invalid(f'a comma before "{end}" is not allowed')
        return False

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._position)
        self._position = match.end() if match else self._position

    def _at(self, offset: int) -> tuple[int, int]:
        row = bisect_right(self._line_starts, offset) - 1
        return row + self._first_line, offset - self._line_starts[row] + 1

    def _invalid(self, problem: str) -> NoReturn:
        self.fail(self._at(self._position), "", f"not valid JSON: {problem}", _HINT)
