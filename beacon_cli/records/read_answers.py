"""The executions of one job, or of several, streamed from the database."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from beacon_cli.console.redaction import document_without_credentials
from beacon_cli.errors import UsageError
from beacon_cli.executor.execution import ANSWERED
from beacon_cli.records.expectation import Expectation, from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.relations import (
    CONTRACT,
    EFFECTIVE_REGION,
    GIVEN_QUESTIONS,
    legacy_executions,
    questions_found,
    region_label,
)
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.records.stored_answer import StoredExecution
from beacon_cli.store.queries import query
from beacon_cli.store.text import original, originals

_ROWS_AT_ONCE = 500
_PARAMETERS = ("temperature", "max_tokens", "top_p", "stop")


def stored_executions(
    connection: Connection,
    jobs: Sequence[StoredJob],
    *,
    question_id: str | None = None,
    model_id: str | None = None,
    execution_id: int | None = None,
    documents: bool = False,
    superseded: bool = False,
) -> Generator[StoredExecution]:
    """Yield the executions of jobs of one database in the order of question, model, region, job, arm and repeat.

    They are read in one snapshot, a few hundred at a time, so that memory does not grow with their number.
    `execution_id` is the number of the only row to read. With `documents`, `output_data` and `receipt_data` are read
    too; with `superseded`, those that were asked again and replaced are read instead, of which the old system has none.
    Raises `StoreError`, and `UsageError` for several jobs of the old system.
    """
    if len(jobs) > 1 and any(job.schema == "legacy" for job in jobs):
        raise UsageError("two jobs of the old system's tables cannot be read together")
    spec = from_spec(jobs[0].spec, jobs[0].regions, questions_stored=jobs[0].questions_stored)
    parameters = {
        "first": jobs[0].key,
        "keys": [job.key for job in jobs],
        "name": jobs[0].id,
        "job_id": jobs[0].key,
        "question_ids": list(spec.question_ids or ()),
        "repeats": spec.repeats,
        "question": question_id,
        "model": model_id,
        "id": execution_id,
        "models": list(spec.models or ()),
        "labels": jobs[0].regions.labels,
    }
    asked = {job.key: _asked(job) for job in jobs}
    with reading(connection), connection.cursor(name="executions", row_factory=dict_row) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_statement(jobs[0], spec, documents=documents, superseded=superseded), parameters)
        for row in cursor:
            read = row if jobs[0].schema == "beacon" else _without_credentials(row)
            yield StoredExecution(**originals(_with_parameters(read, asked.get(row["job_id"]))))


def _with_parameters(row: dict[str, Any], asked: str | None) -> dict[str, Any]:
    """Return a row with what its job asked, where an endpoint of Beacon's own API answered: such rows lack it."""
    own = row["sent"] is None and row["status"] in ANSWERED
    return {**row, "sent": asked} if own else row


def _asked(job: StoredJob) -> str | None:
    """Return the parameters that a job asks of endpoints of Beacon's own API, as JSON; the old system's say none."""
    generation = job.spec.get("generation") if job.schema == "beacon" and isinstance(job.spec, dict) else None
    return json.dumps({name: generation[name] for name in _PARAMETERS if name in generation}) if generation else None


def execution_of(connection: Connection, job: StoredJob, execution_id: int) -> StoredExecution | None:
    """Return one execution of a job, with its documents; None if there is none of this number. Raises `StoreError`."""
    with closing(stored_executions(connection, [job], execution_id=execution_id, documents=True)) as found:
        return next(found, None)


def question_ids(connection: Connection, job: StoredJob) -> list[str]:
    """Return the ids of a job's questions, in order; none if they are not recorded."""
    if not job.questions_stored:
        return list(from_spec(job.spec, job.regions).question_ids or ())
    with reading(connection):
        rows = connection.execute("SELECT id FROM questions WHERE job_id = %s ORDER BY position", [job.key]).fetchall()
    return [original(row[0]) for row in rows]


def question_tags(connection: Connection, job: StoredJob) -> dict[str, tuple[str, ...]]:
    """Return the tags of each of a job's questions, in order; none if they are not recorded."""
    if not job.questions_stored:
        return dict.fromkeys(question_ids(connection, job), ())
    with reading(connection):
        rows = connection.execute(
            "SELECT id, tags FROM questions WHERE job_id = %s ORDER BY position", [job.key]
        ).fetchall()
    return {original(question_id): tuple(tags) for question_id, tags in rows}


def _statement(job: StoredJob, spec: Expectation, *, documents: bool, superseded: bool) -> sql.Composed:
    legacy = job.schema == "legacy"
    if legacy:
        executions = legacy_executions(job.columns, spec.repeats, job.regions)
        questions = GIVEN_QUESTIONS if spec.question_ids else questions_found(executions)
        relations: dict[str, Any] = {"executions": executions, "questions": questions}
    else:
        relations = {
            "table": sql.Identifier("superseded_executions" if superseded else "executions"),
            "region": region_label(sql.Identifier("execution", "region"), job.regions),
            "effective_region": EFFECTIVE_REGION,
            "contract": CONTRACT,
        }
    return query("records", "answers_legacy" if legacy else "answers_beacon").format(
        **relations, documents=_documents(documents)
    )


def _documents(wanted: bool) -> sql.SQL:
    if not wanted:
        return sql.SQL("NULL::text AS output_data, NULL::text AS receipt_data")
    return sql.SQL("execution.output_data::text AS output_data, execution.receipt_data::text AS receipt_data")


def _without_credentials(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the old system without the signatures in its documents."""
    return {**row, **{name: document_without_credentials(row[name]) for name in ("output_data", "receipt_data")}}
