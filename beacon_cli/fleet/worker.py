"""`beacon worker`: takes jobs from the queue and runs them, until it is told to stop or loses its lease."""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import psycopg

from beacon_cli.deployment.record import recorded_endpoints
from beacon_cli.errors import (
    BeaconError,
    ConfigError,
    CredentialsError,
    JobLocked,
    JobNotFound,
    JournalError,
    LeaseLost,
    SchemaError,
    StoreError,
)
from beacon_cli.executor.cancellation import Stop
from beacon_cli.executor.endpoints import configured_endpoints
from beacon_cli.executor.events import EventHook
from beacon_cli.executor.run import Outcome
from beacon_cli.fleet.calls import Calls
from beacon_cli.fleet.dbos_queue import WorkerQueue
from beacon_cli.fleet.job_run import BY_COMMAND, HAND_BACK, Workshop, ready_run
from beacon_cli.fleet.lease import PATIENCE_SECONDS, Lease, new_worker_id
from beacon_cli.fleet.prune import prune_regularly
from beacon_cli.fleet.queries import query
from beacon_cli.fleet.set_aside import MOST_ENDED, count_failure, ended_workers, is_the_jobs_fault, set_aside
from beacon_cli.fleet.stored_job import stored_job
from beacon_cli.fleet.unfinished import give_up_job
from beacon_cli.fleet.watch import Watch
from beacon_cli.output.result import say
from beacon_cli.settings import Settings
from beacon_cli.signals import Held
from beacon_cli.store.connect import AsyncConnection, store_error
from beacon_cli.store.settle import settle_regularly
from modal_deployment.regions import REGIONS

_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
_CLOSING_SECONDS = 10.0


class _SetAside(Exception):
    """A job has ended so many workers that this one does not begin it."""


@dataclass(slots=True)
class _Running:
    job_id: str
    stop: Stop = field(default_factory=Stop)


