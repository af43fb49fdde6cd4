"""The way to the collector: OpenTelemetry's own exporters in threads of their own, with what was lost counted."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from beacon_cli import __version__
from beacon_cli.console.formatting import quantity
from beacon_cli.network.proxies import DIRECT_HOSTS
from beacon_cli.telemetry.run_ids import RunIds
from beacon_cli.telemetry.signals import Signals, address_of
from beacon_cli.telemetry.telemetry import Telemetry

CLOSING_SECONDS = 2.0
"""How long the end of a command waits at most for what is still to be sent."""

_QUIET_SECONDS = 0.5
_LIBRARIES = ("opentelemetry", "urllib3")
_HEADERS_LOG = "opentelemetry.util.re"
_FAILURES: Sequence[tuple[type[Exception], str]] = (
    (requests.exceptions.SSLError, "the certificate was refused"),
    (requests.exceptions.ProxyError, "the proxy refused"),
    (requests.exceptions.Timeout, "no answer in time"),
    (requests.exceptions.ConnectionError, "no connection"),
    (ValueError, "this URL cannot be used"),
)
_DROPPED = "they came faster than they could be sent; a larger OTEL_BSP_MAX_QUEUE_SIZE helps"

_log = logging.getLogger(__name__)

_Way = TypeVar("_Way")


@contextmanager
def delivered(signals: Signals) -> Iterator[Telemetry]:
    """Yield what listens to runs; afterwards, send the rest, but wait no longer than `CLOSING_SECONDS`.

    What did not reach the collector is one warning at the end. A signal for which OpenTelemetry refuses the variables
    is one warning, too, and is not sent. Raises what it raises for the names of this process.
    """
    with _library_log() as library:
        ids, resource = RunIds(), _resource()
        spans = _opened("traces", lambda: _Spans(signals.traces, ids, resource)) if signals.traces else None
        metrics = _opened("metrics", lambda: _Metrics(signals.metrics, resource)) if signals.metrics else None
        tracer = spans.provider.get_tracer("beacon", __version__) if spans is not None else None
        meter = metrics.provider.get_meter("beacon", __version__) if metrics is not None else None
        library.reading = False
        try:
            yield Telemetry(tracer, ids, meter, content=signals.content)
        finally:
            ways = [way for way in (spans, metrics) if way is not None]
            _close(ways)
            _warn_of_losses(ways)


class _Session(requests.Session):
    """Sends to one collector; to this machine without a proxy, as with everything that Beacon sends.

    `failure` is why a request failed, in words of its own: others' may hold secrets. `failing`: the last one did.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = urlsplit(url).hostname not in {host.strip("[]") for host in DIRECT_HOSTS}
        self.failure = ""
        self.failing = False

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request."""
        try:
            response = super().request(*args, **kwargs)
        except Exception as error:
            self.failure = next((words for kind, words in _FAILURES if isinstance(error, kind)), type(error).__name__)
            self.failing = True
            raise
        self.failing = not response.ok
        if self.failing:
            self.failure = f"HTTP {response.status_code}"
        return response


class _Spans:
    """The way of spans. `ended` counts those that were to be sent."""

    def __init__(self, url: str, ids: RunIds, resource: Resource) -> None:
        self.url = url
        self.session = _Session(url)
        self.exporter = _SpanExporter(self.session)
        self._count = _Count()
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=ids)
        self.provider.add_span_processor(self._count)
        self.provider.add_span_processor(BatchSpanProcessor(self.exporter))

    def lost(self) -> str:
        """Return what did not arrive, in words; empty if everything did."""
        ended, lost = self._count.ended, self._count.ended - self.exporter.delivered
        return f"{lost:,} of {quantity(ended, 'span')}" if lost > 0 else ""


class _Metrics:
    """The way of metrics."""

    def __init__(self, url: str, resource: Resource) -> None:
        self.url = url
        self.session = _Session(url)
        self.exporter = _MetricExporter(self.session)
        reader = PeriodicExportingMetricReader(self.exporter)
        self.provider = MeterProvider([reader], resource, shutdown_on_exit=False)

    def lost(self) -> str:
        """Return what did not arrive, in words; empty if the last numbers did, which hold all before them."""
        return "the metrics" if self.exporter.under_way else ""


class _SpanExporter(OTLPSpanExporter):
    """Counts the spans that arrived."""

    def __init__(self, session: requests.Session) -> None:
        super().__init__(session=session)
        self.delivered = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            self.delivered += len(spans)
        return result


class _MetricExporter(OTLPMetricExporter):
    """Remembers whether metrics were sent that did not arrive."""

    def __init__(self, session: requests.Session) -> None:
        super().__init__(session=session)
        self.under_way = False

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send metrics."""
        self.under_way = True
        result = super().export(metrics_data, timeout_millis, **kwargs)
        self.under_way = result is not MetricExportResult.SUCCESS
        return result


