"""Makes traces and metrics of the runs of a process: it listens to their events, and never disturbs them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.trace import Tracer

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.events import Event, EventHook, JobFinished, JobStarted
from beacon_cli.store.job_store import JobStore
from beacon_cli.telemetry.asking import Asking
from beacon_cli.telemetry.meters import Meters, RunMeters
from beacon_cli.telemetry.run_ids import RunIds
from beacon_cli.telemetry.run_trace import RunTrace

_log = logging.getLogger(__name__)

Reading = Mapping[tuple[tuple[str, str], ...], int]
"""Numbers by their attributes."""


class _Listener(Protocol):
    def handle(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Telemetry:
    """Listens to runs. Without a tracer there are no traces, without a meter no metrics.

    A fault of its own, which is no reason to stop a run, ends it: it then listens to nothing more.
    """

    def __init__(self, tracer: Tracer | None, ids: RunIds, meter: Meter | None, *, content: bool) -> None:
        self._tracer = tracer
        self._ids = ids
        self._meter = meter
        self._meters = Meters(meter) if meter is not None else None
        self._content = content
        self._asking: dict[str, Asking] = {}
        self._listeners: dict[str, list[_Listener]] = {}
        self._broken = False

    @asynccontextmanager
    async def of_run(self, store: JobStore, endpoints: Mapping[str, Endpoint]) -> AsyncIterator[None]:
        """Make the trace and the metrics of the run that begins inside the block, and end them with it.

        `store` has claimed the job, and `endpoints` are those that it asks. Raises `StoreError`.
        """
        claim = store.claim
        earlier = await store.earlier_run() if claim.exists and self._tracer is not None else None
        self._asking[claim.job_id] = Asking(claim.job.generation, endpoints, earlier)
        try:
            yield
        finally:
            del self._asking[claim.job_id]
            with self._harmless("the end"):
                self._close(claim.job_id)

    def tee(self, hook: EventHook) -> EventHook:
        """Return a hook that passes an event on to `hook`, and then listens to it."""

        def both(event: Event) -> None:
            hook(event)
            self.handle(event)

        return both

    def handle(self, event: Event) -> None:
        """Process one event; those of a run that was not announced, or is over, are ignored."""
        if not self._broken:
            with self._harmless(type(event).__name__):
                self._handle(event)

    def observe(self, name: str, unit: str, description: str, read: Callable[[], Reading]) -> None:
        """Report what `read` returns as a metric; it is called in another thread, once a minute or as is set."""

        def observed(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, dict(attributes)) for attributes, value in read().items()]

        if self._meter is not None:
            self._meter.create_observable_gauge(name, [observed], unit, description)

    def _handle(self, event: Event) -> None:
        if isinstance(event, JobStarted) and (asking := self._asking.get(event.job_id)) is not None:
            self._listeners[event.job_id] = list(self._begun(event, asking))
        for listener in self._listeners.get(event.job_id, ()):
            listener.handle(event)
        if isinstance(event, JobFinished):
            self._close(event.job_id)

    @contextmanager
    def _harmless(self, where: str) -> Iterator[None]:
        try:
            yield
        except Exception as fault:
            self._broken = True
            what = f"{type(fault).__name__} at {where}"
            _log.warning("warning: no more traces and metrics are made, by a fault of Beacon: %s", what)

    def _begun(self, started: JobStarted, asking: Asking) -> Iterable[_Listener]:
        if self._tracer is not None:
            yield RunTrace(self._tracer, self._ids, started, asking, content=self._content)
        if self._meters is not None:
            yield RunMeters(self._meters, asking)

    def _close(self, job_id: str) -> None:
        for listener in self._listeners.pop(job_id, ()):
            listener.close()
