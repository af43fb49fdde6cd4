"""Formats counts, shares, sizes and durations, the same way everywhere."""

from __future__ import annotations

import math

_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def quantity(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 row`, `2 rows`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def percent(part: float, whole: float = 1) -> str:
    """Return a share, rounded, such as `91.7 %`; only the whole is `100 %`, and only nothing is `0 %`."""
    if part == whole:
        return "100 %"
    if part == 0:
        return "0 %"
    if (tenths := round(part * 1000 / whole)) < 1:
        return "<0.1 %"
    return f"{min(tenths, 999) / 10:g} %"


def p_text(p_value: float) -> str:
    """Return a p-value with three digits, such as `0.042`, and a small one with the two that count, `0.0053`.

    So it can be told from a level such as 0.005. No test of exchanges gives less than 0.00001.
    """
    if p_value < 0.00001:
        return "<0.00001"
    return f"{p_value:.{max(3, 1 - math.floor(math.log10(p_value)))}f}"


def arm_label(region: str, arm: int) -> str:
    """Return the name of an arm of a region for people: `EU`, and `EU control` for its second one."""
    return f"{region} control" if arm else region


def repeat_label(repeat: int) -> str:
    """Return the number of a repeat for people, who count from 1: `#1` for 0. In data it is counted from 0."""
    return f"#{repeat + 1}"


def dollars(amount: float) -> str:
    """Return an amount of US dollars: `$12.50`, and a small one with the two digits that count, `$0.0012`."""
    if amount and abs(amount) < 0.000001:
        return "less than $0.000001"
    return f"${amount:,.{_digits(amount)}f}"


def dollars_up(amount: float) -> str:
    """Return an amount of US dollars as `dollars` does, but rounded up, so that it is enough."""
    factor = 10 ** _digits(amount)
    return dollars(math.ceil(round(amount * factor, 6)) / factor)


def _digits(amount: float) -> int:
    return 2 if amount == 0 else min(6, max(2, 1 - math.floor(math.log10(abs(amount)))))


def size(count: int) -> str:
    """Return a number of bytes for people: `512 bytes`, `3.4 kB`, `98 MB`. 1 MB is 1,000,000 bytes."""
    if count < 1000:
        return quantity(count, "byte")
    unit, factor = next((unit, factor) for unit, factor in _UNITS if count >= factor)
    number = count / factor
    return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"


def duration(seconds: float) -> str:
    """Return a duration for people: `4.2s`, `3m 05s`, `2h 10m`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"
