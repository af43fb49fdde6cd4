"""Which signals the variables of OpenTelemetry ask for.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/ name them. Nothing of OpenTelemetry is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

DISABLED = "OTEL_SDK_DISABLED"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

_PROTOCOL = "http/protobuf"
_EXPORTERS = ("otlp", "none")
_SOME_URL = "the URL in OTEL_EXPORTER_OTLP_…"
_CAPTURING = frozenset({"true", "span_only", "span_and_event"})


@dataclass(frozen=True, slots=True)
class Signals:
    """What is to be sent: the URLs of the collector, empty for a signal that is off.

    `content` says that prompts and answers are wanted in spans, too; `problems` say what the variables ask for and
    Beacon cannot do.
    """

    traces: str = ""
    metrics: str = ""
    content: bool = False
    problems: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything is to be sent."""
        return bool(self.traces or self.metrics)


def wanted_signals(environment: Mapping[str, str]) -> Signals:
    """Return what the variables ask for: nothing, unless one of them names an endpoint."""
    if environment.get(DISABLED, "").strip().lower() == "true":
        return Signals()
    problems: dict[str, None] = {}
    urls = {}
    for signal in ("TRACES", "METRICS"):
        url = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or environment.get(ENDPOINT, "")
        found = list(_problems(environment, signal)) if url else []
        exporter = environment.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() or "otlp"
        problems |= dict.fromkeys(found if exporter != "none" else ())
        urls[signal] = "" if found or exporter == "none" else url
    content = environment.get(CAPTURE, "").strip().lower() in _CAPTURING
    return Signals(urls["TRACES"], urls["METRICS"], content, tuple(problems))


def address_of(url: str) -> str:
    """Return the address of a collector for people: its scheme, host and port, without a user or a path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _SOME_URL
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else _SOME_URL


def _problems(environment: Mapping[str, str], signal: str) -> Iterator[str]:
    name = f"OTEL_{signal}_EXPORTER"
    if (exporter := environment.get(name, "").strip().lower()) and exporter not in _EXPORTERS:
        yield f"{name} must be otlp or none: {signal.lower()} are not sent"
    own = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
    name = own if environment.get(own) else PROTOCOL
    if (protocol := environment.get(name, "").strip().lower()) and protocol != _PROTOCOL:
        yield f"{name} must be {_PROTOCOL}, which most collectors take at port 4318: {signal.lower()} are not sent"
