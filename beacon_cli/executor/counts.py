"""The number of answers of a job, a lane or a region. An answer without text, or a blocked one, counts everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from beacon_cli.console.formatting import percent, quantity
from beacon_cli.executor.execution import ANSWERED, Status


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cells are expected, how many of them have an answer, and how many of these are empty or blocked."""

    expected: int
    answered: int = 0
    empty: int = 0
    blocked: int = 0

    @classmethod
    def of(cls, expected: int, by_status: Mapping[Status, int] | Mapping[str, int]) -> Counts:
        """Return the counts of cells that have at most one row each, from the number of rows by status."""
        answered = sum(count for status, count in by_status.items() if status in ANSWERED)
        return cls(expected, answered, by_status.get("empty", 0), by_status.get("blocked", 0))

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both together."""
        return Counts(
            expected=self.expected + other.expected,
            answered=self.answered + other.answered,
            empty=self.empty + other.empty,
            blocked=self.blocked + other.blocked,
        )

    def __str__(self) -> str:
        """Return `11/12`."""
        return f"{self.answered}/{self.expected}"

    @property
    def whole(self) -> bool:
        """Whether no answer is missing."""
        return self.answered >= self.expected

    @property
    def rate(self) -> float:
        """The share of cells with an answer, from 0 to 1; 0 where no cell is expected."""
        return self.answered / self.expected if self.expected else 0.0

    @property
    def note(self) -> str:
        """` (2 of them empty, 1 blocked)`, or nothing."""
        return f" ({without})" if (without := self._without_text()) else ""

    def arithmetic(self, wanted: float) -> str:
        """Return how the success rate comes about: `11 of 12 completed = 91.6 %, wanted 100 %`."""
        if not self.expected:
            return "no cells are expected, so there is no success rate"
        share = percent(self.answered, self.expected)
        return f"{self.answered} of {self.expected} completed{self.note} = {share}, wanted {percent(wanted)}"

    def sentence(self, wanted: float) -> str:
        """Return how complete it is, for people: `11 of 12 answers are stored (91.6 %, wanted 100 %)`.

        The share is left out where nothing is missing.
        """
        if not self.expected:
            return "no answer is expected"
        notes = [without] if (without := self._without_text()) else []
        if not self.whole:
            notes.append(f"{percent(self.answered, self.expected)}, wanted {percent(wanted)}")
        noted = f" ({'; '.join(notes)})" if notes else ""
        return f"{self.answered} of {quantity(self.expected, 'answer is', 'answers are')} stored{noted}"

    def _without_text(self) -> str:
        parts = [(self.empty, "empty"), (self.blocked, "blocked")]
        first, *more = [f"{count} {word}" for count, word in parts if count] or [""]
        return ", ".join([first.replace(" ", " of them "), *more]) if first else ""

    def as_data(self) -> dict[str, int]:
        """Return the counts as `by_region` has them; `completed` are all answers, with those that were blocked."""
        return {"expected": self.expected, "completed": self.answered, "blocked": self.blocked}


def by_region(counts: Iterable[tuple[str, Counts]]) -> dict[str, Counts]:
    """Return the sum of the counts of each region, in the order in which the regions come."""
    regions: dict[str, Counts] = {}
    for region, each in counts:
        regions[region] = regions.get(region, Counts(0)) + each
    return regions
