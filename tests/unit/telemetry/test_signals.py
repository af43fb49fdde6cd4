"""What the variables of OpenTelemetry ask for."""

from __future__ import annotations

import pytest

from beacon_cli.telemetry.signals import Signals, address_of, wanted_signals

HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://here:4318"}


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, Signals()),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, Signals()),
        (HERE, Signals("http://here:4318", "http://here:4318")),
        ({**HERE, "OTEL_SDK_DISABLED": " True "}, Signals()),
        ({**HERE, "OTEL_TRACES_EXPORTER": "none"}, Signals(metrics="http://here:4318")),
        ({**HERE, "OTEL_METRICS_EXPORTER": "none"}, Signals(traces="http://here:4318")),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/v1"}, Signals(traces="http://t/v1")),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://m/v1"}, Signals(metrics="http://m/v1")),
        ({**HERE, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t"}, Signals("http://t", "http://here:4318")),
        ({**HERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, Signals("http://here:4318", "http://here:4318")),
    ],
)
def test_a_signal_is_on_where_an_endpoint_is_named(variables: dict[str, str], wanted: Signals) -> None:
    assert wanted_signals(variables) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("true", True), ("SPAN_ONLY", True), ("span_and_event", True), ("EVENT_ONLY", False), ("", False)],
)
def test_content_is_sent_only_where_spans_are_to_have_it(value: str, wanted: bool) -> None:
    assert wanted_signals({**HERE, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value}).content is wanted


def test_what_beacon_cannot_do_is_said_once_and_turns_only_that_signal_off() -> None:
    found = wanted_signals({**HERE, "OTEL_TRACES_EXPORTER": "console", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"})
    assert (found.traces, found.metrics) == ("", "")
    assert found.problems == (
        "OTEL_TRACES_EXPORTER must be otlp or none: traces are not sent",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL must be http/protobuf, which most collectors take at port 4318: metrics"
        " are not sent",
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:secret@there:4318/v1/traces?key=1", "http://there:4318"),
        ("there", "the URL in OTEL_EXPORTER_OTLP_…"),
        ("http://[::1", "the URL in OTEL_EXPORTER_OTLP_…"),
    ],
)
def test_a_collector_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert address_of(url) == shown
