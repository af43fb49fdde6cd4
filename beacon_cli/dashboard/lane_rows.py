"""How far each lane of a job is, by its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from beacon_cli.executor.counts import Counts
from beacon_cli.records.expectation import Expectation, LaneName, from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.relations import legacy_executions
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.queries import query

_OWN = sql.SQL("(SELECT * FROM executions WHERE job_id = %(job_id)s)")


@dataclass(slots=True)
class LaneRows:
    """The rows of a lane by status; `expected` is None if it is not recorded how many there should be."""

    expected: int | None
    by_status: Counter[str] = field(default_factory=Counter)
    hops: int = 0
    retries: int = 0
    containers: set[str] = field(default_factory=set)

    @property
    def counts(self) -> Counts:
        """How many cells have an answer; expected are those that have a row where nothing else is known."""
        rows = sum(self.by_status.values())
        return Counts.of(rows if self.expected is None else self.expected, self.by_status)


def lane_rows(connection: Connection, job: StoredJob, questions: int | None) -> dict[LaneName, LaneRows]:
    """Return the rows of each lane, in the order of the job; what only has rows comes last. Raises `StoreError`."""
    spec = from_spec(job.spec, job.regions)
    lanes = {lane: LaneRows(_expected(spec, lane, questions)) for lane in spec.lanes or ()}
    for row in _rows(connection, job, spec):
        region = job.regions.or_none(row["region"])
        name = (row["model_id"], row["region"] if region is None else region.label)
        lane = lanes.setdefault(name, LaneRows(None))
        lane.by_status[row["status"]] += row["rows"]
        lane.hops += row["hops"]
        lane.retries += row["retries"]
        lane.containers |= {row["container_id"]} - {None}
    return lanes


def grid(lanes: Mapping[LaneName, LaneRows]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the models and the region labels of lanes, each once, in their order."""
    return tuple(dict.fromkeys(model for model, _ in lanes)), tuple(dict.fromkeys(region for _, region in lanes))


def _expected(spec: Expectation, lane: LaneName, questions: int | None) -> int | None:
    return None if questions is None else questions * spec.repeats * spec.arms(lane[1])


def _rows(connection: Connection, job: StoredJob, spec: Expectation) -> list[dict[str, Any]]:
    legacy = job.schema == "legacy"
    executions = legacy_executions(job.columns, spec.repeats, job.regions) if legacy else _OWN
    statement = query("dashboard", "lane_rows").format(executions=executions)
    with reading(connection), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, {"job_id": job.key, "repeats": spec.repeats}).fetchall()
