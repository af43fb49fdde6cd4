"""What is said of a region that is paused, by a run of its own or by a fleet."""

from __future__ import annotations

from beacon_cli.console.formatting import duration


def paused_sentence(region: str, *, seconds: float, why: str, check_in: float, given_up_in: float | None) -> str:
    """Return a sentence; all times are in seconds. `given_up_in` is None where that is not known, or never happens."""
    due = f"next check in {duration(check_in)}" if check_in > 0 else "a check is due"
    given_up = "" if given_up_in is None else f"; given up in {duration(max(0.0, given_up_in))}"
    return f"{region} has been paused for {duration(max(0.0, seconds))}: {why}; {due}{given_up}"
