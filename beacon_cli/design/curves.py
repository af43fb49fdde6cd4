"""How likely a difference is found, measured with simulated jobs: `curves.json`, and what lies between its points.

`python -m benchmarks.calibration --only designs` makes the file.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Effect = Literal["refusals", "half_length", "sentence", "prefix"]
"""What one region does otherwise: refuses 30 % of the time, answers at half the length, replaces one sentence of every
answer, or begins every answer with the same few words."""

_FILE = Path(__file__).with_name("curves.json")


@dataclass(frozen=True, slots=True)
class Curves:
    """The measured points, by effect, seeds, regions and repeats, with the power in percent.

    It is by `thresholds` in one question (`one`), and by `results` (how many there are) and `levels` in all of them
    (`whole`). `questions` and `jobs` say how many were simulated for each point.
    """

    questions: int
    jobs: int
    regions: tuple[int, ...]
    repeats: tuple[int, ...]
    thresholds: tuple[float, ...]
    results: tuple[int, ...]
    levels: tuple[float, ...]
    points: Mapping[tuple[str, bool, int, int], Mapping[str, Any]]

    def in_one_question(
        self, effect: Effect, *, seeds: bool, regions: float, repeats: float, threshold: float
    ) -> float | None:
        """Return how likely an effect in one question is found, if its p-value must be at most the threshold.

        None where this was not measured.
        """
        if repeats == 1:
            return 0.0

        def measured(near_regions: float, near_repeats: float) -> float | None:
            point = self.points[effect, seeds, int(near_regions), int(near_repeats)]["one"]
            return _between(self.thresholds, threshold, lambda place: point[place], scale=math.log)

        return self._between_designs(regions, repeats, measured)

    def in_whole_job(
        self, effect: Effect, *, seeds: bool, regions: float, repeats: float, results: int, level: float
    ) -> float | None:
        """Return how likely an effect in all of so many results is found by the test of the whole job at a level.

        None where this was not measured. For more results than were measured it is at least that of the most.
        """
        if repeats == 1:
            return 0.0
        known = min(results, max(self.results))

        def measured(near_regions: float, near_repeats: float) -> float | None:
            point = self.points[effect, seeds, int(near_regions), int(near_repeats)]["whole"]

            def by_level(place: int) -> float | None:
                return _between(self.levels, level, lambda at: point[place][at], scale=math.log)

            return _between(self.results, known, by_level, scale=math.log)

        return self._between_designs(regions, repeats, measured)

    def _between_designs(
        self, regions: float, repeats: float, measured: Callable[[float, float], float | None]
    ) -> float | None:
        """Return a share, from percentages that were measured for the next designs."""

        def by_repeats(place: int) -> float | None:
            return _between(self.repeats, repeats, lambda at: measured(self.regions[place], self.repeats[at]))

        found = _between(self.regions, regions, by_repeats)
        return None if found is None else found / 100


def _between(
    points: tuple[float, ...],
    wanted: float,
    value: Callable[[int], float | None],
    *,
    scale: Callable[[float], float] = float,
) -> float | None:
    """Return the value at `wanted` by a straight line between the next points, whose places `value` gets.

    None outside of them, and where one of the two has no value.
    """
    order, ascending = _in_order(points)
    after = bisect_left(ascending, wanted * (1 - 1e-9))
    if after == len(order):
        return None
    if math.isclose(points[order[after]], wanted):
        return value(order[after])
    if after == 0:
        return None
    low, high = order[after - 1], order[after]
    first, second = value(low), value(high)
    if first is None or second is None:
        return None
    share = (scale(wanted) - scale(points[low])) / (scale(points[high]) - scale(points[low]))
    return first + share * (second - first)


@cache
def _in_order(points: tuple[float, ...]) -> tuple[list[int], list[float]]:
    """Return the places of points from the smallest to the largest, and the points in that order."""
    order = sorted(range(len(points)), key=points.__getitem__)
    return order, [points[place] for place in order]


@cache
def measured_curves() -> Curves:
    """Return the curves of the file."""
    found = json.loads(_FILE.read_text(encoding="utf-8"))
    points = {(each["effect"], each["seeds"], each["regions"], each["repeats"]): each for each in found["curves"]}
    return Curves(
        questions=found["questions"],
        jobs=found["jobs"],
        regions=tuple(sorted({regions for _, _, regions, _ in points})),
        repeats=tuple(sorted({repeats for _, _, _, repeats in points})),
        thresholds=tuple(found["thresholds"]),
        results=tuple(found["results"]),
        levels=tuple(found["levels"]),
        points=points,
    )
