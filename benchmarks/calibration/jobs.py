"""Simulated jobs: the answers of every question, model and region, and what `judged` says of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import Pool
from typing import Literal, TypeVar

from beacon_cli.comparison.distance import lexical
from beacon_cli.comparison.judging import judged
from beacon_cli.comparison.verdicts import Judged, Subject
from benchmarks.calibration.sources import KINDS, Question, Source

_QUESTIONS, _MODELS = 8, 2
TESTS = _QUESTIONS * _MODELS
"""How many tests a job has."""

_REGIONS = ("US", "EU", "ASIA")
_STRAYED = 0.3  # of the answers to one seed, those that another GPU makes another answer
_COPIED = 0.3  # of the answers in "copied" jobs

Dependence = Literal["none", "seeds", "copied"]
"""`seeds`: a repeat's answers are mostly the same in all regions. `copied`: some repeat the answer before."""

Result = TypeVar("Result")
Task = TypeVar("Task")


@dataclass(frozen=True)
class Design:
    """What a simulated job is like. `planted` tests have one region whose answers differ by `size`."""

    kind: str
    repeats: int
    planted: int = 0
    size: float = 0.0
    lost: float = 0.0
    dependence: Dependence = "none"
    regions: int = 3


@dataclass(frozen=True)
class Outcome:
    """What was said of one test. `p_value` is None where it was untestable."""

    planted: bool
    p_value: float | None
    different: bool


def outcomes(task: tuple[Design, int]) -> list[Outcome]:
    """Return what `judged` says of each test of one job, drawn by a seed; those with something planted come first."""
    design, seed = task
    chance = random.Random(f"{seed} {design}")
    subjects = [(Subject(f"q{number % _QUESTIONS}", f"m{number // _QUESTIONS}")) for number in range(TESTS)]
    answers = ((subject, _answers(design, number, chance)) for number, subject in enumerate(subjects))
    return [
        Outcome(number < design.planted, _p_value(verdict), verdict.verdict == "different")
        for number, verdict in enumerate(judged(answers, lexical, subjects=TESTS))
    ]


def grouped(question: Question, repeats: Sequence[int], size: float, chance: random.Random) -> dict[str, list[str]]:
    """Return answers by region, of which the last one differs by `size`."""
    sources = _sources(question, len(repeats), size)
    return {
        _REGIONS[number]: [source.answer(chance) for _ in range(count)]
        for number, (source, count) in enumerate(zip(sources, repeats, strict=True))
    }


def side_by_side(work: Callable[[Task], Result], tasks: Sequence[Task], processes: int) -> Iterator[Result]:
    """Yield the result of each task, in order."""
    if processes == 1:
        yield from map(work, tasks)
        return
    with Pool(processes) as pool:
        yield from pool.imap(work, tasks, chunksize=4)


def _p_value(verdict: Judged) -> float | None:
    return verdict.difference.p_value if verdict.difference and verdict.q_value is not None else None


def _answers(design: Design, number: int, chance: random.Random) -> dict[str, list[str]]:
    question = KINDS[design.kind](chance)
    planted = number < design.planted
    sources = _sources(question, design.regions, design.size if planted else 0.0)
    seeds = [chance.random() for _ in range(design.repeats)]
    groups = {
        region: _of_region(source, seeds, design.dependence, chance)
        for region, source in zip(_REGIONS, sources, strict=False)
    }
    return {region: [text for text in texts if chance.random() >= design.lost] for region, texts in groups.items()}


def _sources(question: Question, regions: int, size: float) -> list[Source]:
    return [question.usual] * (regions - 1) + [question.planted(size) if size else question.usual]


def _of_region(source: Source, seeds: Sequence[float], dependence: Dependence, chance: random.Random) -> list[str]:
    texts: list[str] = []
    for seed in seeds:
        if dependence == "copied" and texts and chance.random() < _COPIED:
            texts.append(texts[-1])
        elif dependence == "seeds" and chance.random() >= _STRAYED:
            texts.append(source.answer(random.Random(seed)))
        else:
            texts.append(source.answer(chance))
    return texts
