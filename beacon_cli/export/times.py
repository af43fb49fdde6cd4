"""Times as text."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """Return `2026-01-02T03:04:05.000000+00:00`: ISO 8601, UTC, always with microseconds, all in the same form."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
