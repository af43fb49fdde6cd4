"""The entries of a list of jobs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from beacon_cli.records.expectation import Expectation

STATUSES = ("queued", "running", "interrupted", "completed", "partial", "failed", "cancelled", "set_aside")
RESUMABLE = "resumable"
"""In place of a status: every job that lacks answers, and that no process runs and no queue has."""
RESUMABLE_STATUSES = ("interrupted", "partial", "failed", "cancelled", "set_aside")


@dataclass(frozen=True, slots=True)
class JobOverview:
    """A stored job. `status` is `interrupted` if it is not over, no process runs it, and no queue has it.

    `holder` names the process that runs it. `seconds` is how long its runs took, or how long the current one has taken
    so far, and `eta_seconds` is how long it will still take. `reason` is why it ended without all of its
    answers, and `by_fleet` says whether the fleet ended it.
    `blocked` of its answers are refusals of a provider, `controls` the regions that are asked in two arms. None stands
    for a value that is not recorded or not known.
    """

    id: str
    name: str | None
    status: str
    holder: str | None
    batching: str | None
    questions: int | None
    models: int | None
    regions: int | None
    repeats: int
    controls: tuple[str, ...]
    answered: int
    blocked: int
    expected: int | None
    created_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    seconds: float | None
    eta_seconds: float | None = None
    reason: str | None = None
    by_fleet: bool = False

    def as_data(self) -> dict[str, Any]:
        """Return the job as in `jobs --json`."""
        times = {name: _iso(getattr(self, name)) for name in ("created_at", "started_at", "completed_at")}
        shown = asdict(self)
        del shown["by_fleet"]
        return {**shown, **times}


@dataclass(frozen=True, slots=True)
class JobList:
    """The requested newest jobs; `more` says whether there are older ones."""

    jobs: tuple[JobOverview, ...]
    more: bool

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `jobs --json`."""
        return {"jobs": [job.as_data() for job in self.jobs], "more": self.more}


def shape(spec: Expectation, questions: int | None) -> dict[str, Any]:
    """Return the size of a job: questions, models, regions, repeats, controls, and the number of answers."""
    lanes = spec.lanes or ()
    return {
        "questions": questions,
        "models": len({model_id for model_id, _ in lanes}) or None,
        "regions": len({region for _, region in lanes}) or None,
        "repeats": spec.repeats,
        "controls": spec.controls,
        "expected": questions * spec.cells_of_a_question() if questions is not None and lanes else None,
    }


def seconds_left(
    run_seconds: float | None, answered_in_run: int | None, answered: int, expected: int | None
) -> float | None:
    """Return the remaining seconds of a job at the pace of its current run, None if unknown."""
    if not answered_in_run or run_seconds is None or expected is None:
        return None
    return round(run_seconds / answered_in_run * max(0, expected - answered), 1)


def name_in(spec: Any) -> str | None:
    """Return the name in a stored job, if any."""
    name = spec.get("name") if isinstance(spec, dict) else None
    return name if isinstance(name, str) and name else None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
