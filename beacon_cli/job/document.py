"""The contents of a job file before validation: a tree of values with their positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import JobFileError

MAX_DEPTH = 64
"""How deep lists and mappings may be nested: a job file needs four levels, `metadata` may want more."""
MAX_VALUES = 200_000
"""How many values a document may contain, with aliases expanded; each mapping and list counts as one."""
_MAX_DIGITS = 100

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and its position in its file.

    `line` and `column` count from 1; `path` is the key path as people write it (`models[1].regions`);
    `written` is how a number, true, false or null is written there; `key_at` is the position of the value's key.
    """

    value: Scalar | list[Node] | dict[str, Node]
    line: int
    column: int
    path: str = ""
    written: str = ""
    key_at: tuple[int, int] | None = None

    @property
    def members(self) -> dict[str, Node]:
        """The values of a mapping by their keys; none if this is something else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The values of a list; none if this is something else."""
        return self.value if isinstance(self.value, list) else []

    def find(self, path: Sequence[str | int]) -> Node:
        """Return the value at `path`, or the last one on the way there.

        Unknown parts are skipped: pydantic puts the names of alternatives between the keys.
        """
        node = self
        for part in path:
            if isinstance(part, str):
                node = node.members.get(part, node)
            elif part < len(node.items):
                node = node.items[part]
        return node

    def plain(self) -> Any:
        """Return the value as Python's own scalars, lists and dictionaries."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(frozen=True, slots=True)
class Document:
    """The tree of one file. `source` is the file's name as the user gave it."""

    source: str
    root: Node

    def error(self, node: Node, problem: str, hint: str = "", *, at_key: bool = False) -> JobFileError:
        """Return the error for a problem with `node`, or with its key."""
        line, column = (at_key and node.key_at) or (node.line, node.column)
        return located(self.source, line, column, node.path, problem, hint)


def located(source: str, line: int, column: int, path: str, problem: str, hint: str = "") -> JobFileError:
    """Return an error whose message is `source:line:column: path: problem`."""
    key = f"{path}: " if path else ""
    return JobFileError(f"{source}:{line}:{column}: {key}{problem}", hint=hint)


def joined(path: str, part: str | int) -> str:
    """Return the path of a list's item or of a mapping's value; long keys are cut."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    name = excerpt(part, 40)
    if not part.replace("-", "_").isidentifier():
        name = f'"{name}"'
    return f"{path}.{name}" if path else name


def finite(written: str, number: int | float) -> int | float:
    """Return `number`; raises `ValueError` if it is infinite or not a number."""
    if number in (float("inf"), float("-inf")) or number != number:
        raise ValueError(f"{excerpt(written, 40)} is not a number that can be used here")
    return number


def whole(written: str, base: int = 10) -> int:
    """Return the integer; raises `ValueError` for more digits than anything here needs."""
    if len(written) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(written)} digits is too large")
    return int(written, base)


class TreeReader:
    """What the readers of YAML and JSON share: bounds, checks of texts and keys, errors with their position."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.count = 0

    def fail(self, at: tuple[int, int], path: str, problem: str, hint: str = "") -> NoReturn:
        """Raise the error for a problem at a line and column."""
        raise located(self.source, *at, path, problem, hint) from None

    def enter(self, at: tuple[int, int], path: str, depth: int, values: int = 1) -> None:
        """Count `values` more, `depth` levels down; raises `JobFileError` beyond the bounds."""
        if depth > MAX_DEPTH:
            # The whole path would be as long as the nesting is deep.
            problem = f"lists and mappings are nested more than {MAX_DEPTH} deep"
            self.fail(at, "", problem, "write it flatter: a job file needs four levels")
        self.count += values
        if self.count > MAX_VALUES:
            self.fail(
                at,
                path,
                f"more than {MAX_VALUES:,} values, with every alias written out",
                "put large sets of questions into a file: questions: {file: questions.jsonl}",
            )

    def text(self, at: tuple[int, int], path: str, text: str) -> str:
        """Return `text`; raises `JobFileError` if a request or a database row could not carry it."""
        if "\0" in text:
            self.fail(at, path, "the text holds a NUL character, which cannot be stored", "remove it")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            self.fail(at, path, "the text holds half of a surrogate pair", "write the character itself")
        return text

    def key(self, members: dict[str, Node], key: str, at: tuple[int, int], path: str) -> str:
        """Return `key`; raises `JobFileError` if the mapping already has it."""
        self.text(at, path, key)
        if (first := members.get(key)) is not None and first.key_at is not None:
            line, column = first.key_at
            self.fail(
                at,
                joined(path, key),
                f"the key is written twice, first on line {line}, column {column}",
                "remove one of the two",
            )
        return key
