"""Carrying out a run: everything that it needs is opened here, in order, and closed again however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass

from beacon_cli.config import Settings
from beacon_cli.executor.cancellation import Stop, StopReason
from beacon_cli.executor.client import open_client
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.endpoints import Endpoint, configured_endpoints
from beacon_cli.executor.events import BatchFinished, Event, EventHook, Notice
from beacon_cli.executor.execution import Batching
from beacon_cli.executor.preflight import require_models
from beacon_cli.executor.run import Assignment, Outcome, Run
from beacon_cli.job.lanes import Lane
from beacon_cli.job.model import Job
from beacon_cli.output.events_file import EventsFile
from beacon_cli.output.view import run_view
from beacon_cli.runs.request import RunRequest
from beacon_cli.signals import Interrupted, told_of_signals
from beacon_cli.store.job_store import open_job_store


@dataclass(frozen=True, slots=True)
class Launched:
    """What a run left behind for its summary."""

    run_id: str
    batching: Batching
    outcome: Outcome
    max_gap_seconds: float | None


class _GapWatch:
    """Remembers the longest gap between two batches."""

    def __init__(self) -> None:
        self.longest: float | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, BatchFinished) and event.gap_seconds is not None:
            self.longest = max(self.longest or 0.0, event.gap_seconds)


def launch(request: RunRequest, settings: Settings, job: Job, job_id: str, database_url: str) -> Launched:
    """Run a job on an up-to-date database. Raises every `BeaconError` that can stop it, and `Interrupted`."""
    gaps = _GapWatch()
    clock = Clock()
    with ExitStack() as stack:
        show = stack.enter_context(run_view())
        if request.events is not None:
            show = stack.enter_context(EventsFile(request.events)).tee(show)

        def emit(event: Event) -> None:
            gaps(event)
            show(event)

        try:
            launched = asyncio.run(_run(request, settings, job, job_id, database_url, emit, clock))
        except asyncio.CancelledError:  # only a second signal cancels the main task
            raise Interrupted(signal.SIGINT) from None
    return Launched(*launched, gaps.longest)


async def _run(
    request: RunRequest,
    settings: Settings,
    job: Job,
    job_id: str,
    database_url: str,
    emit: EventHook,
    clock: Clock,
) -> tuple[str, Batching, Outcome]:
    def tell(text: str) -> None:
        emit(Notice(job_id, clock.now(), text))

    limits = request.limits(job, settings)
    lanes = job.lanes()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_job_store(
                *(database_url, job, job_id),
                batching=request.batching,
                journal_folder=settings.data_path() / "journal",
                tell=tell,
            )
        )
        endpoints = await stack.enter_async_context(_endpoints(request, settings, lanes, tell))
        client = await stack.enter_async_context(
            open_client(
                settings.proxy_headers(),
                connect_timeout=limits.connect_timeout,
                max_in_flight=limits.max_in_flight,
            )
        )
        await require_models(client, endpoints, lanes, tell)
        claim = store.claim
        await store.begin(clock.now().isoformat())
        assignment = Assignment(job, job_id, claim.run_id, claim.batching, limits, claim.answered)
        stop = Stop()
        with told_of_signals(_stopper(stop, tell)):
            run = Run(assignment, store, client, endpoints, emit, stop, clock)
            outcome = await run.carry_out()
        return claim.run_id, claim.batching, outcome


@asynccontextmanager
async def _endpoints(
    request: RunRequest, settings: Settings, lanes: Sequence[Lane], tell: Callable[[str], None]
) -> AsyncIterator[Mapping[str, Endpoint]]:
    regions = list({lane.region.id: lane.region for lane in lanes}.values())
    if not request.local:
        yield configured_endpoints(settings, regions)
        return
    from beacon_cli.local.servers import local_servers

    models = list(dict.fromkeys(lane.model_id for lane in lanes))
    async with local_servers(settings, regions, model_ids=models, tell=tell) as servers:
        yield {server.region.id: Endpoint.at(server.region, server.base_url) for server in servers.values()}


def _stopper(stop: Stop, tell: Callable[[str], None]) -> Callable[[int], None]:
    """Return what a signal does: the first one stops the run in order, the second one ends it within a second."""
    main = asyncio.current_task()
    asked = 0

    def on_signal(signum: int) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            tell("stopping… calls in flight are cancelled and recorded; once more ends at once")
            stop.request(StopReason("cancelled", f"stopped by {_name(signum)}", signum))
            return
        _end_within_a_second(128 + signum)
        if main is not None:
            main.cancel()

    return on_signal


def _end_within_a_second(code: int) -> None:
    timer = threading.Timer(0.8, os._exit, [code])
    timer.daemon = True
    timer.start()


def _name(signum: int) -> str:
    return signal.Signals(signum).name
