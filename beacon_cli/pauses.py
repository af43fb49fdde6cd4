"""How long to wait between tries: a little at first, and longer and longer."""

from __future__ import annotations

import random
from collections.abc import Iterator

_LEAST_JITTER, _MOST_JITTER = 0.75, 1.25


def pauses(first: float, *, growth: float = 1.5, longest: float) -> Iterator[float]:
    """Yield, for ever, the seconds to wait before the next try: each `growth` times the one before, up to `longest`."""
    pause = first
    while True:
        yield pause
        pause = min(pause * growth, longest)


def jitter() -> float:
    """Return a factor of about 1 for a pause, so that several processes do not try at the same moment."""
    return random.uniform(_LEAST_JITTER, _MOST_JITTER)
