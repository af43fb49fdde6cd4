"""At which look at the answers of a growing job this is, and how much of the rate of false discoveries it may spend.

Whoever adds repeats and tests again has a further chance of a false alarm. So each look spends only a part of the rate:
with n repeats, all looks so far have spent 1 - 1/n of it, however many there were. See docs/explanation/method.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from beacon_cli.comparison.verdicts import Terms
from beacon_cli.design.shapes import MOST_ANSWERS
from beacon_cli.design.spending import spent
from beacon_cli.records.stages import Stage

Look = Mapping[str, int]
"""How many repeats each job had, by its id, as far as they are tested."""


def _spent(look: Look) -> Fraction:
    """Return the share of the rate that all looks together may have spent at this one; the mean, if of several jobs."""
    return sum(map(spent, look.values()), Fraction(0)) / len(look)


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks that were possible so far; the last one is this one. There is none while each job has one repeat: then
    nothing can be tested."""

    looks: tuple[Look, ...]

    def levels(self, rate: float) -> list[float]:
        """Return the rate of false discoveries at each look: all together stay below `rate`."""
        shares = [Fraction(0), *map(_spent, self.looks)]
        return [rate * float(share - before) for before, share in itertools.pairwise(shares)]

    def terms(self, terms: Terms) -> Terms:
        """Return the terms of this look."""
        return replace(terms, rate=(self.levels(terms.rate) or [terms.rate])[-1])

    def told(self, rate: float) -> str:
        """Return at which look this is, and up to which value results count at it, for people; empty without a look."""
        if not self.looks:
            return ""
        *before, level = self.levels(rate)
        counts = f"results count up to p or q {level:.2g}"
        if not before:
            return f"first look, at {_told(self.looks[0])}: {counts}; the rest of {rate:g} is kept for repeats to come"
        grown = ", then ".join(map(_told, self.looks))
        return f"look {len(self.looks)} ({grown}): {counts}; of {rate:g}, {sum(before):.2g} went to the looks before"

    def as_data(self, rate: float) -> dict[str, Any]:
        """Return the keys `look`, `level` and `looks` of `compare --json`."""
        levels = self.levels(rate)
        return {
            "look": len(self.looks),
            "level": levels[-1] if levels else rate,
            "looks": [{"repeats": dict(look), "level": level} for look, level in zip(self.looks, levels, strict=True)],
        }


def looks_at(stages: Mapping[str, Sequence[Stage]]) -> Looks:
    """Return the looks at one job, or at several compared with each other, given their stages by job id.

    Each growth of a job, once all of them have answers, makes a further look possible; beyond `MOST_ANSWERS` repeats,
    nothing more is tested.
    """
    grown = sorted((stage.began, stage.repeats, job_id) for job_id, each in stages.items() for stage in each)
    repeats: dict[str, int] = {}
    looks: list[Look] = []
    for _, number, job_id in grown:
        repeats[job_id] = min(max(number, repeats.get(job_id, 0)), MOST_ANSWERS)
        if len(repeats) == len(stages) and max(repeats.values()) > 1 and (not looks or looks[-1] != repeats):
            looks.append({job_id: repeats[job_id] for job_id in stages})
    return Looks(tuple(looks))


def _told(look: Look) -> str:
    *first, last = map(str, look.values())
    return f"{' and '.join((*first, last))} {'repeat' if last == '1' and not first else 'repeats'}"
