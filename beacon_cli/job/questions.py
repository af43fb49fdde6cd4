"""The source of a job's questions: a list in the job file, or a separate file that is read as a stream."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import JobFileError
from beacon_cli.job.document import Document, located
from beacon_cli.job.files import BOM, decoded, open_regular, reason
from beacon_cli.job.json_reader import read_json
from beacon_cli.job.lanes import Question
from modal_deployment.limits import MAX_PROMPT_CHARACTERS

MAX_ID = 255
MAX_LINE_BYTES = 1_000_000
"""The maximum length of a line in a file of questions, which bounds memory."""
_LINE_HINT = 'write one question per line: {"id": "capital", "text": "What is the capital of France?"}'
# Pairs, not dictionaries: a duplicate key must not be lost. A decoder that is made once is twice as fast.
_DECODER = json.JSONDecoder(object_pairs_hook=tuple)


class QuestionSource(Protocol):
    """A job's questions in order; they can be iterated more than once."""

    @property
    def count(self) -> int:
        """The number of questions."""

    @property
    def sha256(self) -> str:
        """The SHA-256 over all ids and texts in order: equal for a list and a file of the same questions."""

    def __iter__(self) -> Iterator[Question]: ...


def id_problem(question_id: str) -> str:
    """Return why a text cannot be a question's id, or an empty text."""
    if not question_id:
        return "a question's id must not be empty"
    if len(question_id) > MAX_ID:
        return f"a question's id must have at most {MAX_ID} characters, not {len(question_id)}"
    if question_id != question_id.strip():
        return "a question's id must not start or end with white space"
    return "" if question_id.isprintable() else "a question's id must contain only printable characters"


def text_problem(text: str) -> str:
    """Return why a text cannot be asked, or an empty text."""
    if len(text) > MAX_PROMPT_CHARACTERS:
        return f"a question's text must not be longer than {MAX_PROMPT_CHARACTERS} characters, and this has {len(text)}"
    return "" if text.strip() else "a question's text must not be empty"


@dataclass(frozen=True, slots=True)
class QuestionList:
    """Questions in the job file itself."""

    questions: tuple[Question, ...]
    count: int = field(init=False)
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        digest = _Digest()
        digest.update(self.questions)
        object.__setattr__(self, "count", len(self.questions))
        object.__setattr__(self, "sha256", digest.hexdigest())

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """Questions in a file of JSON lines, read again at each iteration. Make it with `open_question_file`."""

    path: Path
    count: int
    sha256: str
    stamp: tuple[int, ...] = field(compare=False)

    def __iter__(self) -> Iterator[Question]:
        """Yield the questions; raises `JobFileError` if the file is no longer the one that was checked."""
        try:
            with open_regular(self.path) as file:
                if _stamp(file) != self.stamp:
                    raise JobFileError(
                        f"{self.path}: the file was changed while the job was using it",
                        hint="run the job again",
                    )
                yield from (question for _, question in _numbered(str(self.path), file))
        except OSError as error:
            raise JobFileError(f"{self.path}: {reason(error)}") from error


def open_question_file(path: Path) -> QuestionFile:
    """Check all of a file of questions in one pass, in bounded memory, and return it as a source.

    Raises `JobFileError` with file, line and column for a line that is not `{"id", "text"}`, for an id that
    appears twice, and for a file without questions; `OSError` if it cannot be read.
    """
    digest = _Digest()
    with open_regular(path) as file:
        stamp = _stamp(file)
        digest.update(_without_repeats(path, _numbered(str(path), file)))
    if not digest.count:
        raise located(str(path), 1, 1, "", "the file contains no questions", _LINE_HINT)
    return QuestionFile(path, digest.count, digest.hexdigest(), stamp)


class _Digest:
    """A running SHA-256 of questions; a length precedes each id and text, so that one cannot look like two."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.count = 0

    def update(self, questions: Iterable[Question]) -> None:
        for question in questions:
            question_id, text = question.id.encode(), question.text.encode()
            self._sha256.update(b"%d:%b%d:%b" % (len(question_id), question_id, len(text), text))
            self.count += 1

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def _stamp(file: BinaryIO) -> tuple[int, ...]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _without_repeats(path: Path, numbered: Iterable[tuple[int, Question]]) -> Iterator[Question]:
    """Yield the questions; raises `JobFileError` for an id that was used on an earlier line.

    Only hashes are kept. Two ids may have the same hash, so the file is read again before reporting a repeat.
    """
    seen: set[int] = set()
    for number, question in numbered:
        fingerprint = hash(question.id)
        if fingerprint in seen and (first := _line_of(path, question.id)) < number:
            problem = f'the id "{excerpt(question.id, 40)}" is already used on line {first}'
            raise located(str(path), number, 1, "id", problem, "give every question its own id")
        seen.add(fingerprint)
        yield question


def _line_of(path: Path, question_id: str) -> int:
    with open_regular(path) as file:
        return next(number for number, question in _numbered(str(path), file) if question.id == question_id)


def _numbered(source: str, file: BinaryIO) -> Iterator[tuple[int, Question]]:
    """Yield each question with the number of its line."""
    for number, offset, line in _lines(source, file):
        yield number, _question(line) or _explained(source, number, offset, line)


def _lines(source: str, file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, offset and bytes of each line that is not blank."""
    number, offset = 0, 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise located(source, number, 1, "", f"the line is longer than {MAX_LINE_BYTES:,} bytes", _LINE_HINT)
        if number == 1 and line.startswith(BOM):
            line, offset = line[len(BOM) :], len(BOM)
        if line.strip():
            yield number, offset, line
        offset += len(line)


def _question(line: bytes) -> Question | None:
    """Return the question in a line, or None if anything is wrong with it: the fast path."""
    try:
        pairs = _DECODER.decode(line.decode())
        values = dict(pairs)
        if len(pairs) != 2 or values.keys() != {"id", "text"}:
            return None
        question = Question(values["id"], values["text"])
        sound = not id_problem(question.id) and not text_problem(question.text) and "\0" not in question.text
        question.text.encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return question if sound else None


def _explained(source: str, number: int, offset: int, line: bytes) -> Question:
    """Read a line again, slowly, to find where the problem is."""
    text = decoded(source, line, first_line=number, offset=offset)
    document = read_json(source, text, first_line=number)
    root = document.root
    if not isinstance(root.value, dict):
        raise document.error(root, "each line must be a JSON object", _LINE_HINT)
    for key, node in root.members.items():
        if key not in ("id", "text"):
            raise document.error(node, "unknown key: a question has id and text", _LINE_HINT, at_key=True)
    return Question(_part(document, "id", id_problem), _part(document, "text", text_problem))


def _part(document: Document, key: str, problem_of: Callable[[str], str]) -> str:
    node = document.root.members.get(key)
    if node is None:
        raise document.error(document.root, f"{key}: missing", _LINE_HINT)
    if not isinstance(node.value, str):
        raise document.error(node, "must be text in double quotes", _LINE_HINT)
    if problem := problem_of(node.value):
        raise document.error(node, problem, _LINE_HINT)
    return node.value
