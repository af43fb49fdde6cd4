"""How long to wait between tries: a little at first, and longer and longer."""

from __future__ import annotations

from collections.abc import Iterator


def pauses(first: float, *, growth: float = 1.5, longest: float) -> Iterator[float]:
    """Yield, for ever, the seconds to wait before the next try: each `growth` times the one before, up to `longest`."""
    pause = first
    while True:
        yield pause
        pause = min(pause * growth, longest)
