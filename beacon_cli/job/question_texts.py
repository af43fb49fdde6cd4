"""Questions as plain text: one a line, named `q1`, `q2`, … in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from beacon_cli.job.document import located
from beacon_cli.job.files import decoded
from beacon_cli.job.lanes import Question
from beacon_cli.job.lines import LONE_RETURN, read_lines
from beacon_cli.job.question_lines import question_in
from beacon_cli.job.questions import text_problem


def read(source: str, file: BinaryIO, _warn: Callable[[str], None]) -> Iterator[tuple[int, Question]]:
    """Yield each question with the number of its line; blank lines are skipped, and no character has a meaning.

    Raises `JobFileError` for a line that cannot be asked.
    """
    count = 0
    for number, offset, line in read_lines(source, file):
        text = decoded(source, line, first_line=number, offset=offset).removesuffix("\n").removesuffix("\r")
        if not text.strip():
            continue
        if not count and question_in(line) is not None:
            hint = "name the file .jsonl, or write each question as plain text"
            raise located(source, number, 1, "", "the lines are JSON, and in a .txt file they would be asked", hint)
        if problem := _problem(text):
            raise located(source, number, 1, "", problem, "write one question per line")
        count += 1
        yield number, Question(f"q{count}", text)


def _problem(text: str) -> str:
    if "\r" in text:
        return LONE_RETURN
    return "the text holds a NUL character, which cannot be stored" if "\0" in text else text_problem(text)
