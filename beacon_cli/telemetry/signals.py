"""Which signals the variables of OpenTelemetry ask for.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/ name them. Nothing of OpenTelemetry is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from beacon_cli.telemetry.variables import header_problem, named, problems_of

DISABLED = "OTEL_SDK_DISABLED"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

_SIGNALS = ("TRACES", "METRICS")
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
    if (disabled := environment.get(DISABLED, "").strip().lower()) == "true":
        return Signals()
    problems: dict[str, list[str]] = {}
    urls = dict.fromkeys(_SIGNALS, "")
    for signal in _SIGNALS:
        url = environment.get(named(environment, signal, "ENDPOINT"), "")
        if not url or environment.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() == "none":
            continue
        found = list(problems_of(environment, signal))
        for problem in found:
            problems.setdefault(problem, []).append(signal.lower())
        urls[signal] = "" if found else url
    said = [f"{problem}: {' and '.join(unsent)} are not sent" for problem, unsent in problems.items()]
    said += dict.fromkeys(
        left_out for signal in _SIGNALS if urls[signal] and (left_out := header_problem(environment, signal))
    )
    if any(urls.values()) and disabled not in {"", "false"}:
        said.append(f"{DISABLED} must be true or false: it counts as false")
    content = environment.get(CAPTURE, "").strip().lower() in _CAPTURING
    return Signals(urls["TRACES"], urls["METRICS"], content, tuple(said))


def address_of(url: str) -> str:
    """Return the address of a collector for people: its scheme, host and port, without a user or a path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _SOME_URL
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else _SOME_URL