class Worker:
    """One worker process. Its jobs run side by side in one event loop; DBOS's threads only wait for them."""

    def __init__(self, settings: Settings, url: str, jobs: int, drain_seconds: float, show: EventHook) -> None:
        worker_id = new_worker_id()
        self._jobs = jobs
        self._drain_seconds = drain_seconds
        self._fleet = settings.fleet
        self._lease = Lease(url, worker_id)
        self._calls = Calls(url, worker_id)
        self._queue = WorkerQueue(url, worker_id, self._run_in_loop)
        self._watch = Watch(worker_id, self._queue.recover, say_line)
        self._workshop = Workshop(settings, url, worker_id, self._calls, show)
        self._running: dict[str, _Running] = {}
        # DBOS notes the end of a job a little later than it ended here: so many are known to be no strays.
        self._begun: deque[str] = deque(maxlen=1000)
        self._launched = False
        self._nothing_runs = asyncio.Event()
        self._nothing_runs.set()
        self._ended: asyncio.Future[int]
        self._loop: asyncio.AbstractEventLoop

    async def main(self, signals: Held) -> int:
        """Work, and return the exit code: a signal's.

        Raises `ConfigError` when no region is configured, and what makes it useless later: `LeaseLost`,
        `CredentialsError`, `StoreError`.
        """
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        _require_endpoints(self._workshop.settings)
        await self._lease.take(self._jobs, self._caps())
        with signals.delivered_to(self._on_signal):
            # The heartbeat first: with a database that is far away, DBOS takes longer than the others have patience.
            works = (self._lease.keep(self._beat), self._calls.work(), self._settle_journals(), self._take_jobs())
            tasks = [asyncio.create_task(self._ending(work)) for work in works]
            try:
                return await self._ended
            finally:
                for task in tasks:
                    task.cancel()
                await self._lease.excuse_jobs()

    async def _take_jobs(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.to_thread(self._queue.launch)
        except TimeoutError:
            raise LeaseLost(f"the queue did not open within {PATIENCE_SECONDS:.0f} s") from None
        self._launched = True
        if not self._lease.draining:
            say_line(f"worker {self._lease.id} takes up to {self._jobs} jobs at once")
            self._queue.room = self._jobs
        await prune_regularly(self._workshop.url, say_line)

    async def _settle_journals(self) -> None:
        """Store what workers of this data folder left in journals, also of jobs that come here no more."""
        await settle_regularly(self._workshop.url, self._workshop.settings.journal_path(), say_line)

    def _caps(self) -> list[tuple[str, int]]:
        regions = [(region.label, self._fleet.per_region) for region in REGIONS.values()]
        return [("account", self._fleet.per_account), *regions]

    async def _ending(self, work: Coroutine[Any, Any, object]) -> None:
        """Do what goes on for ever; if it fails, the worker ends."""
        try:
            await work
        except psycopg.Error as error:
            self._fail(store_error(error))
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

    async def _beat(self, connection: AsyncConnection, healthy_seconds: float) -> None:
        if not self._launched:
            return
        if self._running:
            running = {"running": list(self._running)}
            for (workflow_id,) in await (await connection.execute(query("cancelled"), running)).fetchall():
                if (job := self._running.get(workflow_id)) is not None:
                    job.stop.request(BY_COMMAND)
        mine = {"worker": self._lease.id, "begun": list(self._begun)}
        if unstarted := await (await connection.execute(query("unstarted"), mine)).fetchall():
            self._putting_back = asyncio.create_task(self._put_back([row[0] for row in unstarted]))
        await self._watch.look(connection, healthy_seconds)

    async def _put_back(self, workflow_ids: list[str]) -> None:
        await asyncio.to_thread(self._queue.put_back, workflow_ids)

    def _run_in_loop(self, workflow_id: str, job_id: str, priority: int) -> dict[str, Any]:
        """Run a job from a thread of DBOS: it waits while the work happens in the worker's event loop."""
        return asyncio.run_coroutine_threadsafe(self._run(workflow_id, job_id, priority), self._loop).result()

    async def _run(self, workflow_id: str, job_id: str, priority: int) -> dict[str, Any]:
        self._running[workflow_id] = running = _Running(job_id)
        self._begun.append(workflow_id)
        self._nothing_runs.clear()
        if self._lease.draining:
            running.stop.drain(HAND_BACK)
        try:
            result = await self._to_the_end(workflow_id, priority, running)
        finally:
            self._running.pop(workflow_id)
            if not self._running:
                self._nothing_runs.set()
        if result is None:  # for another worker to go on with: DBOS must not hear that it ended
            await _never()
        return result

    async def _to_the_end(self, entry: str, priority: int, running: _Running) -> dict[str, Any] | None:
        """Run a job; returns None when it is for another worker to go on with."""
        job_id = running.job_id
        try:
            outcome = await self._outcome_of_tries(entry, priority, running)
            if outcome == "set aside":
                return await self._set_aside(entry, job_id)
            if outcome is None and not _handed_back(running.stop):
                await asyncio.to_thread(give_up_job, self._workshop.url, job_id, "cancelled")
                return {"status": "cancelled"}
        except (StoreError, JournalError, CredentialsError) as error:
            if await self._is_deleted(job_id):
                return await self._given_up(job_id, error)
            # Not the job's fault: the database stays away, answers cannot be kept, the credentials are refused.
            self._fail(error if isinstance(error, CredentialsError) else _lost(job_id, error))
            return None
        except Exception as error:
            return await self._given_up(job_id, error)
        return (
            None
            if outcome is None or (_handed_back(running.stop) and outcome.status == "cancelled")
            else {"status": outcome.status}
        )

    async def _outcome_of_tries(
        self, entry: str, priority: int, running: _Running
    ) -> Outcome | Literal["set aside"] | None:
        """Run a job, again where it is the job that cannot go on: those beside it are not disturbed."""
        failures, job_id = 0, running.job_id
        while failures < MOST_ENDED:
            try:
                return await self._outcome(entry, job_id, priority, running.stop)
            except _SetAside:
                break
            except StoreError as error:
                if not is_the_jobs_fault(error) or await self._is_deleted(job_id):
                    raise
                failures = await asyncio.to_thread(count_failure, self._workshop.url, entry, job_id, error)
                say_line(f"job {job_id} cannot go on: {error.message}")
            if running.stop.reason in {HAND_BACK, BY_COMMAND}:
                return None
            running.stop = Stop()  # the one of before was used up by the failure
            await asyncio.sleep(min(_PAUSE_SECONDS * 2**failures, _LONGEST_PAUSE_SECONDS))
        return "set aside"

    async def _set_aside(self, entry: str, job_id: str) -> dict[str, Any]:
        result = await asyncio.to_thread(set_aside, self._workshop.url, entry, job_id)
        say_line(f"job {job_id} is {result['message']}; {result['hint']}")
        return result

    async def _require_not_set_aside(self, entry: str) -> None:
        ended, _ = await asyncio.to_thread(ended_workers, self._workshop.url, entry)
        if ended >= MOST_ENDED:
            raise _SetAside

    async def _outcome(self, entry: str, job_id: str, priority: int, stop: Stop) -> Outcome | None:
        """Run a job as soon as that is possible; None when it was stopped before."""
        waited_since, pause = time.monotonic(), _PAUSE_SECONDS
        told = begun = False
        while stop.reason is None:
            try:
                await self._require_not_set_aside(entry)
                async with ready_run(self._workshop, job_id, priority, stop) as run:
                    begun = run is not None
                    return await run.carry_out() if run is not None else None
            except JobLocked as locked:
                waited_since = time.monotonic()
                if not told:
                    say_line(f"{locked.message}; waiting for it")
                told = True
            except StoreError as error:
                waited = time.monotonic() > waited_since + PATIENCE_SECONDS
                if begun or waited or isinstance(error, SchemaError) or is_the_jobs_fault(error):
                    raise
                if not told:
                    say_line(f"job {job_id} cannot begin: {error.message}; trying again for {PATIENCE_SECONDS:.0f} s")
                told = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return None

    async def _is_deleted(self, job_id: str) -> bool:
        try:
            await asyncio.to_thread(stored_job, self._workshop.url, job_id)
        except JobNotFound:
            return True
        except Exception:  # nobody can say
            return False
        return False

    async def _given_up(self, job_id: str, error: Exception) -> dict[str, Any] | None:
        """Note that a job cannot run, and why."""
        message = error.message if isinstance(error, BeaconError) else _internal(error)
        say_line(f"job {job_id} cannot run: {message}")
        try:
            await asyncio.to_thread(give_up_job, self._workshop.url, job_id, "failed")
        except StoreError as failed:
            self._fail(_lost(job_id, failed))
            return None
        code, hint = getattr(error, "code", "internal"), getattr(error, "hint", "")
        return {"status": "failed", "code": code, "message": message, "hint": hint}

    def _on_signal(self, signum: int) -> None:
        if self._lease.draining:
            self._end(signum)
            return
        self._lease.draining = True
        self._queue.room = 0
        say_line(f"draining: calls in flight may finish for {self._drain_seconds:.0f} s; a second Ctrl-C quits at once")
        for job in self._running.values():
            job.stop.drain(HAND_BACK)
        self._draining = asyncio.create_task(self._ending(self._drain(signum)))

    async def _drain(self, signum: int) -> None:
        await self._until_nothing_runs(self._drain_seconds)
        for job in self._running.values():
            job.stop.request(HAND_BACK)
        await self._until_nothing_runs(_CLOSING_SECONDS)
        with contextlib.suppress(Exception):  # without the database: the others notice by themselves
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._calls.settled()
                await self._lease.leave()
                await asyncio.to_thread(self._queue.recover, [self._lease.id])
        self._end(signum)

    async def _until_nothing_runs(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nothing_runs.wait()

    def _end(self, signum: int) -> None:
        if not self._ended.done():
            say_line(f"worker {self._lease.id} ends; what it had not finished is for the others")
            self._ended.set_result(128 + signum)


def _handed_back(stop: Stop) -> bool:
    return stop.reason == HAND_BACK


def _internal(error: Exception) -> str:
    """Say what went wrong and where, without the error's own text: nobody knows what is in it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"internal error: {type(error).__name__} in {frame.name} ({Path(frame.filename).name}:{frame.lineno})"


def _lost(job_id: str, error: BeaconError) -> LeaseLost:
    return LeaseLost(f"job {job_id} cannot go on here: {error.message}")


def _require_endpoints(settings: Settings) -> None:
    """Raise `ConfigError` when no region is configured, and tell which are not."""
    recorded = recorded_endpoints(settings)
    missing: dict[str, ConfigError] = {}
    for region in REGIONS.values():
        try:
            configured_endpoints(settings, [region], recorded)
        except ConfigError as error:
            missing[region.label] = error
    if len(missing) == len(REGIONS):
        raise next(iter(missing.values()))
    for reason in missing.values():
        say_line(f"warning: {reason.message}; jobs that ask there fail here")


async def _never() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


def say_line(text: str) -> None:
    """Tell the operator a line."""
    say(f"{text}\n")
