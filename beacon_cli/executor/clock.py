"""A run's clock: wall time read once, then advanced by the monotonic clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Gives aware UTC times that never go back, whatever happens to the machine's wall clock."""

    def __init__(self) -> None:
        self._started_at = datetime.now(UTC)
        self._origin = time.monotonic()

    def now(self) -> datetime:
        """Return the time on this clock."""
        return self._started_at + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        """Return the seconds since the clock was started."""
        return time.monotonic() - self._origin
