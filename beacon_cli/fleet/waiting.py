"""`beacon submit --wait`: wait until the job is over, then return its verdict."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from beacon_cli.console.program_name import command
from beacon_cli.console.result import write_stderr
from beacon_cli.errors import BeaconError, ProblemsFound, StoreError
from beacon_cli.executor.counts import Counts, by_region
from beacon_cli.fleet.progress import job_progress, rows_by_region, rows_by_status
from beacon_cli.fleet.submit import Submission
from beacon_cli.job.model import Job
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted
from beacon_cli.store.connect import connect_readonly, translated

_LOOK_SECONDS = 0.5
_REPORT_EVERY_SECONDS = 10.0
_REASON = "SELECT reason FROM beacon_queue.beacon_entries WHERE entry = %s"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a submitted job ended: its rows by region, and those of its part by status.

    `reason` explains why it could not run, or ended without all of its answers.
    """

    submission: Submission
    job: Job
    status: str
    by_region: dict[str, Counter[str]]
    of_part: dict[str, int]
    wanted: float
    reason: str | None

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `submit --wait --json`."""
        questions = self.job.questions.count
        expected = by_region(
            (lane.region.label, Counts(questions * self.job.cells_in(lane))) for lane in self.job.lanes()
        )
        return {
            **self.submission.as_data(),
            "status": self.status,
            "counts": self.counts,
            "by_region": {
                label: Counts.of(cells.expected, self.by_region.get(label, {})).as_data()
                for label, cells in expected.items()
            },
            "reason": self.reason,
        }

    @property
    def counts(self) -> dict[str, int]:
        """The rows by status."""
        return rows_by_status(self.by_region)

    @property
    def cells(self) -> Counts:
        """How many cells have their answer, in the part that was submitted."""
        return Counts.of(self.job.expected_in(self.submission.part), self.of_part)

    @property
    def arithmetic(self) -> str:
        """The success rate, with the numbers that it comes from."""
        return self.cells.arithmetic(self.wanted)

    def problems(self) -> tuple[BeaconError, ...]:
        """Return why the exit code is not 0."""
        if self.cells.rate >= self.wanted:
            return ()
        why = f"; {self.reason}" if self.reason else ""
        return (ProblemsFound(f"job {self.submission.job_id} {self.status}: {self.arithmetic}{why}"),)


def wait_for(submission: Submission, settings: Settings, job: Job, url: str) -> Verdict:
    """Wait until the job is over. Interrupting the wait does not end the job.

    Raises `StoreError`, and `JobNotFound` if the job is deleted.
    """
    try:
        status, by_region, of_part = _ending(submission, job, url)
        reason = _reason(url, submission.entry)
    except (Interrupted, StoreError) as ended:
        stop = command("cancel", submission.job_id)
        ended.hint = f"the job continues: {command('queue')} shows it, and {stop} stops it"
        raise
    wanted = settings.limits.overridden_by(job.limits).min_success_rate
    return Verdict(submission, job, status, by_region, of_part, wanted, reason)


def _ending(submission: Submission, job: Job, url: str) -> tuple[str, dict[str, Counter[str]], dict[str, int]]:
    job_id, part = submission.job_id, submission.part
    expected = job.expected_in(part)
    reported_at = time.monotonic()
    with connect_readonly(url) as connection:
        while not (progress := job_progress(connection, job_id)).over:
            if time.monotonic() - reported_at > _REPORT_EVERY_SECONDS:
                reported_at = time.monotonic()
                cells = Counts.of(expected, rows_by_status(rows_by_region(connection, job_id, part)))
                state, answered = progress.state, f"{cells.answered} of {expected} answered{cells.note}"
                write_stderr(f"job {job_id} {state.status}: {answered}, {state.holder or 'waiting'}\n")
            time.sleep(_LOOK_SECONDS)
        of_part = rows_by_status(rows_by_region(connection, job_id, part))
        return progress.state.status, rows_by_region(connection, job_id), of_part


def _reason(url: str, entry: int) -> str | None:
    with connect_readonly(url) as connection, translated():
        found = connection.execute(_REASON, [entry]).fetchone()
    return str(found[0]) if found and found[0] is not None else None
