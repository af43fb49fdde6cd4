"""Questions in a file of their own: JSON lines, a table (CSV), or one text a line. They are read as a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from beacon_cli.console.input_file import reason
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import JobFileError
from beacon_cli.job import question_lines, question_table, question_texts
from beacon_cli.job.document import located
from beacon_cli.job.files import open_regular
from beacon_cli.job.lanes import Question
from beacon_cli.job.questions import Digest

Numbered = Iterator[tuple[int, Question]]
"""Questions, each with the number of the line where it begins."""

Warn = Callable[[str], None]
_Read = Callable[[str, BinaryIO, Warn], Numbered]
_READERS: dict[str, _Read] = {".csv": question_table.read, ".txt": question_texts.read}


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """The questions of a file, read again at each iteration. Make it with `open_question_file`."""

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
                yield from (question for _, question in _numbered(self.path, file))
        except OSError as error:
            raise JobFileError(f"{self.path}: {reason(error)}") from error


def open_question_file(path: Path, warn: Warn = lambda _: None) -> QuestionFile:
    """Check all of a file of questions in one pass, in bounded memory, and return it as a source.

    `.csv` is a table and `.txt` one text a line; any other file has JSON lines. `warn` gets what is not used in it.
    Raises `JobFileError` with file, line and column for what is no question, for an id that appears twice, and for a
    file without questions; `OSError` if it cannot be read.
    """
    digest = Digest()
    with open_regular(path) as file:
        stamp = _stamp(file)
        digest.update(_without_repeats(path, _numbered(path, file, warn)))
    if not digest.count:
        hint = "write a question into it, or list the questions in the job file"
        raise located(str(path), 1, 1, "", "the file contains no questions", hint)
    return QuestionFile(path, digest.count, digest.hexdigest(), stamp)


def _numbered(path: Path, file: BinaryIO, warn: Warn = lambda _: None) -> Numbered:
    read = _READERS.get(path.suffix.lower(), question_lines.read)
    return read(str(path), file, warn)


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
        return next(number for number, question in _numbered(path, file) if question.id == question_id)
