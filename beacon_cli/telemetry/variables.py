"""What is wrong with the variables of one signal, in Beacon's words: OpenTelemetry's name no variable, or hold a key.

Which values are allowed is that of https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
and https://opentelemetry.io/docs/specs/otel/protocol/exporter/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from beacon_cli.console.printable import excerpt

_OTLP = "OTEL_EXPORTER_OTLP_"
_PROTOCOL = "http/protobuf"
_EXPORTERS = ("otlp", "none")
_COMPRESSIONS = ("gzip", "deflate", "none")
_FILES = ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
_QUEUE, _AT_ONCE = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
_NUMBERS = {
    "TRACES": (_QUEUE, _AT_ONCE, "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT"),
    "METRICS": ("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"),
}
_DEFAULTS = {_QUEUE: 2_048, _AT_ONCE: 512}
_NUMBER = re.compile(r"0*[1-9][0-9]{0,17}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
# What OpenTelemetry takes: NAME=VALUE in URL encoding, or with blanks.
_HEADER = re.compile(r"[!#-'*+\-.0-9A-Z^-z|~]+[ \t]*=[ \t]*[ !#-+\-.-:<-\[\]-~]*")


def problems_of(environment: Mapping[str, str], signal: str) -> Iterator[str]:
    """Yield why `TRACES` or `METRICS` cannot be sent as its variables say; never with a value that may be secret."""
    name = f"OTEL_{signal}_EXPORTER"
    if (exporter := _word(environment, name)) and exporter not in _EXPORTERS:
        yield f"{name} must be otlp or none"
    name = named(environment, signal, "PROTOCOL")
    if (protocol := _word(environment, name)) and protocol != _PROTOCOL:
        yield f"{name} must be {_PROTOCOL}, which most collectors take at port 4318"
    name = named(environment, signal, "ENDPOINT")
    if not _is_url(environment[name]):
        yield f"{name} must be a URL such as http://localhost:4318"
    name = named(environment, signal, "COMPRESSION")
    if (compression := _word(environment, name)) and compression not in _COMPRESSIONS:
        yield f"{name} must be gzip, deflate or none"
    name = named(environment, signal, "TIMEOUT")
    if (seconds := environment.get(name)) and not (_SECONDS.fullmatch(seconds.strip()) and float(seconds)):
        yield f"{name} must be a number of seconds above 0"
    yield from _missing_files(environment, signal)
    yield from _wrong_numbers(environment, signal)


def header_problem(environment: Mapping[str, str], signal: str) -> str | None:
    """Return that a header is left out, None if all are sent. OpenTelemetry's own words hold its value."""
    name = named(environment, signal, "HEADERS")
    headers = [header.strip() for header in environment.get(name, "").split(",")]
    if all(_HEADER.fullmatch(header) for header in headers if header):
        return None
    return f"{name} must be NAME=VALUE,NAME=VALUE in URL encoding: what is not is left out"


def named(environment: Mapping[str, str], signal: str, what: str) -> str:
    """Return the name of the variable that counts: the signal's own one if it is set, else the one for both."""
    own = f"{_OTLP}{signal}_{what}"
    return own if environment.get(own) else f"{_OTLP}{what}"


def _word(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip().lower()


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _missing_files(environment: Mapping[str, str], signal: str) -> Iterator[str]:
    for name in (named(environment, signal, what) for what in _FILES):
        if (path := environment.get(name)) and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises
            yield f"{name}: there is no file {excerpt(path)}"


def _wrong_numbers(environment: Mapping[str, str], signal: str) -> Iterator[str]:
    wrong = [
        name for name in _NUMBERS[signal] if (number := environment.get(name)) and not _NUMBER.fullmatch(number.strip())
    ]
    for name in wrong:
        yield f"{name} must be a whole number above 0"
    if signal == "TRACES" and not wrong:
        queue, at_once = (int(environment.get(name) or _DEFAULTS[name]) for name in (_QUEUE, _AT_ONCE))
        if at_once > queue:
            yield f"{_AT_ONCE} ({at_once:,}) must not be more than {_QUEUE} ({queue:,})"
