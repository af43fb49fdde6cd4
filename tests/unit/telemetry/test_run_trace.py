"""The trace of a run, from events that the test makes up: what a real run shows only now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from beacon_cli.endpoints.configured import Endpoint
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
)
from beacon_cli.executor.execution import Batching, Cell, Execution
from beacon_cli.telemetry.asking import Asking
from beacon_cli.telemetry.meters import Meters, RunMeters
from beacon_cli.telemetry.run_ids import RunIds
from beacon_cli.telemetry.run_trace import RunTrace
from beacon_cli.telemetry.telemetry import Telemetry
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS

JOB = make_job(1, models=["llama3.2-1b"])
[QUESTION] = JOB.questions
US, EU, _ = JOB.lanes()
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ASKING = Asking(JOB.generation, {region.id: Endpoint.at(region, "http://there/x") for region in REGIONS.values()})

Row = tuple[str, float, float]


def at(second: float) -> datetime:
    return BEGAN + timedelta(seconds=second)


def started(batching: Batching = "question") -> JobStarted:
    return JobStarted("j", at(0), "run-1", batching, 1, JOB.lanes(), 1, 3, 0, 10)


def batch_started(second: float = 0, group: str = "") -> BatchStarted:
    return BatchStarted("j", at(second), QUESTION.id, 1, 1, 3, group)


def finished(cell: Cell, second: float, *, stored: float, began: float | None = 0, **columns: Any) -> ExecutionFinished:
    execution = Execution(
        cell,
        **{"status": "completed", "attempts": 1, "hops": 0, "system_prompt": None, **columns},
        queued_at=at(0),
        started_at=None if began is None else at(began),
        completed_at=at(second),
    )
    return ExecutionFinished("j", at(stored), execution)


def spans_of(
    *events: Event,
    first: JobStarted | None = None,
    end: Callable[[RunTrace], None] = RunTrace.close,
    asking: Asking = ASKING,
    content: bool = False,
) -> list[ReadableSpan]:
    """Return the spans of a run with these events, in the order of their beginning."""
    exporter, ids = InMemorySpanExporter(), RunIds()
    provider = TracerProvider(ALWAYS_ON, shutdown_on_exit=False, id_generator=ids)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace = RunTrace(provider.get_tracer("test"), ids, first or started(), asking, content=content)
    for event in events:
        trace.handle(event)
    end(trace)
    return sorted(exporter.get_finished_spans(), key=lambda span: (span.start_time or 0, -(span.end_time or 0)))


def rows(spans: Sequence[ReadableSpan], *names: str) -> list[Row]:
    """Return the spans with these names as name, first and last second."""
    return [
        (span.name, second(span.start_time), second(span.end_time)) for span in spans if not names or span.name in names
    ]


def second(nanoseconds: int | None) -> float:
    return ((nanoseconds or 0) - int(BEGAN.timestamp()) * 10**9) / 10**9


def test_a_cell_that_is_stored_late_shows_how_long_the_database_took() -> None:
    cell = Cell(QUESTION, US)
    spans = spans_of(
        batch_started(),
        ExecutionStarted("j", at(1), cell),
        Notice("j", at(3), "the database went away"),
        finished(cell, 2, stored=9, began=1),
    )
    assert rows(spans, "attempt", "storing") == [("attempt", 1, 2), ("storing", 2, 9)]
    [event] = next(span for span in spans if span.name == "job").events
    assert (event.name, dict(event.attributes or {})) == ("notice", {})


def test_who_asks_for_texts_gets_those_of_notices_without_passwords() -> None:
    spans = spans_of(Notice("j", at(1), "postgresql://me:canary@there/db went away"), content=True)
    [event] = spans[0].events
    assert dict(event.attributes or {}) == {"beacon.text": "postgresql://me:***@there/db went away"}


def test_the_wait_before_a_retry_belongs_to_no_attempt() -> None:
    cell = Cell(QUESTION, US)
    spans = spans_of(
        batch_started(),
        ExecutionStarted("j", at(1), cell),
        AttemptFailed("j", at(2), cell, 1, "server_error", "words", 4, http_status=503),
        finished(cell, 7, stored=7, began=1, attempts=2),
    )
    assert rows(spans, "attempt", "chat llama3.2-1b") == [
        ("chat llama3.2-1b", 1, 7),
        ("attempt", 1, 2),
        ("attempt", 6, 7),
    ]


def test_a_cell_that_is_cancelled_while_it_waits_has_no_further_attempt() -> None:
    cell = Cell(QUESTION, US)
    spans = spans_of(
        batch_started(),
        ExecutionStarted("j", at(1), cell),
        AttemptFailed("j", at(2), cell, 1, "server_error", "words", 4),
        finished(cell, 3, stored=3, began=1, status="cancelled", error_code="cancelled"),
    )
    assert rows(spans, "attempt") == [("attempt", 1, 2)]
    assert [span.status.description for span in spans if span.name.startswith("chat")] == ["cancelled"]


def test_a_cell_whose_region_is_paused_before_its_retry_waits_for_the_region() -> None:
    cell = Cell(QUESTION, US)
    spans = spans_of(
        batch_started(),
        ExecutionStarted("j", at(1), cell),
        AttemptFailed("j", at(2), cell, 1, "server_error", "words", 4),
        ExecutionStarted("j", at(8), cell),
        finished(cell, 9, stored=9, began=8),
    )
    assert rows(spans, "waiting for region", "attempt") == [
        ("attempt", 1, 2),
        ("waiting for region", 2, 8),
        ("attempt", 8, 9),
    ]


def test_a_cell_without_a_slot_has_no_attempt() -> None:
    cell = Cell(QUESTION, US)
    spans = spans_of(
        batch_started(),
        finished(cell, 5, stored=5, began=None, status="timeout", error_code="slot_timeout", attempts=0),
    )
    assert rows(spans, "chat llama3.2-1b", "attempt", "storing") == [("chat llama3.2-1b", 0, 5), ("storing", 5, 5)]


def test_a_region_that_is_given_up_leaves_its_cells_unasked() -> None:
    cell = Cell(QUESTION, EU)
    spans = spans_of(
        batch_started(),
        ExecutionStarted("j", at(1), cell),
        AttemptFailed("j", at(2), cell, 1, "rate_limited", "words", None, waits=True),
        RegionPaused("j", at(2), "EU", "HTTP 429: words", 1, 5),
        RegionDown("j", at(7), "EU", "HTTP 429: words", 1, 5),
        BatchFinished("j", at(8), QUESTION.id, 1, 1, 0, "", {}, (), at(0), None),
        JobFinished("j", at(9), "partial", 3, {}, 3, 9),
    )
    assert rows(spans) == [
        ("job", 0, 9),
        ("batch", 0, 8),
        ("chat llama3.2-1b", 1, 8),
        ("attempt", 1, 2),
        ("region paused", 2, 7),
    ]
    [cell_span] = [span for span in spans if span.name.startswith("chat")]
    assert (cell_span.attributes or {})["beacon.status"] == "unasked"
    assert "words" not in "".join(span.to_json() for span in spans)


@pytest.mark.parametrize(
    "written",
    ["the canary said", "/home/canary/model.gguf", "C:/canary/model.gguf", "https://me:canary@there/v1", "canary\n"],
)
def test_texts_paths_and_urls_get_into_no_span_and_no_metric(written: str) -> None:
    cell = Cell(QUESTION, US)
    there = Endpoint.at(US.region, "https://me:canary@there:8443/canary?key=canary")
    asking = Asking(JOB.generation, {US.region.id: replace(there, name=written)})
    names = ("container_id", "container_region", "function_call_id", "model_revision", "finish_reason", "error_message")
    written_columns: dict[str, Any] = dict.fromkeys(names, written)
    events = [
        batch_started(),
        ExecutionStarted("j", at(1), cell),
        HopFollowed("j", at(2), cell, 1, written),
        AttemptFailed("j", at(3), cell, 1, "server_error", written, 1),
        RegionPaused("j", at(4), "US", written, 1, 5),
        RegionCheckFailed("j", at(5), "US", written, 1, 5),
        RegionDown("j", at(6), "US", written, 1, 5),
        Notice("j", at(7), f"answers are kept in {written}"),
        finished(
            cell,
            8,
            stored=9,
            status="failed",
            error_code="server_error",
            response=written,
            output_data={"id": written, "model": written, "error": {"message": written}},
            **written_columns,
        ),
    ]
    sent = "".join(span.to_json() for span in spans_of(*events, asking=asking))
    reader = InMemoryMetricReader()
    meters = RunMeters(Meters(MeterProvider([reader], shutdown_on_exit=False).get_meter("test")), asking)
    for event in events:
        meters.handle(event)
    measured = reader.get_metrics_data()
    assert measured is not None
    assert "server_error" in sent
    assert "server_error" in measured.to_json()
    assert "canary" not in sent + measured.to_json()


def test_walkers_of_regions_have_batches_of_their_own() -> None:
    us, eu = Cell(QUESTION, US), Cell(QUESTION, EU)
    spans = spans_of(
        batch_started(0, "US"),
        batch_started(1, "EU"),
        ExecutionStarted("j", at(2), us),
        ExecutionStarted("j", at(2), eu),
        finished(us, 3, stored=3),
        finished(eu, 4, stored=4),
        first=started("region"),
    )
    batches = {
        span.context.span_id: (span.attributes or {})["beacon.batch.group"]
        for span in spans
        if span.name == "batch" and span.context
    }
    cells = [span for span in spans if span.name.startswith("chat")]
    assert [(span.attributes or {})["beacon.region"] for span in cells] == [
        batches[span.parent.span_id] for span in cells if span.parent
    ]


def test_a_run_that_an_error_ends_leaves_no_span_open() -> None:
    spans = spans_of(batch_started(), ExecutionStarted("j", at(1), Cell(QUESTION, US)))
    assert {span.name for span in spans} == {"job", "batch", "chat llama3.2-1b"}


def test_a_fault_ends_the_traces_and_not_the_run(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []
    telemetry = Telemetry(None, RunIds(), None, content=False)
    broken = batch_started()
    telemetry._listeners["j"] = [Broken()]
    hook = telemetry.tee(seen.append)
    hook(broken)
    hook(broken)
    assert seen == [broken, broken]
    assert [record.getMessage() for record in caplog.records] == [
        "warning: no more traces and metrics are made, by a fault of Beacon: ZeroDivisionError at BatchStarted"
    ]


class Broken:
    def handle(self, event: Event) -> None:
        raise ZeroDivisionError

    def close(self) -> None:
        pass
