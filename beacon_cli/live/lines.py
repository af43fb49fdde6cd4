"""The permanent lines of a run: the log of the plain view, and what the live view prints above itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from beacon_cli.console.printable import excerpt
from beacon_cli.executor.events import (
    AttemptFailed,
    BatchFinished,
    BatchStarted,
    CallEnded,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    JobFinished,
    JobStarted,
    Notice,
    RegionDown,
    RegionPaused,
    RegionResumed,
    WeightsFetching,
)
from beacon_cli.executor.execution import STATUSES, Cell, Execution, Status
from beacon_cli.live.fetching import Fetch, FetchLines
from beacon_cli.live.progress import Progress, RegionTrouble

_FAILURES_PER_BATCH = 20
_RETRIES_PER_BATCH = 5
_MESSAGE = 300
_WITHOUT_A_LINE = (ExecutionStarted, CallEnded)  # two of three events


def stamped(at: datetime, line: str) -> str:
    """Return `line` after its time, in UTC to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {line}"


@dataclass(slots=True)
class Troubles:
    """Failures and notices as lines: at most 20 failed cells and 5 retries per batch, then the number of the rest."""

    _failures: int = 0
    _retries: int = 0
    _repeats: int = 1

    def lines(self, event: Event) -> list[str]:
        """Return the lines for an event: none, for most."""
        match event:
            case JobStarted(repeats=repeats):
                self._repeats = repeats
            case Notice(text=text):
                return [excerpt(text, _MESSAGE)]
            case WeightsFetching(model_id=model, done_bytes=done, total_bytes=total) if done == total:
                return [str(Fetch(model, done, total))]
            case ExecutionFinished(execution=execution) if execution.status in ("failed", "timeout"):
                self._failures += 1
                return [_failure(execution, self._repeats)] if self._failures <= _FAILURES_PER_BATCH else []
            case AttemptFailed() if event.retry_in is not None:
                self._retries += 1
                return [_retry(event, event.retry_in, self._repeats)] if self._retries <= _RETRIES_PER_BATCH else []
            case RegionPaused():
                return [_region_paused(event)]
            case RegionResumed():
                return [_region_resumed(event)]
            case RegionDown():
                return [f"region down region={event.region} why={excerpt(event.why, _MESSAGE)}"]
            case BatchFinished() | JobFinished():
                return self._rest()
        return []

    def _rest(self) -> list[str]:
        more = [
            f"{count - limit} more {words} not shown"
            for count, limit, words in (
                (self._failures, _FAILURES_PER_BATCH, "failed executions"),
                (self._retries, _RETRIES_PER_BATCH, "failed attempts"),
            )
            if count > limit
        ]
        self._failures = self._retries = 0
        return more


@dataclass(slots=True)
class RunLog:
    """A run as log lines: job, batches, failures, notices. `progress` must apply each event before."""

    progress: Progress
    _troubles: Troubles = field(default_factory=Troubles)
    _fetch: FetchLines = field(default_factory=FetchLines)

    def lines(self, event: Event) -> list[str]:
        """Return the lines of an event, without their time."""
        if isinstance(event, _WITHOUT_A_LINE):
            return []
        troubles = self._troubles.lines(event)
        match event:
            case WeightsFetching() if self.progress.fetch is not None:
                return self._fetch.lines(self.progress.fetch)
            case JobStarted():
                return [_job_started(event)]
            case BatchStarted():
                return [f"starting question batch {self._batch(event)} executions={event.executions}"]
            case BatchFinished():
                return [*troubles, f"question batch completed {self._batch(event)} {_batch_result(event)}"]
            case JobFinished():
                return [*troubles, _job_finished(event, self.progress)]
        return troubles

    def heartbeat(self, elapsed: float) -> str:
        """Return a line that shows that a silent run is alive; `elapsed` is in seconds."""
        progress = self.progress
        job_id = progress.job.job_id if progress.job else "-"
        line = (
            f"still running job={job_id} settled={progress.settled}/{progress.expected}"
            f" in_flight={len(progress.in_flight)} hops={progress.hops} retries={progress.retries}"
            f" containers={progress.containers} seconds={elapsed:.0f}"
        )
        if progress.storing:
            line += f" storing={len(progress.storing)}"
        if (eta := progress.eta_seconds(elapsed)) is not None:
            line += f" eta_seconds={eta:.0f}"
        if progress.job:
            now = progress.job.at + timedelta(seconds=elapsed)
            line += "".join(f" {_in_trouble(region, each, now)}" for region, each in progress.regions.items())
        if progress.in_flight and progress.job:
            cell, call = next(iter(progress.in_flight.items()))
            waited = elapsed - (call.since - progress.job.at).total_seconds()
            line += f" longest={waited:.0f}s {_cell(cell, progress.job.repeats)}"
        return line

    def _batch(self, event: BatchStarted | BatchFinished) -> str:
        single = self.progress.job is None or self.progress.job.batching == "question"
        group = "" if single or not event.group else f" group={excerpt(event.group)}"
        return f"job={event.job_id} question={excerpt(event.question_id)} {event.number}/{event.total}{group}"


