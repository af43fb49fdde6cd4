"""How numbers of a comparison are shown in a table of the terminal."""

from __future__ import annotations

from beacon_cli.comparison.figures import Figures, Rate
from beacon_cli.console.formatting import p_text

RATES = ("refusals", "empty", "blocked", "failed")
"""The columns of `rates`."""


def rates(figures: Figures, *, intervals: bool) -> list[str]:
    """Return the shares of what became of answers, in the order of `RATES`."""
    found = (figures.refusal, figures.empty, figures.blocked, figures.failure)
    return [_rate(each, interval=intervals) for each in found]


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with so many digits, never -0.00; `-` for None."""
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def small(value: float | None) -> str:
    """Return a p-value."""
    return "-" if value is None else p_text(value)


def interval(low: float | None, high: float | None) -> str:
    """Return an interval; `-` if there is none."""
    return "-" if low is None or high is None else f"{number(low)} – {number(high)}"


def _rate(rate: Rate, *, interval: bool) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "-"
    shown = f"{rate.count}/{rate.of}"
    return f"{shown} [{rate.low:.0%}–{rate.high:.0%}]" if interval else shown
