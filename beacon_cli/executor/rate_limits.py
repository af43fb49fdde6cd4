"""How long an endpoint asks us to wait, in other headers than `Retry-After`.

Sources: `retry-after-ms` of Azure OpenAI and OpenAI, which their own client reads first; OpenAI's `x-ratelimit-*`
(https://platform.openai.com/docs/guides/rate-limits), with times such as `12ms` or `6m0s`, which Groq, Azure and others
also send, some as a number of seconds; OpenRouter's `X-RateLimit-Reset`, in milliseconds since 1970.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from beacon_cli.job.limits import parse_duration

_KINDS = ("requests", "tokens")
_REMAINING, _RESET = "x-ratelimit-remaining", "x-ratelimit-reset"
# Larger numbers are moments: seconds, or milliseconds, since 1970.
_MOMENT_SECONDS, _MOMENT_MILLISECONDS = 1e9, 1e12


def milliseconds_told(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `retry-after-ms`, None if there is no usable one."""
    value = headers.get("retry-after-ms")
    return None if value is None else _finite(value, 1 / 1000)


def reset_told(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the limits are renewed of which nothing is left; None if some is left of each."""
    found = [
        seconds
        for suffix in ("", *(f"-{kind}" for kind in _KINDS))
        if headers.get(_REMAINING + suffix, "").strip() == "0"
        and (seconds := _until(headers.get(_RESET + suffix, "").strip())) is not None
    ]
    return max(found, default=None)


def _until(reset: str) -> float | None:
    number = _finite(reset)
    if number is None:
        try:
            return parse_duration(reset)
        except ValueError:
            return None
    if number >= _MOMENT_MILLISECONDS:
        return number / 1000 - time.time()
    return number - time.time() if number >= _MOMENT_SECONDS else number


def _finite(text: str, unit: float = 1.0) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number * unit if math.isfinite(number) else None
