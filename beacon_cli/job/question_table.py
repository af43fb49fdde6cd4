"""Questions as a table (CSV): a header that names the columns, then one question a row."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from beacon_cli.console.printable import excerpt
from beacon_cli.job.document import located
from beacon_cli.job.files import decoded
from beacon_cli.job.lanes import Question
from beacon_cli.job.lines import LONE_RETURN, read_lines
from beacon_cli.job.questions import id_problem, tags_problem, text_problem

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_REQUIRED = ("id", "text")
_COLUMNS = (*_REQUIRED, "tags")
_NAMED = 10
_HEADER_HINT = "write a header such as: id,text,tags"
_QUOTING_HINT = 'a text with a delimiter, a line break or " in it stands in double quotes, and each " in it is doubled'
_BETWEEN_TAGS = re.compile(r"[\s,]+")
_CSV_PROBLEMS = {
    "unexpected end of data": "a field begins with a quotation mark that is never closed",
    "field larger": "a field is too long: a quotation mark before it may not be closed",
    "new-line character": "a carriage return stands in the middle of a line",
}


@dataclass(frozen=True, slots=True)
class _Header:
    """The columns of a table, in order, in lower case."""

    delimiter: str
    names: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return all(name in self.names for name in _REQUIRED)

    @property
    def repeated(self) -> str:
        return next((name for name in _COLUMNS if self.names.count(name) > 1), "")

    @property
    def others(self) -> list[str]:
        return [name for name in self.names if name not in _COLUMNS]

    def field(self, name: str, fields: Sequence[str]) -> str:
        return fields[self.names.index(name)] if name in self.names else ""


def read(source: str, file: BinaryIO, warn: Callable[[str], None]) -> Iterator[tuple[int, Question]]:
    """Yield each question with the number of the line where it begins; empty rows are skipped.

    The delimiter is the one of comma, semicolon and tab by which the header has the columns `id` and `text`. `warn`
    gets the names of the columns that are not used. Raises `JobFileError` for a header or a row that cannot be used.
    """
    lines = _decoded_lines(source, file)
    first, names = next((line for line in lines if line[1].strip()), (1, ""))
    header = _header(source, first, names)
    if header.others:
        warn(f"{source}: not used: {_listed(header.others)}; a question has the columns {', '.join(_COLUMNS)}")
    for number, fields in _rows(source, header.delimiter, (text for _, text in lines), first=first + 1):
        if any(field.strip() for field in fields):
            yield number, _question(source, number, header, fields)


def _decoded_lines(source: str, file: BinaryIO) -> Iterator[tuple[int, str]]:
    for number, offset, line in read_lines(source, file):
        text = decoded(source, line, first_line=number, offset=offset)
        if "\0" in text:
            raise located(source, number, 1, "", "the text holds a NUL character, which cannot be stored", "remove it")
        yield number, text


def _header(source: str, number: int, line: str) -> _Header:
    """Return the columns that a line names. Raises `JobFileError` if it names them by no delimiter, or by several."""
    if "\r" in line.removesuffix("\n").removesuffix("\r"):
        raise located(source, number, 1, "", LONE_RETURN, _HEADER_HINT)
    headers = [_Header(delimiter, _names(line, delimiter)) for delimiter in _DELIMITERS]
    found = [header for header in headers if header.complete]
    if not found:
        names = max((header.names for header in headers), key=len)
        problem = f"the first line must name the columns id and text, and it has {_listed(names) or 'nothing'}"
    elif len(found) > 1:
        problem = f"the header can be read by {' and by '.join(_DELIMITERS[header.delimiter] for header in found)}"
    elif found[0].repeated:
        problem = f"the column {found[0].repeated} is there twice"
    else:
        return found[0]
    raise located(source, number, 1, "", problem, _HEADER_HINT)


def _names(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        [fields] = csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True)
    except (csv.Error, ValueError):
        return ()
    return tuple(field.strip().lower() for field in fields)


def _rows(source: str, delimiter: str, texts: Iterator[str], *, first: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each row with the number of the line where it begins; `first` is that of the first text."""
    reader = csv.reader(texts, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        number = first + reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise located(source, number, 1, "", _problem_of(str(error)), _QUOTING_HINT) from error
        yield number, fields


def _problem_of(message: str) -> str:
    known = (problem for start, problem in _CSV_PROBLEMS.items() if message.startswith(start))
    return next(known, f"not valid CSV: {excerpt(message, 80)}")


def _question(source: str, number: int, header: _Header, fields: list[str]) -> Question:
    if len(fields) != len(header.names):
        problem = f"the row has {len(fields)} fields, and the header {len(header.names)}"
        raise located(source, number, 1, "", problem, _QUOTING_HINT)
    question_id, text = (header.field(name, fields) for name in _REQUIRED)
    tags = tuple(filter(None, _BETWEEN_TAGS.split(header.field("tags", fields))))
    for column, problem in (
        ("id", id_problem(question_id)),
        ("text", text_problem(text)),
        ("tags", tags_problem(tags)),
    ):
        if problem:
            raise located(source, number, 1, column, problem, "correct this row")
    return Question(question_id, text, tags)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(f'"{excerpt(name, 40)}"' for name in names[:_NAMED]) + more
