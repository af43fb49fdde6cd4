"""What is in flight, from events that the test makes up."""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from beacon_cli.executor.events import AttemptFailed, CallEnded, Event, ExecutionStarted
from beacon_cli.executor.execution import Cell
from beacon_cli.telemetry.meters import Meters, RunMeters
from tests.unit.telemetry.test_run_trace import ASKING, QUESTION, US, at, finished

CELL = Cell(QUESTION, US)
BEGUN = ExecutionStarted("j", at(0), CELL)
ENDED = CallEnded("j", at(1), CELL)


def in_flight(*events: Event) -> int:
    reader = InMemoryMetricReader()
    meters = RunMeters(Meters(MeterProvider([reader], shutdown_on_exit=False).get_meter("test")), ASKING)
    for event in events:
        meters.handle(event)
    data = reader.get_metrics_data()
    assert data is not None
    [metrics] = [scope.metrics for resource in data.resource_metrics for scope in resource.scope_metrics]
    [point] = next(metric for metric in metrics if metric.name == "beacon.executions.in_flight").data.data_points
    return int(point.value)  # type: ignore[union-attr]


def test_a_cell_is_in_flight_until_its_call_has_ended_and_not_until_its_row_is_stored() -> None:
    assert in_flight(BEGUN) == 1
    assert in_flight(BEGUN, ENDED) == 0
    assert in_flight(BEGUN, ENDED, finished(CELL, 1, stored=9)) == 0


def test_a_cell_is_in_flight_while_it_waits_for_its_retry_but_not_for_its_region() -> None:
    failed = AttemptFailed("j", at(1), CELL, 1, "server_error", "words", 4)
    waits = AttemptFailed("j", at(1), CELL, 1, "rate_limited", "words", None, waits=True)
    assert in_flight(BEGUN, failed) == 1
    assert in_flight(BEGUN, waits) == 0
    assert in_flight(BEGUN, waits, BEGUN) == 1
