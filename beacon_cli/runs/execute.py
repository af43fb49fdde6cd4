"""Executes a run: opens everything that it needs, in order, and closes it again however the run ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import UsageError
from beacon_cli.executor.cancellation import Stop, StopReason
from beacon_cli.executor.check_calls import CheckCalls
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import BatchFinished, CallEnded, Event, EventHook, Notice, WeightsFetching
from beacon_cli.executor.execution import Batching, Execution
from beacon_cli.executor.preflight import registry_changes
from beacon_cli.executor.run import RunOutcome
from beacon_cli.job.model import Job
from beacon_cli.live.events_file import EventsFile
from beacon_cli.live.progress import Progress
from beacon_cli.live.shared_state import sharing
from beacon_cli.live.view import run_view
from beacon_cli.records.kept_ids import keep_id
from beacon_cli.runs.asked_again import none_has_status
from beacon_cli.runs.doubts import doubts
from beacon_cli.runs.inventory import Inventory, container_inventory
from beacon_cli.runs.local_models import require_local_models
from beacon_cli.runs.prepare import Prepared, prepared_run
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings
from beacon_cli.signals import Held, Interrupted, held
from beacon_cli.store.database import named_url, reviver
from beacon_cli.store.job_store import Claim, JobStore, open_job_store

if TYPE_CHECKING:
    from beacon_cli.telemetry.telemetry import Telemetry

_HARD_END_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """The results of a run, for its summary.

    `nothing_to_ask` says that every cell was answered in earlier runs. The inventories are of Modal's containers, None
    if not listed. `registry_changes` and `surplus_connections` are by region label; the latter is the number of
    connections that were closed because of leftover bytes. `checks` is what check calls took. `not_replaced` says why
    answers that were asked again stay as they were: the number of failures by error code. `repeats_before` is how many
    repeats the job had, if this run added some. `doubts` say what its design can hardly find.
    """

    run_id: str
    batching: Batching
    outcome: RunOutcome
    max_gap_seconds: float | None
    containers_before: Inventory | None
    containers_after: Inventory | None
    registry_changes: Mapping[str, str]
    surplus_connections: Mapping[str, int]
    checks: CheckCalls
    not_replaced: Mapping[str, int] = field(default_factory=dict)
    nothing_to_ask: bool = False
    repeats_before: int | None = None
    doubts: Sequence[str] = ()


def run_to_end(
    request: RunRequest,
    settings: Settings,
    job: Job,
    job_id: str,
    database_url: str,
    *,
    on_stored: Callable[[], None],
) -> FinishedRun:
    """Run a job on an up-to-date database; `on_stored` is called once the job is stored, or was found.

    Raises any `BeaconError` that stops it, and `Interrupted`.
    """
    from beacon_cli.telemetry.opened import open_telemetry

    with ExitStack() as stack:
        telemetry = stack.enter_context(open_telemetry())
        events = stack.enter_context(EventsFile(request.events)) if request.events is not None else None
        progress = Progress()
        show = stack.enter_context(run_view(progress))
        if events is not None:
            show = events.tee(show)
        if telemetry is not None:
            show = telemetry.tee(show)
        stack.enter_context(sharing(progress, settings.live_path(), job_id))
        signals = stack.enter_context(held())
        opened = _OpenedRun(request, settings, job, job_id, database_url, show, on_stored, telemetry)
        try:
            return asyncio.run(opened.main(signals))
        except asyncio.CancelledError:  # a signal before the first question, or a second signal
            raise Interrupted(opened.signum or signal.SIGINT) from None


class _OpenedRun:
    """One run with everything that it opens. The first signal ends it in order, a second one within a second."""

    def __init__(
        self,
        request: RunRequest,
        settings: Settings,
        job: Job,
        job_id: str,
        database_url: str,
        show: EventHook,
        on_stored: Callable[[], None],
        telemetry: Telemetry | None,
    ) -> None:
        self._request = request
        self._settings = settings
        self._job = job
        self._job_id = job_id
        self._database_url = database_url
        self._show = show
        self._on_stored = on_stored
        self._telemetry = telemetry
        self._limits = request.limits(job, settings)
        self._lanes = job.lanes_in(request.part)
        self._regions = list({lane.region.id: lane.region for lane in self._lanes}.values())
        self._clock = Clock()
        self._stop = Stop()
        self._store: JobStore | None = None
        self._asking = False
        self._doubts: Sequence[str] = ()
        self._max_gap: float | None = None
        self.signum: int | None = None

    async def main(self, signals: Held) -> FinishedRun:
        """Open everything, run, and close everything again."""
        self._task = asyncio.current_task()
        with signals.delivered_to(self._on_signal):
            async with AsyncExitStack() as stack:
                self._store = store = await stack.enter_async_context(
                    open_job_store(
                        self._database_url,
                        self._job,
                        self._job_id,
                        batching=self._request.batching,
                        journal_folder=self._settings.journal_path(),
                        notify=self._notify,
                        revive=reviver(self._settings, self._request.database_url) or _others_revive_it,
                        again=self._request.again,
                        part=self._request.part,
                        on_record=self._on_record,
                    )
                )
                if store.claim.exists:
                    self._on_stored()
                self._announce_growth(store.claim)
                self._announce_again(store.claim)
                await self._warn(store.claim)
                prepared = await self._prepared(stack, store)
                if self._telemetry is not None:
                    await stack.enter_async_context(self._telemetry.of_run(store, prepared.endpoints))
                before = await self._inventory()
                await store.begin(self._clock.now().isoformat())
                self._on_stored()
                self._keep_id()
                self._asking = True
                outcome = await prepared.run.execute()
                after = await self._inventory() if before is not None else None
                changes = await self._registry_changes(prepared) if outcome.stopped is None else {}
            claim = store.claim
            return FinishedRun(
                run_id=claim.run_id,
                batching=claim.batching,
                outcome=outcome,
                max_gap_seconds=self._max_gap,
                containers_before=before,
                containers_after=after,
                registry_changes=changes,
                surplus_connections={
                    prepared.endpoints[region_id].region.label: client.surplus_of_all
                    for region_id, client in prepared.clients.items()
                    if client.surplus_of_all
                },
                checks=prepared.checks,
                not_replaced=store.not_replaced,
                nothing_to_ask=claim.nothing_to_ask,
                repeats_before=claim.repeats_before,
                doubts=self._doubts,
            )

    async def _prepared(self, stack: AsyncExitStack, store: JobStore) -> Prepared:
        ready = prepared_run(
            self._settings,
            store,
            self._limits,
            self._emit,
            self._stop,
            self._clock,
            database_url=self._database_url,
            check=self._request.check,
            servers=self._servers() if self._request.local else None,
        )
        return await stack.enter_async_context(ready)

    async def _registry_changes(self, prepared: Prepared) -> dict[str, str]:
        changes = await registry_changes(prepared.clients, prepared.endpoints, prepared.served, self._notify)
        for label, text in changes.items():
            self._notify(f"warning: region {label} changed during the run: {text}; each row records what answered it")
        return changes

    def _announce_growth(self, claim: Claim) -> None:
        if claim.repeats_before is not None:
            self._notify(
                f"repeats grow from {claim.repeats_before} to {claim.job.repeats}: only what has no answer is asked;"
                " comparing the job then is a further look"
            )

    def _announce_again(self, claim: Claim) -> None:
        """Report what is asked again; a run with nothing to ask reports that itself.

        Raises `UsageError` for a job that is not stored: it would be asked as a whole.
        """
        if self._request.again and not claim.exists:
            raise UsageError(
                f"--again: there is no job {excerpt(claim.job_id, 255)} yet, so nothing can be asked again",
                hint=f"name the stored job with --job-id; {command('jobs')} lists them",
            )
        if claim.again:
            answers = (
                f"{quantity(claim.again, 'answer is', 'answers are')} asked again ({', '.join(self._request.again)})"
            )
            self._notify(f"{answers}; each stays until a new answer replaces it")
        elif self._request.again and not claim.nothing_to_ask:
            self._notify(f"nothing to ask again: {none_has_status(self._request.again)}")

    async def _warn(self, claim: Claim) -> None:
        """Say once, before the first question of a new job or of new repeats, that little can be found."""
        regions = self._settings.vocabulary.regions
        self._doubts = await doubts(self._request, claim, self._database_url, regions=regions)
        if not claim.exists or claim.repeats_before is not None:
            for doubt in self._doubts:
                self._notify(f"warning: {doubt}")

    def _keep_id(self) -> None:
        """Keep the job's id for completion while the embedded server does not run."""
        if named_url(self._settings, self._request.database_url) is None:
            keep_id(self._settings.data_path(), self._job_id)

    async def _inventory(self) -> Inventory | None:
        if self._request.local:
            return None
        return await container_inventory(self._settings, self._regions, self._notify)

    @asynccontextmanager
    async def _servers(self) -> AsyncIterator[Mapping[str, Endpoint]]:
        from beacon_cli.local.models import template_warnings
        from beacon_cli.local.servers import local_servers

        require_local_models(self._settings, self._lanes)
        models = list(dict.fromkeys(lane.model_id for lane in self._lanes))
        for warning in await asyncio.to_thread(template_warnings, self._settings, models):
            self._notify(warning)
        async with local_servers(
            self._settings, self._regions, model_ids=models, notify=self._notify, on_fetch=self._on_fetch
        ) as servers:
            yield {server.region.id: Endpoint.at(server.region, server.base_url) for server in servers.values()}

    def _emit(self, event: Event) -> None:
        if isinstance(event, BatchFinished) and event.gap_seconds is not None:
            self._max_gap = max(self._max_gap or 0.0, event.gap_seconds)
        self._show(event)

    def _notify(self, text: str) -> None:
        self._emit(Notice(self._job_id, self._clock.now(), text))

    def _on_record(self, execution: Execution) -> None:
        self._emit(CallEnded(self._job_id, self._clock.now(), execution.cell))

    def _on_fetch(self, model_id: str, done: int, total: int) -> None:
        self._emit(WeightsFetching(self._job_id, self._clock.now(), model_id, done, total))

    def _on_signal(self, signum: int) -> None:
        assert self._task is not None
        if self.signum is not None:
            _end_soon(128 + signum)
            self._task.cancel()
            return
        self.signum = signum
        if not self._asking:
            self._notify("stopping…")
            self._task.cancel()
        elif self._store is not None:
            self._notify("stopping… calls in flight are cancelled and recorded; Ctrl-C again quits at once")
            self._store.hurry()
            self._stop.request(StopReason("cancelled", f"stopped by {signal.Signals(signum).name}", signum))


def _others_revive_it() -> None:
    """Do nothing about a lost named database: the run waits for it."""


def _end_soon(code: int) -> None:
    """End the process even if closing takes long: what it leaves behind ends by itself, or with the next run."""
    timer = threading.Timer(_HARD_END_SECONDS, os._exit, [code])
    timer.daemon = True
    timer.start()
