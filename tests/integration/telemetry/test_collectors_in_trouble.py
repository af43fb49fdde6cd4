"""A collector that is down, fails or hangs, and variables that cannot be used: the run neither fails nor waits."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from tests.support.collector import Collector, collector
from tests.support.in_process import PROGRAM
from tests.support.operator import Operator
from tests.support.regions_server import Regions, regions_server

LOADED = f"""
import atexit, sys
roots = ("opentelemetry", "google.protobuf", "requests", "beacon_cli.telemetry")
atexit.register(lambda: print(sorted(name for name in sys.modules if name.startswith(roots)), file=sys.stderr))
{PROGRAM}
"""
ALL = "11 of 11 spans and the metrics did not reach the collector at"


def warnings_of(operator: Operator, **variables: str) -> list[str]:
    """Run the job, which succeeds, and return what is said of traces."""
    with regions_server(Regions()) as regions:
        operator.uses({**regions.environment(), **variables})
        done, data = operator.run()
    assert (done.code, data["counts"]["completed"]) == (0, 3), done.err
    assert "Traceback" not in done.err
    return [line for line in done.err.splitlines() if re.match("waiting up to|warning:|OpenTelemetry", line)]


@pytest.mark.parametrize(("status", "why"), [(500, "HTTP 500"), (404, "HTTP 404")])
def test_a_collector_that_refuses_costs_one_line(operator: Operator, status: int, why: str) -> None:
    with collector(Collector(status=status)) as receiver:
        said = warnings_of(operator, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert said == [f"warning: {ALL} {receiver.url} ({why})"]


def test_a_collector_that_is_down_is_not_waited_for(operator: Operator) -> None:
    address = "http://127.0.0.1:9"
    said = warnings_of(operator, OTEL_EXPORTER_OTLP_ENDPOINT=address.replace("//", "//me:hidden-password@"))
    assert said == [f"warning: {ALL} {address} (no connection)"]


def test_a_collector_that_hangs_costs_two_seconds_at_most(operator: Operator) -> None:
    with collector(Collector(hangs=True)) as receiver:
        began = time.monotonic()
        waiting, lost = warnings_of(
            operator, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_EXPORTER_OTLP_TIMEOUT="1000"
        )
        seconds = time.monotonic() - began
    assert waiting == f"waiting up to 2 s for the collector at {receiver.url}"
    assert lost == f"warning: {ALL} {receiver.url} (no answer in time)"
    assert seconds < 300, "the exporter's own limit was waited for"


def test_what_does_not_fit_into_the_queue_is_dropped_and_counted(operator: Operator) -> None:
    with collector(Collector(hangs=True)) as receiver:
        _, lost = warnings_of(
            operator,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=receiver.url,
            OTEL_BSP_MAX_QUEUE_SIZE="2",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1",
        )
    assert lost == f"warning: 11 of 11 spans did not reach the collector at {receiver.url} (no answer in time)"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"OTEL_BSP_MAX_QUEUE_SIZE": "0"},
            "OTEL_BSP_MAX_QUEUE_SIZE must be a whole number above 0: traces are not sent",
        ),
        (
            {"OTEL_METRIC_EXPORT_INTERVAL": "0"},
            "OTEL_METRIC_EXPORT_INTERVAL must be a whole number above 0: metrics are not sent",
        ),
        (
            {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "-1"},
            "traces are not sent: OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT must be a non-negative integer but got -1",
        ),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "OpenTelemetry: Couldn't recognize sampler sometimes."),
        ({"OTEL_SDK_DISABLED": "maybe"}, "OTEL_SDK_DISABLED must be true or false: it counts as false"),
        (
            {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=hidden-schlüssel"},
            "OTEL_EXPORTER_OTLP_HEADERS must be NAME=VALUE,NAME=VALUE in URL encoding: what is not is left out",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_one_warning(
    operator: Operator, variables: dict[str, str], said: str
) -> None:
    with collector(Collector()) as receiver:
        lines = warnings_of(operator, **{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **variables})
    assert lines == [f"warning: {said}"]
    assert bool(receiver.spans()) is ("traces are not" not in said)


def test_without_the_extra_one_line_says_what_to_install(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "beacon_cli.telemetry.delivery", raising=False)
    monkeypatch.setitem(sys.modules, "requests", None)
    [line] = warnings_of(operator, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert line.startswith("warning: traces and metrics need requests; install it with: ")
    assert "otel" in line


@pytest.mark.parametrize(
    "variables", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}]
)
def test_off_nothing_of_it_is_imported(operator: Operator, database_url: str, variables: dict[str, str]) -> None:
    with regions_server(Regions()) as regions:
        operator.uses({**regions.environment(), **variables, "BEACON_DATABASE_URL": database_url})
        command = [sys.executable, "-c", LOADED, "run", str(operator.job)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    opened = ["beacon_cli.telemetry", "beacon_cli.telemetry.opened", "beacon_cli.telemetry.signals"]
    opened += ["beacon_cli.telemetry.variables"]
    assert done.stderr.splitlines()[-1] == str(opened)
