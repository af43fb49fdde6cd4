"""What designs of jobs can find: the curves that `beacon plan` reads."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from beacon_cli.comparison.distance import distances
from beacon_cli.comparison.exchange import Tested, exchange_test, inside
from beacon_cli.comparison.layout import Layout, Sample
from beacon_cli.comparison.lexical import lexical
from beacon_cli.comparison.pooled import stratum_scores
from beacon_cli.comparison.reply import Reply
from beacon_cli.comparison.student import skewed_quantile
from beacon_cli.job.analysis import FALSE_DISCOVERY_RATE
from benchmarks.calibration.jobs import Dependence, Design, drawn_replies, side_by_side
from benchmarks.calibration.studies import Effort

EFFECTS = {
    "refusals": ("refused", 0.3),
    "half_length": ("halved", 1.0),
    "sentence": ("resaid", 1.0),
    "prefix": ("prefixed", 1.0),
}
"""What one region does otherwise, by the name that `beacon plan` has for it: where its answers come from, and how many
of them."""

REPEATS = (2, 3, 4, 5, 7, 10, 15, 20)
REGIONS = (2, 3, 5)
THRESHOLDS = (0.2, 0.1, 0.05, 0.025, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001, 0.00005, 0.00002)
STRATA = (1, 2, 4, 8, 16, 32, 64)
LEVELS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.002)
_EXCHANGES = 1_999
_PUT_TOGETHER = 400  # jobs, from the questions


class Case(NamedTuple):
    """A design: what one of so many regions does otherwise, in so many repeats, with or without seeds."""

    effect: str
    seeds: bool
    regions: int
    repeats: int


def designs(effort: Effort) -> Iterator[dict[str, Any]]:
    """Yield the power of each design: in one question by the p-value that is needed, in all of so many questions by the
    level of the test of the whole job. Both in percent."""
    cases = [Case(*each) for each in itertools.product(EFFECTS, (False, True), REGIONS, REPEATS)]
    yield from side_by_side(_curve, [(case, effort.strata, effort.seed) for case in cases], effort.processes)


def write_curves(lines: Sequence[dict[str, Any]], effort: Effort, file: Path) -> None:
    """Write what `beacon plan` reads."""
    head = {
        "questions": effort.strata,
        "jobs": _PUT_TOGETHER,
        "seed": effort.seed,
        "thresholds": THRESHOLDS,
        "results": _sizes(effort.strata),
        "levels": LEVELS,
    }
    rows = ",\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
    file.write_text(f'{json.dumps(head, indent=1)[:-2]},\n "curves": [\n{rows}\n]}}\n', encoding="utf-8")


def _curve(task: tuple[Case, int, int]) -> dict[str, Any]:
    case, strata, seed = task
    drawn = [_stratum(case, seed, number) for number in range(strata)]
    scores = np.array([each for _, each in drawn if each is not None])
    return {
        **case._asdict(),
        "one": [round(100 * float(share)) for share in np.mean([found for found, _ in drawn], axis=0)],
        "whole": _whole_jobs(scores, strata, np.random.default_rng((seed, case.repeats, case.regions))),
    }


def _stratum(case: Case, seed: int, number: int) -> tuple[list[bool], np.ndarray | None]:
    """Return whether one question is found at each threshold, and its scores in the test of the whole job."""
    kind, size = EFFECTS[case.effect]
    dependence: Dependence = "seeds" if case.seeds else "none"
    design = Design(kind, case.repeats, planted=1, size=size, dependence=dependence, regions=case.regions)
    replies = drawn_replies(design, random.Random(f"designs {seed} {number} {design}"), planted=True)
    texts, outcomes = [reply.text for reply in replies], [reply.outcome for reply in replies]
    sample = _sample(replies, texts, distances(texts, lexical), seeds=case.seeds)
    samples = [sample]
    if len(set(outcomes)) > 1:
        apart = np.array([[float(one != other) for other in outcomes] for one in outcomes])
        samples.append(_sample(replies, outcomes, apart, seeds=case.seeds))
    tests = [_Found.of(each.laid_out()) for each in samples]
    return [_discovered(tests, threshold) for threshold in THRESHOLDS], stratum_scores(sample, (seed, number))


def _sample(replies: Sequence[Reply], contents: Sequence[str], apart: np.ndarray, *, seeds: bool) -> Sample:
    return Sample([reply.group for reply in replies], [reply.repeat for reply in replies], contents, apart, seeds)


@dataclass(frozen=True)
class _Found:
    """A test, and how far its statistic lies below the mean of the exchanges of each shape, in standard deviations."""

    test: Tested
    below: Sequence[float]

    @classmethod
    def of(cls, layout: Layout) -> _Found:
        test = exchange_test(layout, _EXCHANGES)
        observed = float(inside(layout.distances, layout.labels[None, :], layout.sizes)[0])
        parts = [each.moments for each in test.exchanges]
        return cls(test, [(each.mean - observed) / (each.deviation or math.inf) for each in parts])

    def reaches(self, threshold: float) -> bool:
        """Return whether the p-value is small enough. Beyond the number of exchanges, their skewness tells."""
        if self.test.least_p_value > FALSE_DISCOVERY_RATE:
            return False
        if threshold >= len(self.below) / (_EXCHANGES + 1):
            return self.test.p_value <= threshold
        level = threshold / len(self.below)
        return any(
            (part.unmatched and below >= -skewed_quantile(level, part.moments.skewness)) or part.p_value <= level
            for part, below in zip(self.test.exchanges, self.below, strict=True)
        )


def _discovered(tests: Sequence[_Found], threshold: float) -> bool:
    """Return whether one of the tests is found, by Benjamini and Hochberg: two if each reaches twice the level."""
    return any(test.reaches(threshold) for test in tests) or (
        len(tests) > 1 and all(test.reaches(len(tests) * threshold) for test in tests)
    )


def _sizes(strata: int) -> list[int]:
    """Return how many of so many questions a job is put together from."""
    return [size for size in STRATA if size <= strata]


def _whole_jobs(scores: np.ndarray, strata: int, chance: np.random.Generator) -> list[list[int]]:
    """Return, for each number of questions, how often jobs of so many of them are found at each level."""
    found = []
    for size in _sizes(strata):
        if not len(scores):
            found.append([0] * len(LEVELS))
            continue
        chosen = np.zeros((_PUT_TOGETHER, strata))
        for row in chosen:
            row[chance.choice(strata, size, replace=False)] = 1
        totals = chosen[:, : len(scores)] @ scores
        p_values = np.mean(totals <= totals[:, :1] + 1e-9, axis=1)
        found.append([round(100 * float(np.mean(p_values <= level))) for level in LEVELS])
    return found
