"""The metrics of runs: how long calls take, tokens, executions by status, and what is in flight."""

from __future__ import annotations

from opentelemetry.metrics import Meter

from beacon_cli.executor.events import AttemptFailed, CallEnded, Event, ExecutionFinished, ExecutionStarted
from beacon_cli.executor.execution import Cell, Execution
from beacon_cli.prices.price import usage_of
from beacon_cli.telemetry.asking import Asking
from beacon_cli.telemetry.attributes import Attributes, error_type

# As the conventions recommend.
_SECONDS = [0.01 * 2**power for power in range(14)]
_TOKENS = [4**power for power in range(14)]


class Meters:
    """The instruments, which all runs of this process share."""

    def __init__(self, meter: Meter) -> None:
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self.executions = meter.create_counter("beacon.executions", "{execution}", "Stored executions.")
        self.in_flight = meter.create_up_down_counter(
            "beacon.executions.in_flight", "{execution}", "Cells that hold a slot."
        )
        self.jobs = meter.create_up_down_counter("beacon.jobs.running", "{job}", "Jobs that this process runs.")


class RunMeters:
    """Measures one run by its events."""

    def __init__(self, meters: Meters, asking: Asking) -> None:
        self._meters = meters
        self._asking = asking
        self._in_flight: set[Cell] = set()
        meters.jobs.add(1)

    def handle(self, event: Event) -> None:
        """Process one event."""
        match event:
            case ExecutionStarted(cell=cell):
                self._begin(cell)
            case AttemptFailed(cell=cell, waits=True) | CallEnded(cell=cell):
                self._end(cell)
            case ExecutionFinished(execution=execution):
                self._end(execution.cell)
                self._measure(execution)

    def close(self) -> None:
        """Note that the run is over."""
        for cell in list(self._in_flight):
            self._end(cell)
        self._meters.jobs.add(-1)

    def _begin(self, cell: Cell) -> None:
        if cell not in self._in_flight:
            self._in_flight.add(cell)
            self._meters.in_flight.add(1, {"beacon.region": cell.lane.region.label})

    def _end(self, cell: Cell) -> None:
        if cell in self._in_flight:
            self._in_flight.remove(cell)
            self._meters.in_flight.add(-1, {"beacon.region": cell.lane.region.label})

    def _measure(self, execution: Execution) -> None:
        lane = execution.cell.lane
        attributes = self._asking.of_lane(lane)
        self._meters.executions.add(
            1,
            {
                "beacon.status": execution.status,
                "beacon.region": lane.region.label,
                "gen_ai.request.model": attributes["gen_ai.request.model"],
            },
        )
        if execution.started_at is None:
            return
        error = error_type(execution)
        failed: Attributes = {"error.type": error} if error else {}
        self._meters.duration.record(execution.seconds, {**attributes, **failed})
        if execution.tokens is not None:
            self._meters.tokens.record(execution.tokens, {**attributes, "gen_ai.token.type": "output"})
        if asked := usage_of(execution).input_tokens:
            self._meters.tokens.record(asked, {**attributes, "gen_ai.token.type": "input"})
