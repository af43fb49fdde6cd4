"""The questions that are put to simulated jobs: false alarms, at one look and at several, power, false discoveries,
coverage of the interval."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

from beacon_cli.comparison.difference import difference
from beacon_cli.comparison.distance import distances
from beacon_cli.comparison.figures import Rate, rate
from beacon_cli.comparison.layout import Sample
from beacon_cli.comparison.lexical import lexical
from benchmarks.calibration.jobs import (
    TESTS,
    Design,
    JobOutcome,
    LookOutcome,
    grouped,
    looked_at,
    outcomes,
    side_by_side,
)
from benchmarks.calibration.sources import KINDS, Question, Source

LEVEL = 0.05
REPEATS = (3, 5, 10, 20)
CURVE_REPEATS = (3, 5, 8)
SIZES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
_FINER = 3  # so many times more jobs are drawn for the points of a curve
_COSTLY = 4  # so many times fewer jobs are drawn where each takes long: with the most repeats, with embeddings
_POOL = 1_000  # answers of each source, for the simulation that stands for the truth


@dataclass(frozen=True)
class Effort:
    """How much is simulated: jobs for the rates of errors, jobs that grow, jobs for the power, questions whose
    intervals are looked at, how many of each, how many pairs of answers stand for the truth, and how many questions
    are judged for a design."""

    errors: int
    growing: int
    powered: int
    questions: int
    samples: int
    pairs: int
    strata: int
    seed: int
    processes: int


QUICK = Effort(errors=10, growing=20, powered=3, questions=1, samples=40, pairs=2_000, strata=50, seed=1, processes=2)
FULL = Effort(
    errors=400, growing=400, powered=20, questions=6, samples=100, pairs=10_000, strata=200, seed=1, processes=2
)

_NULLS: Mapping[str, Mapping[str, Any]] = {
    "prose": {"kind": "replaced"},
    "prose, the same seeds in all regions": {"kind": "replaced", "dependence": "seeds"},
    "six languages": {"kind": "multilingual"},
    "thoughts before the answers": {"kind": "thinking"},
    "all answers cut off": {"kind": "cut_off"},
    "30 % refusals everywhere": {"kind": "reluctant"},
    "heavy tails, 30 % of the cells failed": {"kind": "heavy", "lost": 0.3},
    "short answers": {"kind": "short"},
    "temperature 0, 5 % of the answers flipped": {"kind": "greedy"},
}
_COPIES: Mapping[str, Mapping[str, Any]] = {
    "prose, two regions": {"kind": "replaced", "regions": 2},
    "prose, 30 % copy the answer before": {"kind": "replaced", "dependence": "copied"},
}
_GROWING: Mapping[str, Mapping[str, Any]] = {
    "prose": {"kind": "replaced"},
    "heavy tails": {"kind": "heavy"},
    "short answers": {"kind": "short"},
    "prose, the same seeds in all regions": {"kind": "replaced", "dependence": "seeds"},
}
_BOTH: Mapping[str, Mapping[str, Any]] = {
    "a prefix on every answer": {"kind": "prefixed", "size": 1.0},
    "one sentence replaced in every answer": {"kind": "resaid", "size": 1.0},
    "one sentence replaced, in Thai": {"kind": "thai", "size": 1.0},
    "half the length": {"kind": "halved", "size": 1.0},
    "a sentence denied": {"kind": "negated", "size": 1.0},
    "another number": {"kind": "renumbered", "size": 1.0},
    "another language": {"kind": "translated", "size": 1.0},
    "other words of nearly the same meaning": {"kind": "reworded", "size": 1.0},
    "10 % refusals": {"kind": "refused", "size": 0.1},
    "30 % refusals": {"kind": "refused", "size": 0.3},
    "60 % refusals": {"kind": "refused", "size": 0.6},
}
_STATEMENT_EFFECTS: Mapping[str, Mapping[str, Any]] = {
    "every statement paraphrased": {"kind": "paraphrased", "size": 1.0},
    "every statement paraphrased, in German": {"kind": "paraphrased_in_german", "size": 1.0},
    "one statement contradicted": {"kind": "contradicted", "size": 1.0},
    "one statement left out": {"kind": "withheld", "size": 1.0},
}
_IN_WORDS = ("one sentence replaced in every answer", "a sentence denied", "another number", "another language")
_EFFECTS: Mapping[str, Mapping[str, Any]] = {
    **_BOTH,
    **{f"{name}; the same seeds everywhere": {**design, "dependence": "seeds"} for name, design in _BOTH.items()},
    **_STATEMENT_EFFECTS,
    **{f"{name}; measure semantic": {**design, "measure": "semantic"} for name, design in _STATEMENT_EFFECTS.items()},
    **{f"{name}; measure semantic": {**_BOTH[name], "measure": "semantic"} for name in _IN_WORDS},
    "refusals only": {"kind": "refused", "size": 1.0},
    "60 % empty answers": {"kind": "silent", "size": 0.6},
    "empty answers only": {"kind": "silent", "size": 1.0},
    "blocked only": {"kind": "blocked", "size": 1.0},
    "half of the cells failed": {"kind": "replaced", "lost_there": 0.5},
    "one answer for all repeats (a cache)": {"kind": "replaced", "dependence": "cached"},
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
    counts = [effort.errors // (_COSTLY if repeats == max(REPEATS) else 1) for repeats in REPEATS]
    yield from _false_alarms(_NULLS, dict(zip(REPEATS, counts, strict=True)), effort)


def copies(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield the same of two regions, and of answers that copy each other, which no test can bear."""
    yield from _false_alarms(_COPIES, dict.fromkeys(CURVE_REPEATS, effort.errors // 2), effort)


def _false_alarms(
    nulls: Mapping[str, Mapping[str, Any]], jobs_of: Mapping[int, int], effort: Effort
) -> Iterator[dict[str, Any]]:
    """Yield the false alarms for each noise and number of repeats, of which there are so many jobs."""
    cases = list(product(nulls, jobs_of))
    designs = [Design(repeats=repeats, **nulls[name]) for name, repeats in cases]
    counts = [jobs_of[repeats] for _, repeats in cases]
    for (name, repeats), jobs in zip(cases, _jobs(designs, counts, effort), strict=True):
        p_values = [each.p_value for job in jobs for each in job.results if each.p_value is not None]
        yield {
            "noise": name,
            "repeats": repeats,
            "tests": rate(sum(p_value <= LEVEL for p_value in p_values), len(p_values)),
            "jobs": rate(sum(any(each.different for each in job.results) for job in jobs), len(jobs)),
            "pooled": rate(sum(job.pooled for job in jobs), len(jobs)),
        }


def looks(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield how often something was said to differ at one of the first looks, where nothing does: each look after more
    repeats, and none after something was said to differ."""
    jobs = [effort.seed * 1_000_000 + number for number in range(effort.growing)]
    tasks = [(Design(repeats=REPEATS[-1], **given), REPEATS, seed) for given in _GROWING.values() for seed in jobs]
    found = side_by_side(looked_at, tasks, effort.processes)
    for name in _GROWING:
        mine = list(itertools.islice(found, len(jobs)))
        for number in range(1, len(REPEATS) + 1):
            yield {
                "noise": name,
                "looks": ", ".join(map(str, REPEATS[:number])),
                **{said.name: _ever(said.name, [job[:number] for job in mine]) for said in fields(LookOutcome)},
            }


def power(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield how often a planted difference is found: one among tests that have none, and without correction."""
    cases = list(product(_PLANTED, CURVE_REPEATS, SIZES))
    designs = [Design(repeats=repeats, planted=1, size=size, **_PLANTED[name]) for name, repeats, size in cases]
    for (name, repeats, size), jobs in zip(
        cases, _jobs(designs, [effort.powered * _FINER] * len(designs), effort), strict=True
    ):
        lone = [job.results[0] for job in jobs]
        yield {
            "planted": name,
            "repeats": repeats,
            "size": size,
            "found": rate(sum(each.different for each in lone), len(lone)),
            "uncorrected": rate(sum(each.p_value is not None and each.p_value <= LEVEL for each in lone), len(lone)),
        }


def effects(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield how often an effect is found: in one question among others, and, if it is in all of them, over the whole
    job; and how often the right region is named."""
    cases = list(product(_EFFECTS, REPEATS))
    counts = [effort.powered // (_COSTLY if "measure" in _EFFECTS[name] else 1) for name, _ in cases]
    lone = _jobs([Design(repeats=n, planted=1, **_EFFECTS[name]) for name, n in cases], counts, effort)
    every = _jobs([Design(repeats=n, planted=TESTS, **_EFFECTS[name]) for name, n in cases], counts, effort)
    for (name, repeats), ones, all_of_them in zip(cases, lone, every, strict=True):
        yield {
            "effect": name,
            "repeats": repeats,
            "one": rate(sum(job.results[0].different for job in ones), len(ones)),
            "one_named": rate(sum(job.results[0].named for job in ones), len(ones)),
            "each": rate(sum(each.different for job in all_of_them for each in job.results), TESTS * len(all_of_them)),
            "pooled": rate(sum(job.pooled for job in all_of_them), len(all_of_them)),
            "pooled_named": rate(sum(job.named for job in all_of_them), len(all_of_them)),
        }


def false_discoveries(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield which share of the tests that are said to differ do not, where 4 or 12 of 16 do."""
    cases = list(product((4, 12), (0.5, 1.0), CURVE_REPEATS))
    designs = [Design("replaced", repeats, planted=planted, size=size) for planted, size, repeats in cases]
    for (planted, size, repeats), jobs in zip(
        cases, _jobs(designs, [effort.errors // 2] * len(designs), effort), strict=True
    ):
        shares = [_false_share(job) for job in jobs]
        yield {
            "planted": planted,
            "size": size,
            "repeats": repeats,
            "false": statistics.mean(shares),
            "error": statistics.stdev(shares) / math.sqrt(len(shares)),
            "found": rate(sum(each.different for job in jobs for each in job.results[:planted]), planted * len(jobs)),
        }


def coverage(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield how often the interval of 95 % holds the true effect."""
    kinds = ("replaced", "reworded", "heavy", "scattered", "short")
    cases = [(kind, size) for kind in kinds for size in (0.0, 0.25, 0.5, 0.75, 1.0)]
    tasks = [(kind, size, effort, number) for kind, size in cases for number in range(effort.questions)]
    found = list(side_by_side(_coverage, tasks, effort.processes))
    for (kind, size), (place, repeats) in product(cases, enumerate(CURVE_REPEATS)):
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


def _jobs(designs: Sequence[Design], counts: Sequence[int], effort: Effort) -> Iterator[list[JobOutcome]]:
    """Yield so many jobs of each design."""
    wanted = list(zip(designs, counts, strict=True))
    tasks = [(design, effort.seed * 1_000_000 + number) for design, count in wanted for number in range(count)]
    found = side_by_side(outcomes, tasks, effort.processes)
    for _, count in wanted:
        yield list(itertools.islice(found, count))


def _ever(said: str, jobs: Sequence[Sequence[LookOutcome]]) -> Rate:
    """Return in how many jobs it was said at one of the looks at least."""
    return rate(sum(any(getattr(look, said) for look in looks) for looks in jobs), len(jobs))


def _false_share(job: JobOutcome) -> float:
    different = [each for each in job.results if each.different]
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
        for repeats in CURVE_REPEATS
    ]


def _interval(question: Question, repeats: int, size: float, truth: float, chance: random.Random) -> Interval | None:
    answers = grouped(question, [repeats] * 3, size, chance)
    texts = [text for mine in answers.values() for text in mine]
    groups = [region for region in answers for _ in range(repeats)]
    sample = Sample(groups, [0] * len(groups), texts, distances(texts, lexical), paired=False)
    found = difference(sample.laid_out(), exchanges=1)
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
    matrix = lexical([*first, *second])[:_POOL, _POOL:]
    return float(sum(matrix[chance.randrange(_POOL), chance.randrange(_POOL)] for _ in range(pairs)) / pairs)
