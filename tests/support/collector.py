"""A collector of OpenTelemetry on loopback, in a thread of the test: it decodes what the real exporter sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.raw_server import Request, http, raw_server_in_thread

Value = str | int | float | bool | list[str]


@dataclass
class Collector:
    """`status` is what it answers; `hangs`: it never does. `requests` are as they came."""

    status: int = 200
    hangs: bool = False
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        self.requests.append(request)
        while self.hangs:  # noqa: ASYNC110 - the test ends it by closing the server
            await asyncio.sleep(0.05)
        return http(self.status)

    def spans(self) -> list[Span]:
        """Return every span that came, in the order of their beginning."""
        found: list[Span] = []
        for request in self.requests:
            if request.path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
                    found += [span for scope in resource.scope_spans for span in scope.spans]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def metrics(self) -> dict[str, Metric]:
        """Return the metrics that came last, by name."""
        found: dict[str, Metric] = {}
        for request in self.requests:
            if request.path == "/v1/metrics":
                for resource in ExportMetricsServiceRequest.FromString(request.body).resource_metrics:
                    found |= {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
        return found

    def resource(self) -> dict[str, Value]:
        """Return what the sender of spans says of itself."""
        request = next(request for request in self.requests if request.path == "/v1/traces")
        return attributes(ExportTraceServiceRequest.FromString(request.body).resource_spans[0].resource.attributes)

    def everything(self) -> bytes:
        """Return all bytes that came, headers too."""
        return b"".join(f"{request.path}{request.headers}".encode() + request.body for request in self.requests)


@contextlib.contextmanager
def collector(receiver: Collector) -> Iterator[Collector]:
    with raw_server_in_thread(receiver.handle) as server:
        receiver.url = server.url
        yield receiver


def attributes(pairs: Sequence[KeyValue]) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _seconds(span: Span, until: int) -> str:
    return f"{(until - span.start_time_unix_nano) / 10**9:7.3f}"


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [item.string_value for item in value.array_value.values]
    found: Value = getattr(value, kind or "string_value")
    return found


def tree(spans: Sequence[Span], *keys: str, timed: bool = False) -> list[str]:
    """Return traces as lines, children indented below their parents, each with the attributes of these names.

    If they are `timed`, each line begins with when the span began after the first one, and what it took, in seconds.
    """
    children: dict[bytes, list[Span]] = {}
    known = {span.span_id for span in spans}
    for span in spans:
        children.setdefault(span.parent_span_id if span.parent_span_id in known else b"", []).append(span)

    def lines(span: Span, depth: int) -> Iterator[str]:
        found = attributes(span.attributes)
        shown = [f"{key.rpartition('.')[2]}={found[key]}" for key in keys if key in found]
        events = [f"· {event.name}" for event in span.events if event.name != "notice"]
        seconds = f"{_seconds(spans[0], span.start_time_unix_nano)} {_seconds(span, span.end_time_unix_nano)}  "
        yield (seconds if timed else "") + "  " * depth + " ".join([span.name, *shown, *events])
        for child in children.get(span.span_id, ()):
            yield from lines(child, depth + 1)

    return [line for root in children.get(b"", ()) for line in lines(root, 0)]
