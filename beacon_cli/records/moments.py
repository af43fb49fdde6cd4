"""Moments as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from beacon_cli.errors import UsageError
from beacon_cli.job.limits import parse_duration

_DURATION = re.compile(r"[0-9.]+(ms|s|m|h|d)([0-9.]+(ms|s|m|h|d))*")


def parse_moment(text: str, now: datetime, *, option: str) -> datetime:
    """Return the moment that a text means, in UTC: a day or a time (UTC unless it says otherwise), or how long ago.

    Raises `UsageError`, with the name of the option, for anything else.
    """
    try:
        if _DURATION.fullmatch(text):
            return now - timedelta(seconds=parse_duration(text))
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option}: {text!r} is neither a day nor a time",
            hint="write 2026-11-01, 2026-11-01T12:00, or how long ago, such as 7d; the units are s, m, h and d",
        ) from None