def _job_started(event: JobStarted) -> str:
    controls = f" controls={','.join(event.controls)}" if event.controls else ""
    return (
        f"job started job={event.job_id} run={event.run_id} batching={event.batching}"
        f" questions={event.questions} executions={event.expected} answered_before={event.answered}"
        f" max_in_flight={event.max_in_flight}{controls}"
    )


def _job_finished(event: JobFinished, progress: Progress) -> str:
    return (
        f"job {event.status} job={event.job_id} executions={event.expected} {counted(event.counts)}"
        f" unasked={event.unasked} seconds={event.duration_seconds:.1f}"
        f" containers={progress.containers} hops={progress.hops}"
    )


def _batch_result(event: BatchFinished) -> str:
    gap = "-" if event.gap_seconds is None else f"{event.gap_seconds:.3f}s"
    seconds = (event.at - event.started_at).total_seconds()
    return (
        f"executions={event.executions} {counted(event.counts)} seconds={seconds:.1f}"
        f" containers={len(event.containers)} gap={gap}"
    )


def counted(counts: dict[Status, int]) -> str:
    """Return `completed=11 failed=1`: completed always, other statuses only if there are any."""
    return " ".join(
        f"{status}={counts.get(status, 0)}" for status in STATUSES if status == "completed" or counts.get(status)
    )


def _cell(cell: Cell, repeats: int) -> str:
    """Return the name of a cell, with its repeat, counted from 1, if there are several, and the arm of a control."""
    repeat = f" repeat={cell.repeat + 1}" if repeats > 1 else ""
    lane = cell.lane
    question, model = excerpt(cell.question.id), excerpt(lane.model_id)
    return f"question={question} model={model} region={lane.region.label}{repeat}{' arm=1' if cell.arm else ''}"


def _failure(execution: Execution, repeats: int) -> str:
    what = "timed out" if execution.status == "timeout" else "failed"
    return (
        f"execution {what} {_cell(execution.cell, repeats)} attempts={execution.attempts} hops={execution.hops}"
        f" error={execution.error_code}: {excerpt(execution.error_message or '', _MESSAGE)}"
    )


def _region_paused(event: RegionPaused) -> str:
    left = "" if event.patience_seconds is None else f" given_up_in={event.patience_seconds:.0f}s"
    return (
        f"region paused region={event.region} next_check_in={event.next_check_seconds:.1f}s{left}"
        f" why={excerpt(event.why, _MESSAGE)}"
    )


def _in_trouble(region: str, trouble: RegionTrouble, now: datetime) -> str:
    """Return a region as a heartbeat shows it: `EU=paused for 60s, next check in 4s, given up in 840s`."""
    if trouble.next_check is None:
        return f"{region}=down"
    text = f"{region}=paused for {(now - trouble.since).total_seconds():.0f}s"
    text += f", next check in {max(0.0, (trouble.next_check - now).total_seconds()):.0f}s"
    if trouble.given_up is not None:
        text += f", given up in {max(0.0, (trouble.given_up - now).total_seconds()):.0f}s"
    return text


def _region_resumed(event: RegionResumed) -> str:
    return (
        f"region open again region={event.region} calls={event.calls} pauses={event.pauses}"
        f" paused_seconds={event.paused_seconds:.1f}"
    )


def _retry(event: AttemptFailed, retry_in: float, repeats: int) -> str:
    return (
        f"attempt failed {_cell(event.cell, repeats)} attempt={event.attempt} retry_in={retry_in:.1f}s"
        f" error={event.error_code}: {excerpt(event.message, _MESSAGE)}"
    )
