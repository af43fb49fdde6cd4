"""Numbers in words: counts, shares and durations, written alike everywhere."""

from __future__ import annotations


def quantity(number: int, noun: str, plural: str = "") -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def percent(part: float, whole: float = 1) -> str:
    """Return a share such as `91.6 %`; it is cut, not rounded, so that only all of it is `100 %`."""
    if part == whole:
        return "100 %"
    return f"{int(part * 1000 / whole + 1e-6) / 10:g} %"


def success_arithmetic(completed: int, expected: int, wanted: float, empty: int = 0) -> str:
    """Return how a success rate comes about: `11 of 12 completed = 91.6 %, wanted 100 %`."""
    if not expected:
        return "no cells are expected, so there is no success rate"
    of_them = f" ({empty} of them empty)" if empty else ""
    return f"{completed} of {expected} completed{of_them} = {percent(completed, expected)}, wanted {percent(wanted)}"


def duration(seconds: float) -> str:
    """Return a duration for people: `4.2s`, `3m 05s`, `2h 10m`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"
