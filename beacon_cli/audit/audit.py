"""The audit of one job: the query of every check, and its judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from beacon_cli.audit import judges
from beacon_cli.audit.check import Check
from beacon_cli.audit.coverage import CellGroup, Coverage, lane_coverage
from beacon_cli.audit.judge_device import device
from beacon_cli.audit.judge_regions import regions
from beacon_cli.audit.reader import Reader, completed_from_rows, reader_for
from beacon_cli.audit.report import AuditReport, Reason
from beacon_cli.errors import UsageError
from beacon_cli.records.ending import ending_of
from beacon_cli.records.expectation import Expectation, from_job, from_spec
from beacon_cli.records.find_job import StoredJob, find_job
from beacon_cli.records.relations import COLUMNS
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.records.superseded import superseded_answers

if TYPE_CHECKING:
    from beacon_cli.executor.execution import Batching
    from beacon_cli.job.model import Job
    from modal_deployment.regions import Regions

# In the order in which they are shown. `complete` is judged from the table of cells.
JUDGES: Mapping[str, Callable[..., Check]] = {
    "no_duplicates": judges.no_duplicates,
    "no_unexpected": judges.no_unexpected,
    "question_id": judges.question_id,
    "regions": regions,
    "device": device,
    "sequential": judges.sequential,
    "batch_gap": judges.batch_gap,
    "containers": judges.containers,
    "no_hops": judges.no_hops,
    "timestamps": judges.timestamps,
    "answers": judges.answers,
}
# Each check has a query of its own name, except these, which share one: every scan of a million rows counts.
_SHARED_QUERIES = {
    "regions": "regions",
    "device": "regions",
    "question_id": "tally",
    "no_hops": "tally",
    "timestamps": "tally",
    "sequential": "batches",
    "batch_gap": "batches",
}
_NEEDED_COLUMNS = {
    "sequential": ("started_at", "completed_at"),
    "batch_gap": ("queued_at", "completed_at"),
    "containers": ("container_id",),
}
# They compare the rows with what was expected, which may have been taken from the rows themselves.
_EXPECTING = frozenset({"complete", "no_unexpected"})
_IN_ORDER = frozenset({"sequential", "batch_gap"})


def audit_job(
    connection: Connection,
    job_id: str,
    expect: Job | None = None,
    *,
    regions: Regions,
    batching: Batching | None = None,
) -> AuditReport:
    """Find a job and audit it, in one transaction; `regions` are the known ones.

    Raises `JobNotFound`, `SchemaError` for tables that are neither system's, `UsageError` and `StoreError`.
    """
    with reading(connection):
        return audited(connection, find_job(connection, job_id, regions=regions), expect, batching=batching)


def audited(
    connection: Connection, job: StoredJob, expect: Job | None = None, *, batching: Batching | None = None
) -> AuditReport:
    """Audit a job that was found against `expect`, or against the job as it was stored.

    Everything is read in one read-only transaction; memory does not grow with the number of rows. `batching` is for a
    job that does not say its own: raises `UsageError` if it says another one, and `StoreError`.
    """
    with reading(connection):
        expected = _expectation(job, expect, batching)
        if expected.unknown:
            expected = completed_from_rows(reader_for(connection, job, expected), expected)
        reader = reader_for(connection, job, expected)
        coverage = _coverage(reader, expected)
        row = cache(reader.row)
        counts = {entry["status"]: entry["executions"] for entry in row("tally")["statuses"]}
        checks = (judges.complete(expected, coverage), *(_check(name, expected, row) for name in JUDGES))
        return AuditReport(
            job_id=job.id,
            schema=job.schema,
            source=expected.source,
            counts=counts,
            coverage=coverage,
            checks=tuple(_with_doubt(check, expected) for check in checks),
            guess=expected.guess,
            wanted_rate=expected.min_success_rate,
            reasons=_reasons(reader) if set(counts) - {"completed"} else (),
            superseded=superseded_answers(connection, job),
            ending=ending_of(connection, job),
        )


def _expectation(job: StoredJob, expect: Job | None, batching: Batching | None) -> Expectation:
    if batching is not None and job.batching not in {None, batching}:
        raise UsageError(
            f"--batching {batching}: the job was batched by {job.batching}, as is stored with it",
            hint="leave out --batching; it is for jobs that do not say how they were batched",
        )
    stored = from_spec(job.spec, job.regions, questions_stored=job.questions_stored)
    unrecorded = frozenset(COLUMNS) - frozenset(job.columns) if job.schema == "legacy" else frozenset()
    return replace(
        from_job(expect, job.regions) if expect else stored, batching=job.batching or batching, unrecorded=unrecorded
    )


def _coverage(reader: Reader, expected: Expectation) -> Coverage:
    found = reader.row("cells")
    lanes = lane_coverage(expected, found["questions"], found["lanes"])
    rows = reader.rows("each_cell", shown=found["shown"]) if found["shown"] else ()
    return Coverage(lanes, tuple(CellGroup(**row) for row in rows), known=expected.known)


def _reasons(reader: Reader) -> tuple[Reason, ...]:
    """Return why executions have no text; a pass over the rows that a job of completed ones does without."""
    regions: dict[tuple[str, str | None], dict[str, int]] = {}
    for row in reader.rows("reasons"):
        regions.setdefault((row["status"], row["error_code"]), {})[row["region"]] = row["executions"]
    return tuple(Reason(*named, by_region) for named, by_region in regions.items())


def _check(name: str, expected: Expectation, row: Callable[[str], Mapping[str, Any]]) -> Check:
    if reason := _skipped(name, expected):
        return Check(name, "skip", reason)
    found = row(_SHARED_QUERIES[name])[name] if name in _SHARED_QUERIES else row(name)
    return JUDGES[name](expected, **found)


def _skipped(name: str, expected: Expectation) -> str | None:
    if name in _IN_ORDER and expected.batching not in {None, "question"}:
        return f"the job was batched by {expected.batching}, not question by question"
    if missing := [column for column in _NEEDED_COLUMNS.get(name, ()) if column in expected.unrecorded]:
        return f"these tables do not record {' and '.join(missing)}"
    return None


def _with_doubt(check: Check, expected: Expectation) -> Check:
    """Return the check, as a warning if what it was judged by is not known."""
    if expected.guess and (check.name, check.status) in {(name, "pass") for name in _EXPECTING}:
        doubt = "the rows cannot show what is missing; --expect JOB_FILE judges it"
    elif expected.batching is None and (check.name, check.status) in {(name, "fail") for name in _IN_ORDER}:
        doubt = "the job does not say how it was batched; --batching question judges it"
    else:
        return check
    return replace(check, status="warn", detail=f"{check.detail}; {doubt}")