class _Count(SpanProcessor):
    """Counts the spans that are to be sent."""

    def __init__(self) -> None:
        self.ended = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Count a span."""
        self.ended += span.context is not None and span.context.trace_flags.sampled


class _LibraryLog(logging.Handler):
    """Passes what the libraries log on to Beacon's log, which frees it of credentials.

    While variables are read, a text is a warning, once; what is said of headers holds their values, and is left out.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reading = True
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on."""
        text = _one_line(record.getMessage())
        if record.name == _HEADERS_LOG:
            return
        if not self.reading:
            _log.info("OpenTelemetry: %s", text)
        elif text not in self._said:
            self._said.add(text)
            _log.warning("warning: OpenTelemetry: %s", text)


def _opened(what: str, build: Callable[[], _Way]) -> _Way | None:
    try:
        return build()
    except Exception as error:  # of the SDK, about a variable
        _log.warning("warning: %s are not sent: %s", what, _one_line(str(error)))
        return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def _library_log() -> Iterator[_LibraryLog]:
    """While variables are read, what the libraries find wrong is a warning; later it is shown with --verbose."""
    handler = _LibraryLog()
    for name in _LIBRARIES:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).propagate = False
    try:
        yield handler
    finally:
        for name in _LIBRARIES:
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).propagate = True


def _resource() -> Resource:
    """Return what this process is called, unless the variables say so; two workers are two series of metrics."""
    named = Resource.create()
    own = {SERVICE_VERSION: __version__, SERVICE_INSTANCE_ID: str(uuid.uuid4())}
    if str(named.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return Resource(own).merge(named).merge(Resource({SERVICE_NAME: "beacon"}))
    return Resource(own).merge(named)


def _close(ways: Sequence[_Spans | _Metrics]) -> None:
    """Send what is left, in threads that may be left behind; a collector that fails just now is not waited for."""
    closing = {way: threading.Thread(target=_quietly(way.provider.shutdown), daemon=True) for way in ways}
    deadline = time.monotonic() + CLOSING_SECONDS
    for thread in closing.values():
        thread.start()
    _join(closing.values(), until=time.monotonic() + _QUIET_SECONDS)
    if slow := [way for way, thread in closing.items() if thread.is_alive() and not way.session.failing]:
        addresses = " and ".join(dict.fromkeys(address_of(way.url) for way in slow))
        _log.warning("waiting up to %.0f s for the collector at %s", CLOSING_SECONDS, addresses)
    _join([closing[way] for way in slow], until=deadline)
    for way, thread in closing.items():
        if thread.is_alive():
            way.session.failure = way.session.failure or "no answer in time"
            with contextlib.suppress(Exception):
                way.exporter.shutdown()  # what waits to try again does not


def _join(threads: Iterable[threading.Thread], *, until: float) -> None:
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0))


def _quietly(work: Callable[[], object]) -> Callable[[], None]:
    def quiet() -> None:
        with contextlib.suppress(Exception):  # the losses are counted
            work()

    return quiet


def _warn_of_losses(ways: Sequence[_Spans | _Metrics]) -> None:
    losses = [(lost, way) for way in ways if (lost := way.lost())]
    if not losses:
        return
    what = " and ".join(lost for lost, _ in losses)
    addresses = " and ".join(dict.fromkeys(address_of(way.url) for _, way in losses))
    why = ", ".join(dict.fromkeys(way.session.failure or _DROPPED for _, way in losses))
    _log.warning("warning: %s did not reach the collector at %s (%s)", what, addresses, why)
