"""A made-up run, told as the executor tells it: what the tests of the views look at.

python feed.py --questions 3 --models 2 --pause 0.05 [--hostile]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from beacon_cli.executor.events import (
    AttemptFailed,
    BatchFinished,
    BatchStarted,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    HopFollowed,
    JobFinished,
    JobStarted,
    Notice,
)
from beacon_cli.executor.execution import STATUSES, Cell, Execution, Status
from beacon_cli.job.lanes import Lane, Question
from tests.support.vocabulary import REGIONS

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MODELS = ("llama3.2-1b", "qwen2.5-1.5b")
HOSTILE = "\x1b[2J\x1b]52;c;aGk=\x07 [bold]loud[/bold] [/foo] \u202egnp.exe \x9b31m"


def lanes(models: int = 2) -> tuple[Lane, ...]:
    names = [*MODELS, *(f"model-{n}" for n in range(2, models))][:models]
    return tuple(Lane(name, region) for name in names for region in REGIONS.values())


def finished(
    cell: Cell, at: datetime, status: Status = "completed", response: str | None = "4", seconds: float = 1.5
) -> Execution:
    """Return the execution of a cell that took `seconds` and ended at `at`."""
    failed = status in ("failed", "timeout")
    return Execution(
        cell=cell,
        status=status,
        attempts=3 if failed else 1,
        hops=0,
        system_prompt=None,
        queued_at=at - timedelta(seconds=seconds),
        started_at=at - timedelta(seconds=seconds),
        completed_at=at,
        response=None if failed else response,
        container_id=f"ta-{cell.lane.model_id}-{cell.lane.region.id}",
        error_code="connection_failed" if failed else None,
        error_message="the connection was refused" if failed else None,
    )


def run_events(
    questions: int = 2,
    models: int = 2,
    *,
    answer: str = "4",
    troubles: bool = True,
    job_id: str = "bias-demo-1",
) -> Iterator[Event]:
    """Tell a run; with `troubles` a retry, a hop, a failure, a timeout and a notice."""
    every = lanes(models)
    expected = questions * len(every)
    at = START
    yield JobStarted(job_id, at, "run-1", "question", questions, every, 1, expected, 0, 10)
    counts: dict[Status, int] = dict.fromkeys(STATUSES, 0)
    for number in range(1, questions + 1):
        question = Question(f"question_{number}", f"What is {number} and {number}, and why do people ask?")
        batch_start = at
        yield BatchStarted(job_id, at, question.id, number, questions, len(every), "")
        cells = [Cell(question, lane) for lane in every]
        for cell in cells:
            yield ExecutionStarted(job_id, at, cell)
        of_batch: dict[Status, int] = dict.fromkeys(STATUSES, 0)
        for position, cell in enumerate(cells):
            at += timedelta(seconds=0.4)
            status: Status = "completed"
            if troubles and position == 1:
                yield AttemptFailed(job_id, at, cell, 1, "server_error", "HTTP 503", 0.5)
            if troubles and position == 2:
                yield HopFollowed(job_id, at, cell, 1, "fc-01")
            if troubles and position == 3:
                status = "failed" if number % 2 else "timeout"
            of_batch[status] += 1
            counts[status] += 1
            yield ExecutionFinished(job_id, at, finished(cell, at, status, response=answer))
        containers = tuple(f"ta-{cell.lane.model_id}-{cell.lane.region.id}" for cell in cells)
        gap = None if number == 1 else 0.003
        yield BatchFinished(
            job_id, at, question.id, number, questions, len(cells), "", of_batch, containers, batch_start, gap
        )
        if troubles and number == 1:
            yield Notice(job_id, at, "the database went away; answers are kept in the journal")
    status_of_job = "completed" if counts["completed"] == expected else "partial"
    yield JobFinished(job_id, at, status_of_job, expected, counts, 0, (at - START).total_seconds())


def main() -> None:
    from beacon_cli.live.progress import Progress
    from beacon_cli.live.view import run_view

    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=3)
    parser.add_argument("--models", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds after each event")
    parser.add_argument("--answer", default="4")
    parser.add_argument("--job-id", default="bias-demo-1")
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--stop-after", type=int, help="raise an error after so many events")
    parser.add_argument("--hold", type=float, default=0.0, help="seconds to wait before the end of the run")
    options = parser.parse_args()
    answer = HOSTILE if options.hostile else options.answer
    events = run_events(options.questions, options.models, answer=answer, job_id=options.job_id)
    with run_view(Progress()) as notify:
        for number, event in enumerate(events):
            if number == options.stop_after:
                raise RuntimeError("boom")
            if isinstance(event, JobFinished):
                time.sleep(options.hold)
            notify(event)
            time.sleep(options.pause)


if __name__ == "__main__":
    main()
