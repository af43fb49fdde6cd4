"""An entry of the queue, from the moment when a worker took it until the worker releases it."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beacon_cli.console.program_name import command
from beacon_cli.errors import (
    BeaconError,
    CredentialsError,
    FewerRepeats,
    JobLocked,
    JobNotFound,
    JournalError,
    LeaseLost,
    SchemaError,
    StoreError,
)
from beacon_cli.executor.cancellation import MAX_COST, Stop
from beacon_cli.executor.run import Run, RunOutcome
from beacon_cli.fleet.job_run import BY_COMMAND, HAND_BACK, WorkerContext, claimed_run
from beacon_cli.fleet.lease import PATIENCE_SECONDS
from beacon_cli.fleet.set_aside import MOST_ENDED, count_failure, ended_workers, is_the_jobs_fault, set_aside
from beacon_cli.fleet.unfinished import fail_job, give_up_job, note_reason
from beacon_cli.fleet.worker_queue import EntryEnd, TakenEntry
from beacon_cli.pauses import pauses
from beacon_cli.records.load_job import stored_job

_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


class _SetAside(Exception):
    """Raised if a job has ended so many workers that this one does not begin it."""


@dataclass(slots=True, eq=False)
class RunningEntry:
    """An entry that this worker runs. `stop` is the stop switch of its run; each try has a new one.

    `ours` becomes False as soon as another worker has the entry.
    """

    taken: TakenEntry
    task: asyncio.Task[Any]
    ours: bool = True
    stop: Stop = field(default_factory=Stop)


class EntryRunner:
    """Runs entries of the queue. `is_ours` asks the queue whether an entry is this worker's."""

    def __init__(
        self, context: WorkerContext, is_ours: Callable[[TakenEntry], Awaitable[bool]], notify: Callable[[str], None]
    ) -> None:
        self._context = context
        self._url = context.url
        self._regions = context.settings.vocabulary.regions
        self._is_ours = is_ours
        self._notify = notify

    async def run(self, running: RunningEntry) -> EntryEnd:
        """Run an entry's job until it has ended or was stopped.

        Raises errors that make the worker useless: `CredentialsError`, `LeaseLost`. Another worker then takes the job.
        """
        if not await self._is_ours(running.taken):
            return EntryEnd.NOT_OURS
        try:
            end = await self._end_of_tries(running)
        except (StoreError, JournalError, CredentialsError) as error:
            if not await self._is_deleted(running.taken.job_id):
                # Not the job's fault: the database is unreachable, answers cannot be kept, or the credentials are
                # refused.
                raise error if isinstance(error, CredentialsError) else _lost(running, error) from error
            end = await self._cannot_run(running, error)
        except Exception as error:
            end = await self._cannot_run(running, error)
        return end if running.ours and await self._is_ours(running.taken) else EntryEnd.NOT_OURS

    async def _end_of_tries(self, running: RunningEntry) -> EntryEnd:
        """Run a job, and again if it is the job that cannot continue, without disturbing the others."""
        failures, taken, waits = 0, running.taken, _waits()
        while failures < MOST_ENDED:
            try:
                return await self._end_of(running, await self._outcome_of_try(running))
            except _SetAside:
                break
            except StoreError as error:
                if not is_the_jobs_fault(error) or await self._is_deleted(taken.job_id):
                    raise
                failures = await asyncio.to_thread(count_failure, self._url, taken.id, taken.job_id, error)
                self._notify(f"job {taken.job_id} cannot continue: {error.message}")
            if running.stop.reason in {HAND_BACK, BY_COMMAND}:
                return await self._end_of(running, None)
            running.stop = Stop()  # the failure used up the old one
            await asyncio.sleep(next(waits))
        reason = await asyncio.to_thread(set_aside, self._url, taken.id, taken.job_id)
        again = command("submit JOB_FILE --job-id", taken.job_id)
        self._notify(f"job {taken.job_id} is {reason}; find out why, then submit it again ({again})")
        return EntryEnd.OVER

    async def _end_of(self, running: RunningEntry, outcome: RunOutcome | None) -> EntryEnd:
        """Return how to end an entry; `outcome` is None if its job was stopped before anything was asked."""
        unfinished = outcome is None or outcome.status == "cancelled"
        if unfinished and running.stop.reason == HAND_BACK:
            return EntryEnd.HANDED_BACK
        if outcome is None:
            await asyncio.to_thread(give_up_job, self._url, running.taken.job_id, "cancelled")
        return EntryEnd.CANCELLED if running.stop.reason == BY_COMMAND else EntryEnd.OVER

    async def _outcome_of_try(self, running: RunningEntry) -> RunOutcome | None:
        """Run a job as soon as that is possible; return None if it was stopped before."""
        waited_since, waits = time.monotonic(), _waits()
        taken, stop, notified, begun = running.taken, running.stop, False, False
        while stop.reason is None:
            try:
                await self._require_not_set_aside(taken)
                async with claimed_run(self._context, taken, stop) as run:
                    begun = run is not None
                    return await self._executed(run, taken) if run is not None else None
            except FewerRepeats:
                pass  # repeats were added after the job was read
            except JobLocked as locked:
                waited_since = time.monotonic()
                if not notified:
                    self._notify(f"{locked.message}; waiting for it")
                notified = True
            except StoreError as error:
                waited = time.monotonic() > waited_since + PATIENCE_SECONDS
                if begun or waited or isinstance(error, SchemaError) or is_the_jobs_fault(error):
                    raise
                if not notified:
                    limit = f"{PATIENCE_SECONDS:.0f} s"
                    self._notify(f"job {taken.job_id} cannot begin: {error.message}; trying again for {limit}")
                notified = True
            await asyncio.sleep(next(waits))
        return None

    async def _executed(self, run: Run, taken: TakenEntry) -> RunOutcome:
        """Run a job, and store why it ended before others see that it is over."""
        outcome = await run.execute()
        if outcome.stopped is not None and outcome.stopped.code == MAX_COST:
            await asyncio.to_thread(note_reason, self._url, taken.id, taken.job_id, outcome.stopped.message)
        return outcome

    async def _require_not_set_aside(self, taken: TakenEntry) -> None:
        ended, _ = await asyncio.to_thread(ended_workers, self._url, taken.id)
        if ended >= MOST_ENDED:
            raise _SetAside

    async def _is_deleted(self, job_id: str) -> bool:
        try:
            await asyncio.to_thread(stored_job, self._url, job_id, regions=self._regions)
        except JobNotFound:
            return True
        except Exception:  # unknown
            return False
        return False

    async def _cannot_run(self, running: RunningEntry, error: Exception) -> EntryEnd:
        """Store that a job cannot run, and why. Raises `LeaseLost` if that cannot be stored."""
        taken = running.taken
        message = error.message if isinstance(error, BeaconError) else _internal(error)
        self._notify(f"job {taken.job_id} cannot run: {message}")
        try:
            await asyncio.to_thread(fail_job, self._url, taken.id, taken.job_id, message)
        except StoreError as failed:
            raise _lost(running, failed) from failed
        return EntryEnd.OVER


def _waits() -> Iterator[float]:
    return pauses(_PAUSE_SECONDS, growth=2.0, longest=_LONGEST_PAUSE_SECONDS)


def _internal(error: Exception) -> str:
    """Describe what went wrong and where, without the error's own text, which may contain anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"internal error: {type(error).__name__} in {frame.name} ({Path(frame.filename).name}:{frame.lineno})"


def _lost(running: RunningEntry, error: BeaconError) -> LeaseLost:
    return LeaseLost(f"job {running.taken.job_id} cannot continue here: {error.message}")
