"""What people say of answers: the names of answers in a blinded sample, and the file with their labels."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, cast

from beacon_cli.console.formatting import quantity
from beacon_cli.console.input_file import input_name, meant_file, opened_input, reason
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError
from beacon_cli.records.stored_answer import StoredExecution

Human = Literal["refusal", "answer", "unclear"]
LABELS: tuple[Human, ...] = ("refusal", "answer", "unclear")
COLUMNS = ("id", "question", "answer", "label")

_NAME = 16  # hexadecimal digits of an answer's name


def name_of(execution: StoredExecution) -> str:
    """Return a name for an execution that tells a reader nothing about it."""
    cell = (execution.job_id, execution.question_id, execution.model_id, execution.region, execution.repeat)
    return hashlib.sha256("\0".join(map(str, (*cell, execution.arm))).encode("utf-8", "replace")).hexdigest()[:_NAME]


def read_labels(path: Path) -> Mapping[str, Human]:
    """Return the labels in a file of `beacon label`, or in stdin, by the names of the answers; empty ones are left out.

    The columns may be separated by commas, semicolons or tabs, as spreadsheets save them. Raises `UsageError`.
    """
    try:
        with opened_input(path, "the labels") as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            try:
                columns = lines.readline()
                separator = max(",;\t", key=columns.count)
                return dict(_labels(path, csv.DictReader(itertools.chain([columns], lines), delimiter=separator)))
            finally:
                lines.detach()  # otherwise it would close stdin
    except OSError as error:
        raise UsageError(
            f"{_named(path)}: the labels cannot be read: {reason(error)}", hint=meant_file(path, error).rstrip()
        ) from error
    except (UnicodeError, csv.Error) as error:
        raise UsageError(f"{_named(path)}: the labels cannot be read: {error}") from error


def _named(path: Path) -> str:
    return excerpt(input_name(path), 200)


def _labels(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[str, Human]]:
    if not {"id", "label"} <= set(reader.fieldnames or ()):
        raise UsageError(
            f"{_named(path)}: there is no column `id`, or none `label`",
            hint="beacon label JOB_ID -o FILE.csv writes a file with both",
        )
    for row in reader:
        label = (row["label"] or "").strip().lower()
        if not label:
            continue
        if label not in LABELS:
            raise UsageError(
                f"{_named(path)}:{reader.line_num}: unknown label {excerpt(label)!r}",
                hint=f"known: {', '.join(LABELS)}; leave it empty if nobody looked at the answer",
            )
        yield (row["id"] or "").strip(), cast(Human, label)


def require_all_found(path: Path, labels: Mapping[str, Human], found: int) -> None:
    """Raise `UsageError` unless each labelled answer was found among those compared."""
    if found < len(labels):
        raise UsageError(
            f"{_named(path)}: {found} of {quantity(len(labels), 'labelled answer')} were found in this job",
            hint="the labels are of another job, or the answers were asked again since; draw a sample of this job",
        )
