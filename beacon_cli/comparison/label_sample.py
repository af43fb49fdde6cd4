"""A blinded sample of a job's answers, for people to label."""

from __future__ import annotations

import csv
import io
import itertools
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beacon_cli.comparison.labels import COLUMNS, name_of
from beacon_cli.comparison.refusal import Label, RefusalRule
from beacon_cli.console.output_file import opened
from beacon_cli.console.printable import excerpt
from beacon_cli.console.spreadsheets import excel_cell, spreadsheet_safe
from beacon_cli.errors import ProblemsFound, UsageError
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.read_answers import stored_executions
from beacon_cli.records.snapshot import Connection
from beacon_cli.records.stored_answer import StoredExecution


@dataclass(frozen=True, slots=True)
class Stratum:
    """How many answers the rule calls so, and how many of them were drawn."""

    answers: int
    drawn: int


@dataclass(frozen=True, slots=True)
class LabelSample:
    """What was written: `strata` are what the rule calls the answers; the file does not say it."""

    job_id: str
    file: str
    sample: int
    seed: int
    rule: str
    strata: Mapping[Label, Stratum]

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `label --json`."""
        return asdict(self)


def draw_sample(
    connection: Connection, job: StoredJob, output: Path, *, rule: RefusalRule, size: int, seed: int
) -> LabelSample:
    """Write a sample of the answers with text, in a random order, without region, model, repeat and arm.

    As many are drawn of what the rule calls refusals as of the rest, as far as there are that many, so that what is
    rare is in the sample. Raises `UsageError` if the file exists, `ProblemsFound` if there is no answer.
    """
    if output.exists():
        raise UsageError(
            f"{excerpt(str(output), 200)} exists, and may have labels in it", hint="give another name with --output"
        )
    chance = random.Random(seed)
    strata = _drawn(stored_executions(connection, [job]), rule, size, chance)
    shares = _shares({label: len(reservoir.kept) for label, reservoir in strata.items()}, size)
    rows = [row for label, reservoir in strata.items() for row in chance.sample(reservoir.kept, shares[label])]
    if not rows:
        raise ProblemsFound(f"job {excerpt(job.id, 255)} has no answer with text to label")
    chance.shuffle(rows)
    with opened(output) as stream:
        stream.write(_csv(rows).encode("utf-8-sig", "backslashreplace"))
    found = {label: Stratum(reservoir.seen, shares[label]) for label, reservoir in strata.items()}
    return LabelSample(job.id, str(output), len(rows), seed, rule.source, found)


_Row = tuple[str, str, str]


@dataclass(slots=True)
class _Reservoir:
    """A random sample of what went by, without keeping the rest (Vitter 1985, algorithm R)."""

    kept: list[_Row]
    seen: int = 0

    def add(self, row: _Row, size: int, chance: random.Random) -> None:
        self.seen += 1
        if len(self.kept) < size:
            self.kept.append(row)
        elif (place := chance.randrange(self.seen)) < size:
            self.kept[place] = row


def _drawn(
    executions: Iterable[StoredExecution], rule: RefusalRule, size: int, chance: random.Random
) -> Mapping[Label, _Reservoir]:
    strata: dict[Label, _Reservoir] = {label: _Reservoir([]) for label in ("refusal", "answer", "unknown")}
    answered = (each for each in executions if each.status == "completed")
    for _, group in itertools.groupby(answered, key=lambda each: each.question_id):
        answers = list(group)
        for each, judgement in zip(answers, rule.judged([each.text for each in answers]), strict=True):
            strata[judgement.label].add((name_of(each), each.prompt or "", each.text), size, chance)
    return strata


def _shares(available: Mapping[Label, int], size: int) -> dict[Label, int]:
    """Return how many to draw of each: the same number, and more of the others where one has too few."""
    shares, left = {}, size
    ordered = sorted(available, key=lambda label: available[label])
    for place, label in enumerate(ordered):
        shares[label] = min(available[label], left // (len(ordered) - place))
        left -= shares[label]
    return shares


def _csv(rows: Iterable[_Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for name, question, answer in rows:
        writer.writerow(
            (name, *(spreadsheet_safe(excel_cell(each)).replace("\0", "") for each in (question, answer)), "")
        )
    return text.getvalue()
