"""The questions that are put to simulated jobs: false alarms, power, false discoveries, coverage of the interval."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from beacon_cli.comparison.difference import difference
from beacon_cli.comparison.distance import lexical
from beacon_cli.comparison.figures import rate
from benchmarks.calibration.jobs import Design, Outcome, grouped, outcomes, side_by_side
from benchmarks.calibration.sources import KINDS, Question, Source

LEVEL = 0.05
REPEATS = (3, 5, 8)
SIZES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
_POOL = 1_000  # answers of each source, for the simulation that stands for the truth


@dataclass(frozen=True)
class Effort:
    """How much is simulated: jobs for the rates of errors, jobs for the power, questions whose intervals are looked at,
    how many of each, and how many pairs of answers stand for the truth."""

    errors: int
    powered: int
    questions: int
    samples: int
    pairs: int
    seed: int
    processes: int


QUICK = Effort(errors=10, powered=3, questions=1, samples=40, pairs=2_000, seed=1, processes=2)
FULL = Effort(errors=200, powered=60, questions=6, samples=100, pairs=10_000, seed=1, processes=2)

_NULLS: Mapping[str, Mapping[str, Any]] = {
    "prose": {"kind": "replaced"},
    "heavy tails": {"kind": "heavy"},
    "short answers": {"kind": "short"},
    "prose, 15 % of the cells failed": {"kind": "replaced", "lost": 0.15},
    "heavy tails, 30 % of the cells failed": {"kind": "heavy", "lost": 0.3},
    "prose, the same seeds in all regions": {"kind": "replaced", "dependence": "seeds"},
    "prose, two regions": {"kind": "replaced", "regions": 2},
    "prose, 30 % copy the answer before": {"kind": "replaced", "dependence": "copied"},
}
_PLANTED: Mapping[str, Mapping[str, Any]] = {
    "other answers": {"kind": "replaced"},
    "other words": {"kind": "reworded"},
    "other answers, heavy tails": {"kind": "heavy"},
    "other answers, 30 % of the cells failed": {"kind": "replaced", "lost": 0.3},
    "other answers, the same seeds everywhere": {"kind": "replaced", "dependence": "seeds"},
    "more noise": {"kind": "scattered"},
    "other answers, two regions": {"kind": "replaced", "regions": 2},
}


def false_alarms(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield how often something is said to differ where nothing does: for each noise and number of repeats."""
    cases = list(product(_NULLS, REPEATS))
    designs = [Design(repeats=repeats, **_NULLS[name]) for name, repeats in cases]
    for (name, repeats), jobs in zip(cases, _jobs(designs, effort.errors, effort), strict=True):
        p_values = [each.p_value for job in jobs for each in job if each.p_value is not None]
        yield {
            "noise": name,
            "repeats": repeats,
            "tests": rate(sum(p_value <= LEVEL for p_value in p_values), len(p_values)),
            "jobs": rate(sum(any(each.different for each in job) for job in jobs), len(jobs)),
        }


def power(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield how often a planted difference is found: one among tests that have none, and without correction."""
    cases = list(product(_PLANTED, REPEATS, SIZES))
    designs = [Design(repeats=repeats, planted=1, size=size, **_PLANTED[name]) for name, repeats, size in cases]
    for (name, repeats, size), jobs in zip(cases, _jobs(designs, effort.powered, effort), strict=True):
        lone = [job[0] for job in jobs]
        yield {
            "planted": name,
            "repeats": repeats,
            "size": size,
            "found": rate(sum(each.different for each in lone), len(lone)),
            "uncorrected": rate(sum(each.p_value is not None and each.p_value <= LEVEL for each in lone), len(lone)),
        }


def false_discoveries(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield which share of the tests that are said to differ do not, where 4 or 12 of 16 do."""
    cases = list(product((4, 12), (0.5, 1.0), REPEATS))
    designs = [Design("replaced", repeats, planted=planted, size=size) for planted, size, repeats in cases]
    for (planted, size, repeats), jobs in zip(cases, _jobs(designs, effort.errors, effort), strict=True):
        shares = [_false_share(job) for job in jobs]
        yield {
            "planted": planted,
            "size": size,
            "repeats": repeats,
            "false": statistics.mean(shares),
            "error": statistics.stdev(shares) / math.sqrt(len(shares)),
            "found": rate(sum(each.different for job in jobs for each in job[:planted]), planted * len(jobs)),
        }


def coverage(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield how often the interval of 95 % holds the true effect."""
    kinds = ("replaced", "reworded", "heavy", "scattered", "short")
    cases = [(kind, size) for kind in kinds for size in (0.0, 0.25, 0.5, 0.75, 1.0)]
    tasks = [(kind, size, effort, number) for kind, size in cases for number in range(effort.questions)]
    found = list(side_by_side(_coverage, tasks, effort.processes))
    for (kind, size), (place, repeats) in product(cases, enumerate(REPEATS)):
        mine = [each[place] for task, each in zip(tasks, found, strict=True) if task[:2] == (kind, size)]
        intervals = [interval for each in mine for interval in each]
        yield {
            "kind": kind,
            "size": size,
            "repeats": repeats,
            "covered": rate(sum(low <= truth <= high for truth, low, high in intervals), len(intervals)),
            "truth": sum(truth for truth, _, _ in intervals) / len(intervals) if intervals else None,
            "width": sum(high - low for _, low, high in intervals) / len(intervals) if intervals else None,
        }


def _jobs(designs: Sequence[Design], count: int, effort: Effort) -> Iterator[list[list[Outcome]]]:
    """Yield so many jobs of each design."""
    tasks = [(design, effort.seed * 1_000_000 + number) for design in designs for number in range(count)]
    found = side_by_side(outcomes, tasks, effort.processes)
    for _ in designs:
        yield list(itertools.islice(found, count))


def _false_share(job: Sequence[Outcome]) -> float:
    different = [each for each in job if each.different]
    return sum(not each.planted for each in different) / max(1, len(different))


Interval = tuple[float, float, float]
"""The true effect, and the ends of the interval."""


def _coverage(task: tuple[str, float, Effort, int]) -> list[list[Interval]]:
    """Return the intervals of one question for each number of repeats."""
    kind, size, effort, number = task
    chance = random.Random(f"coverage {effort.seed} {kind} {size} {number}")
    question = KINDS[kind](chance)
    truth = _true_effect(question, size, effort.pairs, chance)
    return [
        [interval for _ in range(effort.samples) if (interval := _interval(question, repeats, size, truth, chance))]
        for repeats in REPEATS
    ]


def _interval(question: Question, repeats: int, size: float, truth: float, chance: random.Random) -> Interval | None:
    found = difference(grouped(question, [repeats] * 3, size, chance), lexical, exchanges=1)
    return None if found.low is None or found.high is None else (truth, found.low, found.high)


def _true_effect(question: Question, size: float, pairs: int, chance: random.Random) -> float:
    """Return the effect where two regions answer as usual and one does not, as the mean over very many answers."""
    if not size:
        return 0.0
    planted = question.planted(size)
    within, other = (_apart(source, source, pairs, chance) for source in (question.usual, planted))
    return (2 * _apart(question.usual, planted, pairs, chance) - within - other) / 3


def _apart(one: Source, other: Source, pairs: int, chance: random.Random) -> float:
    """Return the mean distance between answers of two sources."""
    first = [one.answer(chance) for _ in range(_POOL)]
    second = [other.answer(chance) for _ in range(_POOL)]
    return sum(float(lexical([chance.choice(first), chance.choice(second)])[0, 1]) for _ in range(pairs)) / pairs
