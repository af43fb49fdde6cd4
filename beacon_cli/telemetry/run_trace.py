"""The trace of one run: job → batch → execution → attempt, made from the events of the executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer, set_span_in_context

from beacon_cli.console.redaction import known_secrets, redacted
from beacon_cli.executor.batching import walkers
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
    RegionCheckFailed,
    RegionDown,
    RegionPaused,
    RegionResumed,
)
from beacon_cli.executor.execution import Cell, Execution
from beacon_cli.job.lanes import Lane
from beacon_cli.telemetry.asking import Asking
from beacon_cli.telemetry.attributes import (
    OPERATION,
    Attributes,
    as_name,
    cell_attributes,
    error_type,
    outcome_attributes,
    question_attributes,
    sendable,
    server_attributes,
)
from beacon_cli.telemetry.content import content_attributes
from beacon_cli.telemetry.run_ids import RunIds, span_context_of


@dataclass(slots=True, eq=False)
class _Open:
    """A span that has begun; `inside` is the context of its children."""

    span: Span
    inside: Context


@dataclass(slots=True, eq=False)
class _Asked(_Open):
    """The span of a cell, which `began` with its first turn.

    `attempt_from` is when its attempt began, or will after a wait; None while it waits for another turn. `stopped_at`
    is the end of its last attempt.
    """

    began: datetime
    attempt_from: datetime | None
    stopped_at: datetime
    hops: list[HopFollowed] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Batch(_Open):
    """The span of a batch, with its cells that are being asked."""

    cells: dict[Cell, _Asked] = field(default_factory=dict)


class RunTrace:
    """Listens to the events of one run, from its start to its end; `close` ends what an error left open.

    Spans of attempts and waits are made when they are over: the executor reports ends, and where they lead.
    """

    def __init__(self, tracer: Tracer, ids: RunIds, started: JobStarted, asking: Asking, *, content: bool) -> None:
        self._tracer = tracer
        self._asking = asking
        self._secrets = known_secrets() if content else None
        walking = walkers(started.batching, started.lanes)
        self._group_of = {_key(lane): walker.name for walker in walking for lane in walker.lanes}
        self._batches: dict[str, _Batch] = {}
        self._pauses: dict[str, Span] = {}
        self._handlers: Mapping[type[Event], Callable[[Any], None]] = {
            BatchStarted: self._on_batch_started,
            ExecutionStarted: self._on_execution_started,
            AttemptFailed: self._on_attempt_failed,
            HopFollowed: self._on_hop,
            ExecutionFinished: self._on_execution_finished,
            BatchFinished: self._on_batch_finished,
            RegionPaused: self._on_region_paused,
            RegionCheckFailed: self._on_check_failed,
            RegionResumed: self._on_region_resumed,
            RegionDown: self._on_region_down,
            Notice: self._on_notice,
            JobFinished: self._on_job_finished,
        }
        ids.begin(started.run_id)
        earlier = asking.earlier_run
        links = [Link(span_context_of(earlier), {"beacon.run.id": earlier})] if earlier else []
        self._job = self._begin("job", Context(), started.at, _job_attributes(started), links=links)

    def handle(self, event: Event) -> None:
        """Process one event."""
        if (handler := self._handlers.get(type(event))) is not None:
            handler(event)

    def close(self, at: datetime | None = None) -> None:
        """End every span that is open, now or at a time."""
        for group in list(self._batches):
            self._end_batch(group, at)
        for span in self._pauses.values():
            span.end(_when(at))
        self._pauses.clear()
        if self._job.span.is_recording():
            self._job.span.end(_when(at))

    def _on_batch_started(self, event: BatchStarted) -> None:
        self._end_batch(event.group, event.at)
        attributes: Attributes = {"beacon.batch.number": event.number, "beacon.batch.total": event.total}
        if event.group:
            attributes["beacon.batch.group"] = event.group
        opened = self._begin("batch", self._job.inside, event.at, attributes)
        self._batches[event.group] = _Batch(opened.span, opened.inside)

    def _on_execution_started(self, event: ExecutionStarted) -> None:
        cells = self._batch_of(event.cell).cells
        if (asked := cells.get(event.cell)) is None:
            cells[event.cell] = self._asked(event.cell, event.at)
        else:
            self._child("waiting for region", asked, asked.stopped_at, event.at, {})
            asked.attempt_from = event.at

    def _on_attempt_failed(self, event: AttemptFailed) -> None:
        asked = self._batch_of(event.cell).cells[event.cell]
        more: Attributes = {"error.type": event.error_code}
        if event.retry_in is not None:
            more["beacon.retry_in"] = event.retry_in
        self._attempt(event.cell, asked, event.at, number=event.attempt, http_status=event.http_status, more=more)
        asked.stopped_at = event.at
        asked.attempt_from = None if event.retry_in is None else event.at + timedelta(seconds=event.retry_in)

    def _on_hop(self, event: HopFollowed) -> None:
        self._batch_of(event.cell).cells[event.cell].hops.append(event)

    def _on_execution_finished(self, event: ExecutionFinished) -> None:
        execution = event.execution
        cell, done = execution.cell, execution.completed_at
        asked = self._batch_of(cell).cells.pop(cell, None) or self._asked(cell, execution.queued_at, has_turn=False)
        if asked.attempt_from is not None and asked.attempt_from < done:
            error = error_type(execution)
            more: Attributes = {"error.type": error} if error else {}
            status = execution.http_status
            self._attempt(cell, asked, done, number=execution.attempts, http_status=status, more=more)
        self._child("storing", asked, done, event.at, {})
        self._end_asked(asked, execution, event.at)

    def _end_asked(self, asked: _Asked, execution: Execution, at: datetime) -> None:
        asked.span.set_attributes(outcome_attributes(execution))
        waited = asked.began - execution.queued_at
        asked.span.set_attribute("beacon.queued_seconds", waited.total_seconds())
        if self._secrets is not None:
            asked.span.set_attributes(content_attributes(execution, self._secrets))
        if (error := error_type(execution)) is not None:
            asked.span.set_status(StatusCode.ERROR, as_name(error))
        asked.span.end(_when(at))

    def _on_batch_finished(self, event: BatchFinished) -> None:
        if (batch := self._batches.get(event.group)) is not None:
            batch.span.set_attributes({f"beacon.executions.{status}": count for status, count in event.counts.items()})
            if event.gap_seconds is not None:
                batch.span.set_attribute("beacon.batch.gap_seconds", event.gap_seconds)
        self._end_batch(event.group, event.at)

    def _on_region_paused(self, event: RegionPaused) -> None:
        attributes: Attributes = {"beacon.region": event.region}
        self._pauses[event.region] = self._begin("region paused", self._job.inside, event.at, attributes).span

    def _on_check_failed(self, event: RegionCheckFailed) -> None:
        if (span := self._pauses.get(event.region)) is not None:
            span.add_event("check failed", {"beacon.next_check_seconds": event.next_check_seconds}, _when(event.at))

    def _on_region_resumed(self, event: RegionResumed) -> None:
        if (span := self._pauses.pop(event.region, None)) is not None:
            span.end(_when(event.at))

    def _on_region_down(self, event: RegionDown) -> None:
        self._job.span.add_event("region down", {"beacon.region": event.region}, _when(event.at))
        if (span := self._pauses.pop(event.region, None)) is not None:
            span.set_status(StatusCode.ERROR, "down")
            span.end(_when(event.at))

    def _on_notice(self, event: Notice) -> None:
        words = {} if self._secrets is None else {"beacon.text": sendable(redacted(event.text))}  # may quote others'
        self._job.span.add_event("notice", words, _when(event.at))

    def _on_job_finished(self, event: JobFinished) -> None:
        counts: Attributes = {f"beacon.executions.{status}": count for status, count in event.counts.items()}
        self._job.span.set_attributes({"beacon.status": event.status, "beacon.unasked": event.unasked, **counts})
        if event.status == "failed":
            self._job.span.set_status(StatusCode.ERROR)
        self.close(event.at)

    def _batch_of(self, cell: Cell) -> _Batch:
        return self._batches[self._group_of[_key(cell.lane)]]

    def _end_batch(self, group: str, at: datetime | None) -> None:
        """End a batch, and those of its cells that get no row."""
        if (batch := self._batches.pop(group, None)) is None:
            return
        for asked in batch.cells.values():
            asked.span.set_attribute("beacon.status", "unasked")
            asked.span.end(_when(at))
        batch.span.end(_when(at))

    def _asked(self, cell: Cell, at: datetime, *, has_turn: bool = True) -> _Asked:
        """Begin the span of a cell; without a turn, it only waited for one."""
        batch, request = self._batch_of(cell), self._asking.of_request(cell.lane)
        batch.span.set_attributes(question_attributes(cell.question))
        attributes = {**request, **cell_attributes(cell, self._asking.generation)}
        name = f"{OPERATION} {request['gen_ai.request.model']}"
        opened = self._begin(name, batch.inside, at, attributes, kind=SpanKind.CLIENT)
        return _Asked(opened.span, opened.inside, at, attempt_from=at if has_turn else None, stopped_at=at)

    def _attempt(
        self, cell: Cell, asked: _Asked, ended: datetime, *, number: int, http_status: int | None, more: Attributes
    ) -> None:
        began = asked.attempt_from or asked.stopped_at
        attributes: Attributes = {
            "http.request.method": "POST",
            **server_attributes(self._asking.endpoint_of(cell.lane)),
            "beacon.attempt": number,
            **more,
        }
        if http_status is not None:
            attributes["http.response.status_code"] = http_status
        self._child("attempt", asked, began, ended, attributes, kind=SpanKind.CLIENT, hops=asked.hops)
        asked.hops.clear()

    def _child(
        self,
        name: str,
        parent: _Open,
        began: datetime,
        ended: datetime,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        hops: list[HopFollowed] | None = None,
    ) -> None:
        """Make a span that is over; one with an `error.type` failed."""
        span = self._begin(name, parent.inside, began, attributes, kind=kind).span
        for hop in hops or ():
            named = {"beacon.function_call_id": hop.function_call_id} if as_name(hop.function_call_id) else {}
            span.add_event("hop", {"http.response.status_code": 303, "beacon.hop": hop.hops, **named}, _when(hop.at))
        if "error.type" in attributes:
            span.set_status(StatusCode.ERROR)
        span.end(_when(ended))

    def _begin(
        self,
        name: str,
        context: Context,
        at: datetime,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        links: list[Link] | None = None,
    ) -> _Open:
        span = self._tracer.start_span(name, context, kind, attributes, links=links, start_time=_when(at))
        return _Open(span, set_span_in_context(span, context))


def _key(lane: Lane) -> tuple[str, str]:
    return lane.model_id, lane.region.id


def _when(at: datetime | None) -> int | None:
    """Return a time as OpenTelemetry counts it, in nanoseconds; None is now."""
    return None if at is None else int(at.timestamp() * 1_000_000) * 1_000


def _job_attributes(started: JobStarted) -> Attributes:
    return {
        "beacon.job.id": started.job_id,
        "beacon.run.id": started.run_id,
        "beacon.batching": started.batching,
        "beacon.questions": started.questions,
        "beacon.repeats": started.repeats,
        "beacon.expected": started.expected,
        "beacon.answered": started.answered,
        "beacon.max_in_flight": started.max_in_flight,
    }
