"""A job's answers in pages: those that fit a filter, side by side, each page read by itself and in a limited time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic as _now
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError
from beacon_cli.executor.execution import STATUSES
from beacon_cli.records.choice import chosen
from beacon_cli.records.expectation import Expectation, LaneName, from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.model_words import ModelWords
from beacon_cli.records.read_answers import question_ids
from beacon_cli.records.relations import legacy_executions, questions_found, region_label
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.records.stored_answer import RegionArm
from beacon_cli.store.queries import query
from beacon_cli.store.text import MARK, original, originals, storable

PAGE = 50
"""The number of rows of a page; a row has the answers of all regions."""

LONGEST_SEARCH = 500
"""The maximum number of characters to search for."""

_CHARACTERS = 8_000  # read of one answer: more than a page shows of it, and never the megabytes that it may have
_SHOWN_AT_ONCE = 300  # a match in these needs no other beginning
_BUDGET_SECONDS = 2.0
_QUICK_SECONDS = 0.2
_STATEMENT_TIMEOUT = "5s"


@dataclass(frozen=True, slots=True)
class Position:
    """A row of a page. Without `model_id`, the place before the first row of the question."""

    question_id: str
    model_id: str | None = None
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are wanted: those with one answer in `region`, of `status`, with `text` in it, in any case of letters.

    None stands for any. `text` may also be found in a thought that is part of the response.
    """

    question_id: str | None = None
    model_id: str | None = None
    region: str | None = None
    status: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class PageCell(ModelWords):
    """One execution in a page. `response` is the part of it that begins at its character number `start`, from 1.

    `size` is that of the whole response, in bytes. Texts may contain anything.
    """

    id: int
    region: str
    arm: int
    status: str
    response: str | None
    start: int
    size: int
    thought: str | None
    finish_reason: str | None
    error_code: str | None
    error_message: str | None
    attempts: int | None
    hops: int | None
    seconds: float | None

    @property
    def partial(self) -> bool:
        """Whether only a part of the response was read."""
        return self.start > 1 or self.size > len(storable(self.response or "").encode())


@dataclass(frozen=True, slots=True)
class PageRow:
    """The answers of all regions to one question, of one model, in one repeat; tables of the old system may have
    several of one region."""

    question_id: str
    model_id: str
    repeat: int
    prompt: str | None
    cells: Mapping[RegionArm, Sequence[PageCell]]


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """Rows in the order of question, model and repeat. `after` is where the next page begins, None after the last one.

    `columns` are the regions of the rows, with the second arm of a control as one more. If the time for a page was over
    before it was full, `searched` is how many of the job's `questions` were gone through so far, from the first one.
    """

    rows: tuple[PageRow, ...]
    columns: tuple[RegionArm, ...]
    after: Position | None
    searched: int | None
    questions: int


@dataclass(frozen=True, slots=True)
class Names:
    """What a job's answers can be filtered by. Questions that only the rows name come last."""

    question_ids: tuple[str, ...]
    models: tuple[str, ...]
    regions: tuple[str, ...]


def names_of(connection: Connection, job: StoredJob) -> Names:
    """Return the questions, models and regions of a job: as it was stored, else as its rows say."""
    spec = from_spec(job.spec, job.regions)
    with reading(connection):
        questions = _question_ids(connection, job, spec)
        lanes = spec.lanes if spec.lanes is not None else _lanes_of_rows(connection, job, spec)
    models = dict.fromkeys([*(spec.models or ()), *(model for model, _ in lanes)])
    regions = sorted({region for _, region in lanes}, key=job.regions.rank)
    return Names(questions, tuple(models), tuple(regions))


