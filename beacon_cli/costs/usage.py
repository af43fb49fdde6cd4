"""What stored executions took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from beacon_cli.prices.price import Kind, Usage
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.connect import connect_readonly
from beacon_cli.store.migrate import require_current_schema
from beacon_cli.store.queries import query
from modal_deployment.contents import IDLE_SECONDS


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """Executions of one run, model and region that the same kind of endpoint and GPU answered.

    `kind` is None where no answer says it, as with calls that timed out. `answered` of them have an answer, of which
    some do not say their seconds (`without_seconds`) or tokens (`without_tokens`). `longest` is the most seconds that
    one of them took.
    """

    job_id: str
    run_id: str
    model_id: str
    region: str
    kind: Kind | None
    gpu: str | None
    executions: int
    seconds: float
    input_tokens: int
    output_tokens: int
    answered: int
    without_seconds: int
    without_tokens: int
    first_at: datetime | None
    last_at: datetime | None
    longest: float = 0.0

    @property
    def usage(self) -> Usage:
        """What is priced."""
        return Usage(self.seconds, self.input_tokens, self.output_tokens)


@dataclass(frozen=True, slots=True)
class SeenContainer:
    """A container on Modal that answered: `seconds` from its first question to its last answer.

    One that had nothing to do for longer than it stays up is another one afterwards.
    """

    region: str
    model_id: str
    gpu: str | None
    seconds: float


def read_usage(
    connection: Connection, job_id: str | None = None, since: datetime | None = None
) -> tuple[list[UsageGroup], list[SeenContainer]]:
    """Return what the executions of a job, or of all jobs, took, since a time if one is given.

    Raises `SchemaError` for tables that are not this program's, and `StoreError`.
    """
    require_current_schema(connection)
    parameters: dict[str, Any] = {"job_id": job_id, "since": since, "idle_seconds": IDLE_SECONDS}
    with reading(connection):
        with connection.cursor(row_factory=class_row(UsageGroup)) as cursor:
            groups = cursor.execute(query("costs", "usage"), parameters).fetchall()
        if not any(group.kind == "modal" for group in groups):
            return _with_kinds(groups), []
        with connection.cursor(row_factory=class_row(SeenContainer)) as cursor:
            seen = cursor.execute(query("costs", "containers_seen"), parameters).fetchall()
    return _with_kinds(groups), seen


def read_usage_of(url: str, job_id: str) -> list[UsageGroup]:
    """Return what the executions of a job took. Raises `StoreError`."""
    with connect_readonly(url) as connection:
        return read_usage(connection, job_id)[0]


def _with_kinds(groups: Iterable[UsageGroup]) -> list[UsageGroup]:
    """Return the groups; where no answer says who answered, it is who answered most in that lane of the job."""
    groups = list(groups)
    told: dict[tuple[str, str, str], Counter[tuple[Kind, str | None]]] = {}
    for group in groups:
        if group.kind is not None:
            told.setdefault(_lane(group), Counter())[group.kind, group.gpu] += group.executions
    usual: Mapping[tuple[str, str, str], tuple[Kind, str | None]] = {
        lane: counts.most_common(1)[0][0] for lane, counts in told.items()
    }
    return [
        replace(group, kind=usual[_lane(group)][0], gpu=usual[_lane(group)][1])
        if group.kind is None and _lane(group) in usual
        else group
        for group in groups
    ]


def _lane(group: UsageGroup) -> tuple[str, str, str]:
    return (group.job_id, group.model_id, group.region)
