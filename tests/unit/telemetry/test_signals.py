"""What the variables of OpenTelemetry ask for."""

from __future__ import annotations

import pytest
from opentelemetry.util.re import parse_env_headers

from beacon_cli.console.printable import excerpt
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
    ("name", "value", "said"),
    [
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "-4",
            "OTEL_BSP_MAX_QUEUE_SIZE must be a whole number above 0: traces are not sent",
        ),
        (
            "OTEL_BSP_SCHEDULE_DELAY",
            "soon",
            "OTEL_BSP_SCHEDULE_DELAY must be a whole number above 0: traces are not sent",
        ),
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "2",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE (512) must not be more than OTEL_BSP_MAX_QUEUE_SIZE (2)"
            ": traces are not sent",
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "0",
            "OTEL_METRIC_EXPORT_INTERVAL must be a whole number above 0: metrics are not sent",
        ),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/nosuch",
            "OTEL_EXPORTER_OTLP_CERTIFICATE: there is no file /nosuch: traces and metrics are not sent",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
            "/" + "x" * 300,
            f"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: there is no file {excerpt('/' + 'x' * 300)}: traces are not sent",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "garbage",
            "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://localhost:4318: traces and metrics are not sent",
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "http://[::1",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT must be a URL such as http://localhost:4318: metrics are not sent",
        ),
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "0",
            "OTEL_EXPORTER_OTLP_TIMEOUT must be a number of seconds above 0: traces and metrics are not sent",
        ),
        (
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "zip",
            "OTEL_EXPORTER_OTLP_COMPRESSION must be gzip, deflate or none: traces and metrics are not sent",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_turns_off_what_it_is_for(name: str, value: str, said: str) -> None:
    found = wanted_signals({**HERE, name: value})
    assert found.problems == (said,)
    assert bool(found.traces) is (": metrics are" in said)
    assert bool(found.metrics) is (": traces are" in said)


@pytest.mark.parametrize("headers", ["api-key=schlüssel", "api-key hidden", "a=1,api-key=\u200bhidden"])
def test_a_header_that_is_left_out_is_said_without_its_value(headers: str) -> None:
    found = wanted_signals({**HERE, "OTEL_EXPORTER_OTLP_HEADERS": headers})
    assert found.traces
    assert found.metrics
    assert found.problems == (
        "OTEL_EXPORTER_OTLP_HEADERS must be NAME=VALUE,NAME=VALUE in URL encoding: what is not is left out",
    )


@pytest.mark.parametrize("headers", ["", "api-key=a%20b", "Authorization=Bearer x==, b = 2 ,", "a=", "a=/b"])
def test_headers_that_opentelemetry_takes_are_no_problem(headers: str) -> None:
    sent = parse_env_headers(headers, liberal=True)
    assert len(sent) == len([header for header in headers.split(",") if header.strip()])
    assert wanted_signals({**HERE, "OTEL_EXPORTER_OTLP_HEADERS": headers}).problems == ()


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