def page_of(
    connection: Connection, job: StoredJob, names: Names, wanted: Filter, after: Position | None = None
) -> AnswerPage:
    """Return the rows that fit, from the one after `after` on. `names` are those of the job.

    A search ends after two seconds with what it found, and `after` of its page goes on from there. Raises `UsageError`
    for a question, model, region or status that the job cannot have, and for a question with too many answers to be
    searched in five seconds; and `StoreError`.
    """
    _require_possible(connection, job, names, wanted)
    start = _start(names, wanted, after)
    spec = from_spec(job.spec, job.regions)
    with reading(connection), _explained_timeout():
        connection.execute(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'".encode())
        walk = _Walk(connection, job, spec, wanted, names.question_ids)
        found, reached = walk.found(start, after)
        rows = tuple(_rows(connection, job, spec, wanted, found[:PAGE]))
    following = found[PAGE - 1] if len(found) > PAGE else None
    if following is None and reached < len(names.question_ids) and wanted.question_id is None:
        following, searched = Position(names.question_ids[reached]), reached
    else:
        searched = None
    return AnswerPage(rows, _columns(job, spec, wanted, rows), following, searched, len(names.question_ids))


class _Walk:
    """Goes through the questions in blocks, until a page is full or the time is over."""

    def __init__(
        self, connection: Connection, job: StoredJob, spec: Expectation, wanted: Filter, questions: Sequence[str]
    ) -> None:
        self._connection = connection
        self._statement = _statement("page_rows", job, spec)
        self._parameters = {**_parameters(job, spec), **_filters(wanted), "limit": PAGE + 1}
        self._questions = questions
        self._only = wanted.question_id is not None

    def found(self, start: int, after: Position | None) -> tuple[list[Position], int]:
        """Return the rows of a page, and one more if there is one; and the number of questions gone through."""
        rows: list[Position] = []
        end = start + 1 if self._only else len(self._questions)
        deadline, size = _now() + _BUDGET_SECONDS, 1
        while start < end and len(rows) <= PAGE and (began := _now()) < deadline:
            rows += self._read(self._questions[start : min(start + size, end)], after)
            start, after = min(start + size, end), None
            size = 2 * size if _now() - began < _QUICK_SECONDS else size
        return rows, start

    def _read(self, block: Sequence[str], after: Position | None) -> list[Position]:
        """Return the first rows of some questions; `after` is in the only one of them."""
        position = after or Position("")
        parameters = {
            **self._parameters,
            "block": list(map(storable, block)),
            "after_model": None if position.model_id is None else storable(position.model_id),
            "after_repeat": position.repeat,
        }
        return [
            Position(original(question), original(model), repeat)
            for question, model, repeat in self._connection.execute(self._statement, parameters).fetchall()
        ]


def _rows(
    connection: Connection, job: StoredJob, spec: Expectation, wanted: Filter, found: Sequence[Position]
) -> Iterator[PageRow]:
    parameters = {
        **_parameters(job, spec),
        **_filters(wanted),
        "characters": _CHARACTERS,
        "shown": _SHOWN_AT_ONCE,
        "found_questions": [storable(each.question_id) for each in found],
        "found_models": [storable(each.model_id or "") for each in found],
        "found_repeats": [each.repeat for each in found],
    }
    cells: dict[Position, dict[RegionArm, list[PageCell]]] = {}
    prompts: dict[str, str | None] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for stored in cursor.execute(_statement("page_cells", job, spec), parameters):
            row = originals(stored)
            at = Position(row.pop("question_id"), row.pop("model_id"), row.pop("repeat"))
            prompts[at.question_id] = row.pop("prompt") or prompts.get(at.question_id)
            cell = PageCell(**row)
            cells.setdefault(at, {}).setdefault((cell.region, cell.arm), []).append(cell)
    for at in found:
        yield PageRow(at.question_id, at.model_id or "", at.repeat, prompts.get(at.question_id), cells[at])


def _columns(job: StoredJob, spec: Expectation, wanted: Filter, rows: Sequence[PageRow]) -> tuple[RegionArm, ...]:
    """Return the regions in which the models of the rows are asked, and those that the rows have."""
    models = {row.model_id for row in rows}
    asked = ((region, arm) for model, region in spec.lanes or () if model in models for arm in range(spec.arms(region)))
    columns = {*asked, *(column for row in rows for column in row.cells)}
    shown = (column for column in columns if wanted.region in {None, column[0]})
    return tuple(sorted(shown, key=lambda column: (job.regions.rank(column[0]), column[1])))


def _start(names: Names, wanted: Filter, after: Position | None) -> int:
    """Return the number of the question with which a page begins."""
    first = after.question_id if after else wanted.question_id
    if first is None:
        return 0
    if first not in names.question_ids or (wanted.question_id or first) != first:
        raise UsageError(f"the page cannot begin at question '{excerpt(first)}'", hint="begin at the first page")
    return names.question_ids.index(first)


def _require_possible(connection: Connection, job: StoredJob, names: Names, wanted: Filter) -> None:
    chosen(connection, job, wanted.question_id, wanted.model_id)
    for what, value, known in (("region", wanted.region, names.regions), ("status", wanted.status, STATUSES)):
        if value is not None and value not in known:
            raise UsageError(f"no answer can have the {what} '{excerpt(value)}'", hint=f"known: {', '.join(known)}")
    if wanted.text and len(wanted.text) > LONGEST_SEARCH:
        raise UsageError(f"a search may have {LONGEST_SEARCH} characters", hint="search for a part of it")


def _question_ids(connection: Connection, job: StoredJob, spec: Expectation) -> tuple[str, ...]:
    stored = question_ids(connection, job)
    found = connection.execute(_statement("page_questions", job, spec), _parameters(job, spec)).fetchall()
    return tuple(dict.fromkeys([*stored, *(original(row[0]) for row in found)]))


def _lanes_of_rows(connection: Connection, job: StoredJob, spec: Expectation) -> list[LaneName]:
    statement = "SELECT DISTINCT model_id, region FROM {executions} AS execution ORDER BY model_id, region"
    executions = _executions(job, spec)
    rows = connection.execute(sql.SQL(statement).format(executions=executions), _parameters(job, spec)).fetchall()
    return [(original(model), original(region)) for model, region in rows]


def _filters(wanted: Filter) -> dict[str, Any]:
    """Return the parameters of the filter; a text is searched as the database holds it."""
    text = wanted.text and storable(wanted.text).removeprefix(MARK)
    pattern = text and "".join(f"\\{each}" if each in "\\%_" else each for each in text)
    return {
        "model": wanted.model_id,
        "region": wanted.region,
        "status": wanted.status,
        "text": text,
        "pattern": pattern and f"%{pattern}%",
    }


def _parameters(job: StoredJob, spec: Expectation) -> dict[str, Any]:
    return {
        "job_id": job.key,
        "repeats": spec.repeats,
        "models": [storable(model) for model in spec.models or ()],
    }


def _statement(name: str, job: StoredJob, spec: Expectation) -> sql.Composed:
    if job.schema == "legacy" and name == "page_questions":
        found = questions_found(legacy_executions(job.columns, spec.repeats, job.regions))
        statement = "(SELECT id FROM {found} AS found ORDER BY position) UNION ALL SELECT ''"
        return sql.SQL(statement).format(found=found)
    return query("records", name).format(executions=_executions(job, spec))


def _executions(job: StoredJob, spec: Expectation) -> sql.Composed:
    if job.schema == "legacy":
        return sql.SQL(_LEGACY).format(legacy_executions(job.columns, spec.repeats, job.regions))
    return sql.SQL(_BEACON).format(region=region_label(sql.Identifier("region"), job.regions))


_BEACON = """(
    SELECT id, question_id, model_id, {region} AS region, repeat, arm, status, response, thought, finish_reason,
           error_code, error_message, attempts, hops, prompt, started_at, completed_at
    FROM executions WHERE job_id = %(job_id)s)"""
_LEGACY = """(
    SELECT id, question_id, model_id, region, repeat, arm, status, response, NULL::text AS thought,
           NULL::text AS finish_reason, NULL::text AS error_code,
           CASE WHEN status NOT IN ('completed', 'empty') THEN nullif(error, '') END AS error_message,
           attempts, hops, NULL::text AS prompt, started_at, completed_at
    FROM {} AS old)"""


@contextlib.contextmanager
def _explained_timeout() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise UsageError(
            "the answers to one question could not be searched in 5 s", hint="choose a model, a region or a status"
        ) from error
