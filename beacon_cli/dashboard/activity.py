"""What a job does now: its calls in flight, the question that it is at, and the regions that are paused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row

from beacon_cli.console.printable import excerpt
from beacon_cli.fleet.tables import trouble_sentence
from beacon_cli.fleet.worker_names import is_worker
from beacon_cli.live.shared_state import SharedState
from beacon_cli.records.expectation import LaneName
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.connect import translated
from beacon_cli.store.queries import query
from beacon_cli.store.text import original


@dataclass(frozen=True, slots=True)
class Activity:
    """What is known of a job that runs. `in_flight` is None where nobody says it: the process is on another machine.

    `calls` is what is in flight in each lane, or `regions` in each region where only that is known. `questions` are
    sentences, and so are the `troubles` of regions that are paused, down or recover; `paused` says that one is paused.
    """

    in_flight: int | None = None
    calls: dict[LaneName, str] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    questions: tuple[str, ...] = ()
    troubles: dict[str, str] = field(default_factory=dict)
    paused: bool = False


def activity(connection: Connection, job: StoredJob, holder: str | None, shared: SharedState | None) -> Activity:
    """Return what a job does. `shared` is what a process on this machine says that runs a job of this id.

    It counts only if it is this job's newest run: another database may have a job of the same id.
    """
    if shared is not None and [{"id": shared.run_id}] == _rows(connection, "newest_run", job_id=job.key):
        return Activity(
            in_flight=shared.in_flight,
            calls=shared.calls,
            questions=shared.questions,
            troubles=shared.troubles(),
            paused=shared.paused,
        )
    questions = _furthest(connection, job)
    if holder is not None and is_worker(holder) and _rows(connection, "sees_fleet")[0]["sees"]:
        return _in_fleet(connection, job, questions)
    return Activity(questions=questions)


def _furthest(connection: Connection, job: StoredJob) -> tuple[str, ...]:
    found = _rows(connection, "furthest", job_id=job.key)
    return tuple(f"question {row['number']} of {row['total']}: {excerpt(row['question_id'])}" for row in found)


def _in_fleet(connection: Connection, job: StoredJob, questions: tuple[str, ...]) -> Activity:
    rows = _rows(connection, "fleet_calls_of_job", job_id=job.key)
    calls = {row["region"]: row for row in rows if row["region"] in job.regions.labels}
    troubles = [row for row in _rows(connection, "fleet_trouble") if row["region"] in job.regions.labels]
    return Activity(
        in_flight=sum(row["in_flight"] for row in calls.values()),
        regions={
            region: f"{row['in_flight']} in flight" + (f", {row['waiting']} waiting" if row["waiting"] else "")
            for region, row in calls.items()
        },
        questions=questions,
        troubles={
            row["region"]: trouble_sentence(row["region"], {**row, "why": original(row["why"])}) for row in troubles
        },
        paused=any(row["condition"] == "paused" for row in troubles),
    )


def _rows(connection: Connection, name: str, **parameters: object) -> list[dict[str, Any]]:
    with translated(), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("dashboard", name), parameters).fetchall()
