"""Reads YAML 1.2 with the line and column of every value.

Only ruamel.yaml's events are used. Its constructor partly follows YAML 1.1 (timestamps, `<<`), recurses without a
bound, and expands every alias. Here plain scalars follow the core schema of YAML 1.2.2 (section 10.3.2), tags have no
meaning, and nesting and aliases are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.job.document import Document, Node, Scalar, TreeReader, finite, joined, whole

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# An escape in double quotes above U+10FFFF.
_NO_CHARACTER = re.compile(r"\\U(?!0010|000[0-9a-fA-F])")
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")


def read_yaml(source: str, text: str) -> Document:
    """Return the one document of a YAML text. Raises `JobFileError` for anything else."""
    return Document(source, _YamlReader(source, text).root())


def plain_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar in YAML 1.2's core schema; raises `ValueError` for unusable numbers."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return whole(text)
    if _OCTAL.fullmatch(text):
        return whole(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return whole(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return finite(text, float(text))
    if _NOT_FINITE.fullmatch(text):
        return finite(text, float(text.replace(".", "")))
    return text


class _YamlReader(TreeReader):
    def __init__(self, source: str, text: str) -> None:
        super().__init__(source)
        self._text = text
        self._events = self._translated(YAML(typ="safe", pure=True))
        # Anchor → its value, how many values it contains, how deep it is.
        self._anchors: dict[str, tuple[Node, int, int]] = {}

    def root(self) -> Node:
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                break
        else:
            self.fail((1, 1), "", "the file is empty", f"{command('docs job-files')} shows what a job file contains")
        root = self._value(next(self._events), "", 0)
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                self.fail(_at(event), "", "a second document starts here", "write one job per file")
        return root

    def _translated(self, yaml: YAML) -> Iterator[Any]:
        """Yield the parser's events; its errors become ours."""
        done = 0
        try:
            for event in yaml.parse(self._text):
                yield event
                done = event.end_mark.index
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
            problem = " ".join(str(error.problem or error.context).split())
            self.fail(at, "", f"not valid YAML: {problem}", _syntax_hint(problem))
        except ReaderError as error:
            at = _line_and_column(self._text, error.position)
            self.fail(at, "", f"the character U+{error.character:04X} is not allowed in YAML", "remove it")
        except (YAMLError, ArithmeticError, ValueError):
            # ruamel.yaml does not catch chr()'s errors for an escape such as "\UFFFFFFFF".
            escape = _NO_CHARACTER.search(self._text, done)
            at = _line_and_column(self._text, escape.start() if escape else done)
            self.fail(at, "", "not valid YAML: an escape that is no character", "write the character itself")

    def _value(self, event: Any, path: str, depth: int, key_at: tuple[int, int] | None = None) -> Node:
        at = _at(event)
        if isinstance(event, AliasEvent):
            return self._alias(event, path, depth, key_at)
        self.enter(at, path, depth)
        before = self.count
        value: Scalar | list[Node] | dict[str, Node]
        if isinstance(event, ScalarEvent):
            value = self._scalar(event, path)
        elif isinstance(event, SequenceStartEvent):
            self._refuse_tag(event, path)
            value = self._items(path, depth)
        else:
            self._refuse_tag(event, path)
            value = self._members(path, depth)
        written = event.value if isinstance(event, ScalarEvent) else ""
        node = Node(value, *at, path, written, key_at)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self.count - before + 1, _height(node))
        return node

    def _scalar(self, event: ScalarEvent, path: str) -> Scalar:
        tag = event.tag
        if tag in _TEXT_TAGS or (tag is None and event.style is not None):
            return self.text(_at(event), path, event.value)
        self._refuse_tag(event, path)
        try:
            value = plain_scalar(event.value)
        except ValueError as error:
            self.fail(_at(event), path, str(error), "write a finite number, or a text in quotes")
        return self.text(_at(event), path, value) if isinstance(value, str) else value

    def _items(self, path: str, depth: int) -> list[Node]:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._value(event, joined(path, len(items)), depth + 1))
        return items

    def _members(self, path: str, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._value(event, path, depth + 1)
            at = (key.line, key.column)
            if not isinstance(key.value, str):
                self.fail(at, path, "a key must be text", "write the key in quotes")
            name = self.key(members, key.value, at, path)
            members[name] = self._value(next(self._events), joined(path, name), depth + 1, at)
        return members

    def _alias(self, event: AliasEvent, path: str, depth: int, key_at: tuple[int, int] | None) -> Node:
        at = _at(event)
        if event.anchor not in self._anchors:
            name = excerpt(event.anchor, 40)
            self.fail(at, path, f"the alias *{name} refers to no anchor before it", f"write &{name} there first")
        node, size, height = self._anchors[event.anchor]
        self.enter(at, path, depth + height, size)
        return Node(node.value, *at, path, node.written, key_at)

    def _refuse_tag(self, event: Any, path: str) -> None:
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self.fail(_at(event), path, f"the tag {excerpt(tag, 60)} has no meaning here", "remove the tag")


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _height(node: Node) -> int:
    children = (*node.members.values(), *node.items)
    return 1 + max(map(_height, children)) if children else 0


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _syntax_hint(problem: str) -> str:
    if "\\t" in problem:
        return "indent with spaces: YAML allows no tabs there"
    if "mapping values" in problem:
        return 'a text that contains ": " must be in quotes'
    return "a text that contains any of : # { } [ ] & * ! | > % @ is safest in quotes"
