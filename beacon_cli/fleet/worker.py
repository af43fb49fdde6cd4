"""`beacon worker`: takes jobs from the queue and runs them, until it is stopped or cannot continue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import psycopg

from beacon_cli.console.result import write_stderr
from beacon_cli.endpoints.configured import configured_endpoints
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.errors import ConfigError, CredentialsError, LeaseLost, StoreError
from beacon_cli.executor.cancellation import StopReason
from beacon_cli.executor.events import EventHook
from beacon_cli.fleet.calls import Calls
from beacon_cli.fleet.entry_run import EntryRunner, RunningEntry
from beacon_cli.fleet.job_queue import open_queue
from beacon_cli.fleet.job_run import BY_COMMAND, HAND_BACK, WorkerContext
from beacon_cli.fleet.lease import PATIENCE_SECONDS, Lease, new_worker_id
from beacon_cli.fleet.prune import prune_regularly
from beacon_cli.fleet.watch import Orphan, Watch
from beacon_cli.fleet.worker_names import session_name
from beacon_cli.fleet.worker_queue import EntryEnd, TakenEntry, WorkerQueue
from beacon_cli.settings import Settings
from beacon_cli.signals import Held, Interrupted
from beacon_cli.store.connect import AsyncConnection, store_error
from beacon_cli.store.queries import query
from beacon_cli.store.settle import settle_regularly

if TYPE_CHECKING:
    from beacon_cli.telemetry.telemetry import Telemetry

_CLOSING_SECONDS = 10.0
_MOMENT_SECONDS = 1.0


class State(Enum):
    """The state of a worker. Only `Worker._until_it_ends` changes it.

    The invariant: entries are taken only in `TAKING`, and every job that runs in `DRAINING` has been asked to stop.
    """

    TAKING = "it takes entries and runs them"
    DRAINING = "it takes none, and lets calls in flight finish"
    ENDED = "it lets go of everything"


class Exit(Enum):
    """Why a worker ended."""

    DRAINED = "a signal: its jobs are finished, or handed back"
    QUIT = "a second signal: its jobs are for the others"
    LOST = "the others took it for dead, or its database or its journal stayed away"
    CREDENTIALS_REFUSED = "an endpoint refuses the credentials"
    NOTHING_TO_SERVE = "no region is configured"
    DATABASE_REFUSED = "the database refuses what does not pass by itself"
    FAULT = "a fault of Beacon"


# Others have its jobs, or will soon: nothing more is written.
_AT_ONCE = frozenset({Exit.QUIT, Exit.LOST})
_EXIT_OF: Sequence[tuple[type[Exception], Exit]] = (
    (LeaseLost, Exit.LOST),
    (CredentialsError, Exit.CREDENTIALS_REFUSED),
    (ConfigError, Exit.NOTHING_TO_SERVE),
    (StoreError, Exit.DATABASE_REFUSED),
    (Exception, Exit.FAULT),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended: the reason, with its signal or error."""

    exit: Exit
    cause: Interrupted | Exception

    @classmethod
    def of(cls, error: Exception) -> Ending:
        """Return the ending for an error."""
        return cls(next(exit for kind, exit in _EXIT_OF if isinstance(error, kind)), error)


class _Drained:
    """The event that no job runs any more, after a signal."""


_Event = Interrupted | Exception | _Drained


