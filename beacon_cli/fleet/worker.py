"""`beacon worker`: takes jobs from the queue and runs them, until it is told to stop or loses its lease."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, NoReturn

from beacon_cli.errors import BeaconError, JobLocked, JournalError, LeaseLost, StoreError
from beacon_cli.executor.cancellation import Stop, StopReason
from beacon_cli.executor.events import EventHook
from beacon_cli.fleet.calls import Calls
from beacon_cli.fleet.dbos_queue import WorkerQueue
from beacon_cli.fleet.job_run import HANDED_BACK, Workshop, run_stored_job
from beacon_cli.fleet.lease import Connection, Lease, new_worker_id
from beacon_cli.fleet.prune import prune_regularly
from beacon_cli.fleet.queries import query
from beacon_cli.fleet.unfinished import give_up_job
from beacon_cli.fleet.watch import Watch
from beacon_cli.output.result import say
from beacon_cli.settings import Settings
from beacon_cli.signals import Held
from modal_deployment.regions import REGIONS

_LOCKED_PAUSE_SECONDS = 0.5
_CLOSING_SECONDS = 10.0


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
        self._begun: list[str] = []
        self._nothing_runs = asyncio.Event()
        self._nothing_runs.set()
        self._ended: asyncio.Future[int]
        self._loop: asyncio.AbstractEventLoop

    async def main(self, signals: Held) -> int:
        """Work, and return the exit code: a signal's. Raises `LeaseLost` when it may not go on."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        await self._lease.take(self._jobs, self._caps())
        await asyncio.to_thread(self._queue.launch)
        tasks = [
            asyncio.create_task(self._ending(work))
            for work in (self._lease.keep(self._beat), self._calls.work(), prune_regularly(self._workshop.url))
        ]
        say_line(f"worker {self._lease.id} takes up to {self._jobs} jobs at once")
        self._queue.room = self._jobs
        with signals.delivered_to(self._on_signal):
            try:
                return await self._ended
            finally:
                for task in tasks:
                    task.cancel()

    def _caps(self) -> list[tuple[str, int]]:
        regions = [(region.label, self._fleet.per_region) for region in REGIONS.values()]
        return [("account", self._fleet.per_account), *regions]

    async def _ending(self, work: Coroutine[Any, Any, object]) -> None:
        """Do what goes on for ever; if it fails, the worker ends."""
        try:
            await work
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

    async def _beat(self, connection: Connection, healthy_seconds: float) -> None:
        if self._running:
            running = {"running": list(self._running)}
            for (workflow_id,) in await (await connection.execute(query("cancelled"), running)).fetchall():
                if (job := self._running.get(workflow_id)) is not None:
                    job.stop.request(StopReason("cancelled", "cancelled by beacon cancel"))
        mine = {"worker": self._lease.id, "begun": self._begun}
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
            running.stop.drain(_HAND_BACK)
        try:
            result = await self._to_the_end(job_id, priority, running.stop)
        finally:
            self._running.pop(workflow_id)
            if not self._running:
                self._nothing_runs.set()
        if result is None:  # for another worker to go on with: DBOS must not hear that it ended
            await _never()
        return result

    async def _to_the_end(self, job_id: str, priority: int, stop: Stop) -> dict[str, Any] | None:
        while stop.reason is None:
            try:
                outcome = await run_stored_job(self._workshop, job_id, priority, stop)
            except JobLocked as locked:
                say_line(f"{locked.message}; waiting for it")
                await asyncio.sleep(_LOCKED_PAUSE_SECONDS)
            except (StoreError, JournalError) as error:  # the lock on the job is gone, or answers cannot be stored
                self._fail(LeaseLost(f"job {job_id} cannot go on here: {error.message}"))
                return None
            except BeaconError as error:
                say_line(f"job {job_id} cannot run: {error.message}")
                await asyncio.to_thread(give_up_job, self._workshop.url, job_id, "failed")
                return {"status": "failed", "code": error.code, "message": error.message, "hint": error.hint}
            else:
                if outcome is not None:
                    return None if _handed_back(stop) and outcome.status == "cancelled" else {"status": outcome.status}
        if _handed_back(stop):
            return None
        await asyncio.to_thread(give_up_job, self._workshop.url, job_id, "cancelled")
        return {"status": "cancelled"}

    def _on_signal(self, signum: int) -> None:
        if self._lease.draining:
            self._end(signum)
            return
        self._lease.draining = True
        self._queue.room = 0
        say_line(f"draining: calls in flight may finish for {self._drain_seconds:.0f} s; once more ends at once")
        for job in self._running.values():
            job.stop.drain(_HAND_BACK)
        self._draining = asyncio.create_task(self._ending(self._drain(signum)))

    async def _drain(self, signum: int) -> None:
        await self._until_nothing_runs(self._drain_seconds)
        for job in self._running.values():
            job.stop.request(_HAND_BACK)
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


_HAND_BACK = StopReason(HANDED_BACK, f"the worker was stopped ({signal.Signals.SIGTERM.name}); another goes on")


def _handed_back(stop: Stop) -> bool:
    return stop.reason is not None and stop.reason.code == HANDED_BACK


async def _never() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


def say_line(text: str) -> None:
    """Tell the operator a line."""
    say(f"{text}\n")
