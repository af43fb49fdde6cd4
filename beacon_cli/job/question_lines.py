"""Questions as JSON lines: one object with `id`, `text` and perhaps `tags` a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import BinaryIO

from beacon_cli.job.document import Document, Node
from beacon_cli.job.files import decoded
from beacon_cli.job.json_reader import read_json
from beacon_cli.job.lanes import Question
from beacon_cli.job.lines import read_lines
from beacon_cli.job.questions import id_problem, tags_problem, text_problem

_HINT = 'write one question per line: {"id": "capital", "text": "What is the capital of France?"}'
_TAGS_HINT = 'write "tags": ["control"]'
_KEYS = frozenset({"id", "text", "tags"})
# Pairs, not dictionaries: a duplicate key must not be lost. A decoder that is made once is twice as fast.
_DECODER = json.JSONDecoder(object_pairs_hook=tuple)


def read(source: str, file: BinaryIO, _warn: Callable[[str], None]) -> Iterator[tuple[int, Question]]:
    """Yield each question with the number of its line. Raises `JobFileError` for a line that is none."""
    for number, offset, line in read_lines(source, file):
        if (question := question_in(line)) is not None:
            yield number, question
        elif (text := decoded(source, line, first_line=number, offset=offset)).strip():
            yield number, _explained(source, number, text)


def question_in(line: bytes) -> Question | None:
    """Return the question in a line, or None if anything is wrong with it: the fast path."""
    try:
        pairs = _DECODER.decode(line.decode())
        values = dict(pairs)
        if len(pairs) != len(values) or not _KEYS.issuperset(values):
            return None
        tags = () if values.get("tags") is None else tuple(_texts(values["tags"]))
        question = Question(values["id"], values["text"], tags)
        sound = not id_problem(question.id) and not text_problem(question.text) and "\0" not in question.text
        question.text.encode()
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return question if sound and not (tags and tags_problem(tags)) else None


def _texts(tags: object) -> list[str]:
    if not isinstance(tags, list) or any(not isinstance(tag, str) for tag in tags):
        raise TypeError
    return tags


def _explained(source: str, number: int, text: str) -> Question:
    """Read a line again, slowly, to find where the problem is."""
    document = read_json(source, text, first_line=number)
    root = document.root
    if not isinstance(root.value, dict):
        raise document.error(root, "each line must be a JSON object", _HINT)
    for key, node in root.members.items():
        if key not in _KEYS:
            problem = "unknown key: a question has id and text, and may have tags"
            raise document.error(node, problem, _HINT, at_key=True)
    question_id, text = (_part(document, *part) for part in (("id", id_problem), ("text", text_problem)))
    return Question(question_id, text, _tags(document, root.members.get("tags")))


def _part(document: Document, key: str, problem_of: Callable[[str], str]) -> str:
    node = document.root.members.get(key)
    if node is None:
        raise document.error(document.root, f"{key}: missing", _HINT)
    if not isinstance(node.value, str):
        raise document.error(node, "must be text in double quotes", _HINT)
    if problem := problem_of(node.value):
        raise document.error(node, problem, _HINT)
    return node.value


def _tags(document: Document, node: Node | None) -> tuple[str, ...]:
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, list) or any(not isinstance(item.value, str) for item in node.items):
        raise document.error(node, "must be a list of texts", _TAGS_HINT)
    tags = tuple(str(item.value) for item in node.items)
    if problem := tags_problem(tags):
        raise document.error(node, problem, _TAGS_HINT)
    return tags