class Worker:
    """One worker. Its jobs run at the same time in one event loop."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        jobs: int,
        drain_seconds: float,
        show: EventHook,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.id = new_worker_id()
        self._settings = settings
        self._url = url
        self._jobs = jobs
        self._drain_seconds = drain_seconds
        self._lease = Lease(url, self.id)
        self._calls = Calls(url, self.id)
        self._queue = WorkerQueue(url, self.id, self._run_entry, self._stop_entry)
        self._watch = Watch(self.id, self._put_back, self._start, print_line)
        self._runner = EntryRunner(
            WorkerContext(settings, url, self.id, self._calls, show, telemetry), self._queue.is_ours, print_line
        )
        self._running: dict[int, RunningEntry] = {}
        self._state = State.TAKING
        self._events: asyncio.Queue[_Event] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking: asyncio.Task[None]

    async def run(self, signals: Held) -> Ending:
        """Work until there is a reason to end, and return it. `signals` are the signals of the process."""
        try:
            _require_endpoints(self._settings)
            await self._lease.take(self._jobs, self._caps())
        except (ConfigError, StoreError) as error:
            await self._lease.close()
            return Ending.of(error)
        with signals.delivered_to(lambda signum: self._events.put_nowait(Interrupted(signum))):
            # The heartbeat comes first: connecting to a distant database may take longer than the others wait.
            for service in self._services():
                self._start(service)
            self._taking = self._start(self._take_entries())
            try:
                ending = await self._until_it_ends()
                if ending.exit not in _AT_ONCE:
                    await self._end_jobs()
            finally:
                await self._let_go()
        if isinstance(ending.cause, Interrupted):
            print_line(f"worker {self.id} ends; other workers take over its unfinished jobs")
        return ending

    async def _until_it_ends(self) -> Ending:
        """Move from state to state, event by event, and return why the worker ends."""
        first_signal: Interrupted | None = None
        while True:
            event = await self._events.get()
            if isinstance(event, Interrupted) and self._state is State.TAKING:
                self._state, first_signal = State.DRAINING, event
                self._begin_to_drain()
                continue
            self._state = State.ENDED
            if isinstance(event, Interrupted):
                return Ending(Exit.QUIT, event)
            if isinstance(event, _Drained):
                assert first_signal is not None
                return Ending(Exit.DRAINED, first_signal)
            return Ending.of(event)

    def _services(self) -> Sequence[Coroutine[Any, Any, object]]:
        """Return the services that run next to the jobs until the worker ends."""
        return (
            self._lease.keep(self._beat),
            self._calls.take_turns(),
            # Also journals of jobs that do not run here any more, from earlier workers with this data folder.
            settle_regularly(self._url, self._settings.journal_path(), print_line),
            prune_regularly(self._url, print_line),
        )

    def _start(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._until_it_fails(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _until_it_fails(self, work: Coroutine[Any, Any, object]) -> None:
        """Run what goes on beside the jobs; if it fails, the worker ends."""
        try:
            await work
        except psycopg.Error as error:
            self._events.put_nowait(store_error(error))
        except Exception as error:
            self._events.put_nowait(error)

    async def _take_entries(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._queue.open()
        except TimeoutError:
            raise LeaseLost(f"the connection to the queue was not made within {PATIENCE_SECONDS:.0f} s") from None
        print_line(f"worker {self.id} runs up to {self._jobs} jobs at the same time")
        await self._queue.take_entries(self._jobs, self._drain_seconds + _CLOSING_SECONDS)

    def _caps(self) -> list[tuple[str, int]]:
        fleet = self._settings.fleet
        labels = self._settings.vocabulary.regions.labels
        return [("account", fleet.per_account), *((label, fleet.per_region) for label in labels)]

    async def _beat(self, connection: AsyncConnection, healthy_seconds: float) -> None:
        if self._running:
            ours = [running.taken for running in self._running.values()]
            wanted = {"entries": [taken.id for taken in ours], "attempts": [taken.attempt for taken in ours]}
            for entry, over in await (await connection.execute(query("fleet", "no_longer_ours"), wanted)).fetchall():
                self._stop_entry(entry, over)
                if (running := self._running.get(entry)) is not None:
                    running.ours = over
        await self._watch.look(connection, healthy_seconds)

    async def _put_back(self, orphans: Sequence[Orphan]) -> int:
        """Put entries that no worker runs back into the queue; cancelled ones end."""
        try:
            async with open_queue(self._url, session_name(self.id)) as queue:
                ended = [await queue.give_up(orphan.entry) for orphan in orphans if orphan.cancelled]
                back = [await queue.put_back(orphan.entry) for orphan in orphans if not orphan.cancelled]
        except StoreError as error:
            print_line(f"jobs of lost workers are not in the queue yet: {error.message}")
            return 0
        return sum(ended) + sum(back)

    async def _run_entry(self, taken: TakenEntry) -> EntryEnd:
        task = asyncio.current_task()
        assert task is not None
        self._running[taken.id] = running = RunningEntry(taken, task)
        if self._state is not State.TAKING:
            running.stop.drain(HAND_BACK)
        try:
            return await self._runner.run(running)
        except Exception as error:  # errors that end the worker, not the job
            self._events.put_nowait(error)
            return EntryEnd.HANDED_BACK
        finally:
            del self._running[taken.id]

    def _stop_entry(self, entry: int, cancelled: bool) -> None:
        if (running := self._running.get(entry)) is not None:
            running.stop.request(BY_COMMAND if cancelled else HAND_BACK)

    def _stop_all(self, reason: StopReason) -> None:
        for running in self._running.values():
            running.stop.request(reason)

    def _begin_to_drain(self) -> None:
        self._lease.draining = True
        print_line(f"draining: calls in flight may finish for {self._drain_seconds:.0f} s; Ctrl-C again quits at once")
        for running in self._running.values():
            running.stop.drain(HAND_BACK)
        self._start(self._drain())

    async def _drain(self) -> None:
        self._taking.cancel()  # it takes no more entries from now on, and ends with its last one
        await asyncio.wait({self._taking}, timeout=self._drain_seconds)
        self._stop_all(HAND_BACK)
        await asyncio.wait({self._taking}, timeout=_CLOSING_SECONDS)
        with contextlib.suppress(Exception):  # without the database, the others notice it themselves
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._calls.settled()
                await self._lease.leave()
        self._events.put_nowait(_Drained())

    async def _end_jobs(self) -> None:
        """Close the calls in flight, and wait until they are recorded and the jobs are back in the queue."""
        self._taking.cancel()
        self._stop_all(HAND_BACK)
        await asyncio.wait({self._taking}, timeout=_CLOSING_SECONDS)

    async def _let_go(self) -> None:
        """End everything that still runs, and write no more entries: the others take over the rest."""
        self._queue.let_go()
        going_on = {*(running.task for running in self._running.values()), *self._tasks}
        while going_on:  # a cancelled job first records its calls in flight, if that takes only a moment
            for task in going_on:
                task.cancel()
            _, going_on = await asyncio.wait(going_on, timeout=_MOMENT_SECONDS)
        await self._lease.excuse_jobs()
        await self._queue.close()
        await self._lease.close()


def _require_endpoints(settings: Settings) -> None:
    """Raise `ConfigError` if no region is configured; warn about each one that is not."""
    regions, recorded = settings.vocabulary.regions, recorded_endpoints(settings)
    missing: dict[str, ConfigError] = {}
    for region in regions.values():
        try:
            configured_endpoints(settings, [region], recorded)
        except ConfigError as error:
            missing[region.label] = error
    if len(missing) == len(regions):
        raise next(iter(missing.values()))
    for reason in missing.values():
        print_line(f"warning: {reason.message}; jobs that ask there fail on this worker")


def print_line(text: str) -> None:
    """Print a line for the operator."""
    write_stderr(f"{text}\n")
