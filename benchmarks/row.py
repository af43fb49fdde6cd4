"""A row of the result: what was measured, against what, and what was wanted."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Target:
    """The most that the value itself, or its ratio to the reference, may be."""

    limit: float
    of: Literal["value", "ratio"] = "value"


@dataclass(frozen=True)
class Row:
    """One line of the table. `value` is None for what could not be measured; `note` then says why."""

    what: str
    unit: str
    value: float | None
    reference: float | None = None
    reference_name: str = ""
    target: Target | None = None
    note: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times the reference it is."""
        return self.value / self.reference if self.value is not None and self.reference else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        judged = self.value if self.target.of == "value" else self.ratio
        return None if judged is None else judged <= self.target.limit

    def document(self, group: str) -> dict[str, Any]:
        """Return the row as a JSON object."""
        return {"group": group, **asdict(self), "ratio": self.ratio, "met": self.met}


def interleaved(count: int, *actions: Callable[[], float]) -> list[list[float]]:
    """Return the figures of each action, taken in turn, so that a machine that slows down slows all of them."""
    rounds = [[action() for action in actions] for _ in range(count)]
    return [list(figures) for figures in zip(*rounds, strict=True)]


def medians(count: int, *actions: Callable[[], float]) -> list[float]:
    """Return the median of each action's figures, taken in turn."""
    return [statistics.median(figures) for figures in interleaved(count, *actions)]


def spread(figures: Sequence[float]) -> dict[str, float]:
    """Return smallest, median and largest."""
    return {"min": min(figures), "median": statistics.median(figures), "max": max(figures)}
