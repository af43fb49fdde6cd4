"""This machine's clock against another one, such as the database's or an endpoint's."""

from __future__ import annotations

from beacon_cli.console.formatting import duration

CLOCK_TOLERANCE_SECONDS = 5.0
"""Maximum difference between this machine's clock and another one: two that use NTP differ by less."""


def seconds_ahead(began: float, theirs: float, ended: float) -> float:
    """Return by how much this machine's clock is ahead of one that was read somewhere between two times of this one."""
    return began - theirs if theirs < began else min(0.0, ended - theirs)


def clock_problem(ahead: float, whose: str) -> str | None:
    """Return how this machine's clock differs from another one, such as "the database's"; None if it hardly does."""
    if abs(ahead) <= CLOCK_TOLERANCE_SECONDS:
        return None
    return f"this machine's clock is {duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} {whose}"
