"""How numbers of a comparison are shown in a table of the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from beacon_cli.comparison.figures import Figures, Rate
from beacon_cli.comparison.verdicts import Judged
from beacon_cli.console.formatting import p_text

RATES = ("refusals", "empty", "blocked", "failed")
"""The columns of `rates`."""

LOST_IN_THE_WHOLE = (
    "single results do differ: each has a test of its own, and what a few show can be lost in that of all together"
)
"""What to say where the test of the whole job shows nothing, and one of a single result does."""


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


def share_interval(low: float, high: float) -> str:
    """Return an interval of shares: `[2–31 %]`."""
    return f"[{100 * low:.0f}–{100 * high:.0f} %]"


def detectable(results: Iterable[Judged]) -> str:
    """Return which effects would have been found where no difference was shown: `0.09`, or `0.09 to 0.12`."""
    effects = sorted(result.detectable for result in results if result.detectable is not None)
    return " to ".join(dict.fromkeys(map(number, effects[:1] + effects[-1:])))


def _rate(rate: Rate, *, interval: bool) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "-"
    shown = f"{rate.count}/{rate.of}"
    return f"{shown} {share_interval(rate.low, rate.high)}" if interval else shown
