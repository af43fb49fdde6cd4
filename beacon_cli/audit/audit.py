"""The audit of one job: every check's query, and its judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from beacon_cli.audit import judges
from beacon_cli.audit.check import Check
from beacon_cli.audit.coverage import CellGroup, Coverage, lane_coverage
from beacon_cli.audit.database import Connection, Reader, reading
from beacon_cli.audit.expectation import Expectation, from_job, from_spec
from beacon_cli.audit.judge_regions import MAX_COMBINATIONS, regions
from beacon_cli.audit.relations import (
    COLUMNS,
    GIVEN_QUESTIONS,
    LANES,
    ONE_RUN,
    STORED_QUESTIONS,
    STORED_RUNS,
    Relation,
    Relations,
    beacon_executions,
    legacy_executions,
    questions_found,
)
from beacon_cli.audit.report import AuditReport
from beacon_cli.audit.stored_job import StoredJob, find_job
from modal_deployment.regions import REGIONS

if TYPE_CHECKING:
    from beacon_cli.job.model import Job

# In the order in which they are told; `complete`, which is judged from the table of cells, comes before them.
JUDGES: Mapping[str, Callable[..., Check]] = {
    "no_duplicates": judges.no_duplicates,
    "no_unexpected": judges.no_unexpected,
    "question_id": judges.question_id,
    "regions": regions,
    "sequential": judges.sequential,
    "batch_gap": judges.batch_gap,
    "containers": judges.containers,
    "no_hops": judges.no_hops,
    "timestamps": judges.timestamps,
    "answers": judges.answers,
}
_NEEDED_COLUMNS = {
    "sequential": ("started_at", "completed_at"),
    "batch_gap": ("queued_at", "completed_at"),
    "containers": ("container_id",),
    "no_hops": ("hops",),
}
# Up to here every cell is told, else only those that are not as expected.
_FEW_CELLS = 60
_MANY_CELLS = 20


def audit_job(connection: Connection, job_id: str, expect: Job | None = None) -> AuditReport:
    """Return what the database says of a job, compared with `expect`, else with the job as it was stored.

    Everything is read in one read-only transaction; memory does not grow with the number of rows. Raises
    `JobNotFound`, `SchemaError` for tables that are neither system's, and `StoreError`.
    """
    with reading(connection):
        job = find_job(connection, job_id)
        expected = _expectation(job, expect)
        if expected.guessed:
            expected = _completed_from_rows(_reader(connection, job, expected), expected)
        reader = _reader(connection, job, expected)
        coverage = _coverage(reader, expected)
        return AuditReport(
            job_id=job.id,
            schema=job.schema,
            source=expected.source,
            counts={row["status"]: row["executions"] for row in reader.rows("statuses")},
            coverage=coverage,
            checks=(
                judges.complete(expected, coverage),
                *(_check(reader, name, expected) for name in JUDGES),
            ),
            wanted_rate=expected.min_success_rate,
        )


def _expectation(job: StoredJob, expect: Job | None) -> Expectation:
    stored = from_spec(job.spec, questions_stored=job.questions_stored)
    unrecorded = frozenset(COLUMNS) - frozenset(job.columns) if job.schema == "legacy" else frozenset()
    return replace(from_job(expect) if expect else stored, batching=job.batching, unrecorded=unrecorded)


def _reader(connection: Connection, job: StoredJob, expected: Expectation) -> Reader:
    lanes = expected.lanes or ()
    parameters = {
        "job_id": job.key,
        "question_ids": list(expected.question_ids or ()),
        "lane_models": [model_id for model_id, _ in lanes],
        "lane_regions": [region for _, region in lanes],
        "repeats": expected.repeats,
        "batch_size": len(lanes) * expected.repeats,
        "max_gap": judges.MAX_GAP_SECONDS,
        "clock_tolerance": judges.CLOCK_TOLERANCE_SECONDS,
        "max_combinations": MAX_COMBINATIONS,
    }
    return Reader(connection, _relations(job, expected), parameters)


def _relations(job: StoredJob, expected: Expectation) -> Relations:
    legacy = job.schema == "legacy"
    executions = legacy_executions(job.columns, expected.repeats) if legacy else beacon_executions()
    return Relations(executions, _questions(expected, executions), LANES, ONE_RUN if legacy else STORED_RUNS)


def _questions(expected: Expectation, executions: Relation) -> Relation:
    if expected.questions_stored:
        return STORED_QUESTIONS
    return GIVEN_QUESTIONS if expected.question_ids is not None else questions_found(executions)


def _completed_from_rows(reader: Reader, expected: Expectation) -> Expectation:
    """Fill in what nobody wrote down with what the rows name: the cross product of what is there."""
    found = reader.rows("lanes_found")
    models = expected.models or tuple(dict.fromkeys(row["model_id"] for row in found))
    there = {row["region"] for row in found}
    labels = expected.regions or tuple(region.label for region in REGIONS.values() if region.label in there)
    lanes = expected.lanes or tuple((model_id, label) for model_id in models for label in labels)
    return replace(expected, lanes=lanes, source="what is there, as the stored job does not say it all")


def _coverage(reader: Reader, expected: Expectation) -> Coverage:
    found = reader.row("cells")
    lanes = lane_coverage(expected.lanes or (), found["questions"] * expected.repeats, found["lanes"])
    few = found["questions"] * len(lanes) <= _FEW_CELLS
    shown = found["every" if few else "deviating"]
    rows = reader.rows("each_cell", shown=shown) if shown else ()
    return Coverage(lanes, tuple(CellGroup(**row) for row in rows))


def _check(reader: Reader, name: str, expected: Expectation) -> Check:
    if reason := _skipped(name, expected):
        return Check(name, "skip", reason)
    return JUDGES[name](expected, **reader.row(name))


def _skipped(name: str, expected: Expectation) -> str | None:
    if name in {"sequential", "batch_gap"} and expected.batching != "question":
        return f"the job was batched by {expected.batching}, not question by question"
    if missing := [column for column in _NEEDED_COLUMNS.get(name, ()) if column in expected.unrecorded]:
        return f"these tables do not record {' and '.join(missing)}"
    return None
