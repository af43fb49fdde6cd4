"""The chosen question and model, checked against the job."""

from __future__ import annotations

import difflib
from typing import Any, TypedDict

from psycopg import sql

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError
from beacon_cli.records.expectation import from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.relations import Relation, legacy_executions
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.text import storable

_NEAR_AMONG = 5000
_LONGEST = 255

_HAS = "SELECT EXISTS (SELECT FROM {names} AS named WHERE name = %(name)s)"
_NAMES = "SELECT DISTINCT name FROM {names} AS named WHERE name <> '' ORDER BY name LIMIT %(limit)s"
_QUESTIONS = sql.SQL(
    "(SELECT id AS name FROM questions WHERE job_id = %(job_id)s"
    " UNION ALL SELECT question_id FROM executions WHERE job_id = %(job_id)s)"
)
_MODELS = sql.SQL("(SELECT model_id AS name FROM executions WHERE job_id = %(job_id)s)")


class Choice(TypedDict):
    """What to read of a job; None means everything."""

    question_id: str | None
    model_id: str | None


def chosen(connection: Connection, job: StoredJob, question_id: str | None, model_id: str | None) -> Choice:
    """Return the choice. Raises `UsageError`, with similar names, for what the job does not have."""
    spec = from_spec(job.spec, job.regions)
    if question_id is not None:
        _require(connection, job, "question", question_id, spec.question_ids or ())
    if model_id is not None:
        _require(connection, job, "model", model_id, spec.models or ())
    return Choice(question_id=question_id, model_id=model_id)


def _require(connection: Connection, job: StoredJob, kind: str, name: str, asked: tuple[str, ...]) -> None:
    if name in asked:
        return
    names = _relation(job, kind)
    parameters = {"job_id": job.key, "repeats": 1, "name": name, "limit": _NEAR_AMONG}
    with reading(connection):
        if storable(name) == name and _fetch(connection, _HAS, names, parameters)[0][0]:
            return
        known = [row[0] for row in _fetch(connection, _NAMES, names, {**parameters, "name": ""})]
    raise _unknown(kind, name, job, list(dict.fromkeys([*asked, *known])))


def _relation(job: StoredJob, kind: str) -> Relation:
    if job.schema == "beacon":
        return _QUESTIONS if kind == "question" else _MODELS
    executions = legacy_executions(job.columns, repeats=1, regions=job.regions)
    return sql.SQL("(SELECT {} AS name FROM {} AS execution)").format(sql.Identifier(f"{kind}_id"), executions)


def _fetch(connection: Connection, query: str, names: Relation, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    return connection.execute(sql.SQL(query).format(names=names), parameters).fetchall()


def _unknown(kind: str, name: str, job: StoredJob, known: list[str]) -> UsageError:
    near = difflib.get_close_matches(name[:_LONGEST], (each[:_LONGEST] for each in known), n=3, cutoff=0.5)
    shown = ", ".join(excerpt(each) for each in near or known[:5])
    hint = f"did you mean {shown}?" if near else f"it has: {shown}" if shown else "it has none"
    return UsageError(f"job {excerpt(job.id)} has no {kind} '{excerpt(name)}'", hint=hint)
