"""Simulated jobs: what became of the cells of every question, model and region, and what `judged` says of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.pool import Pool
from typing import Literal, TypeVar

from beacon_cli.comparison.distance import lexical
from beacon_cli.comparison.judging import judged
from beacon_cli.comparison.refusal import RefusalRule, built_in_rule
from beacon_cli.comparison.reply import Reply
from beacon_cli.comparison.verdicts import DIFFERENT, Judged, Subject
from benchmarks.calibration.sources import KINDS, Question, Source

_QUESTIONS, _MODELS = 8, 2
TESTS = _QUESTIONS * _MODELS
"""How many questions and models a job has: so many tests of texts."""

_REGIONS = ("US", "EU", "ASIA", "BR", "ZA")
_STRAYED = 0.3  # of the answers to one seed, those that another GPU makes another answer
_COPIED = 0.3  # of the answers in "copied" jobs

Dependence = Literal["none", "seeds", "copied"]
"""`seeds`: a repeat's answers are mostly the same in all regions. `copied`: some repeat the answer before."""

Result = TypeVar("Result")
Task = TypeVar("Task")


@dataclass(frozen=True)
class Design:
    """What a simulated job is like. `planted` questions have one region whose answers differ by `size`.

    `lost` is the share of cells that fail, and `lost_there` that in the region whose answers may differ.
    """

    kind: str
    repeats: int
    planted: int = 0
    size: float = 0.0
    lost: float = 0.0
    lost_there: float = 0.0
    dependence: Dependence = "none"
    regions: int = 3


@dataclass(frozen=True)
class Outcome:
    """What was said of one question. `p_value` is that of its texts, None if they were untestable; `named` if the
    region where something was planted, and no other, was said to stand apart."""

    planted: bool
    p_value: float | None
    different: bool
    named: bool


@dataclass(frozen=True)
class JobOutcome:
    """What was said of a job: of each question, those with something planted first, and of the whole job."""

    results: tuple[Outcome, ...]
    pooled: bool
    named: bool


def outcomes(task: tuple[Design, int]) -> JobOutcome:
    """Return what `judged` says of one job, drawn by a seed."""
    design, seed = task
    chance = random.Random(f"{seed} {design}")
    subjects = [(Subject(f"q{number % _QUESTIONS}", f"m{number // _QUESTIONS}")) for number in range(TESTS)]
    replies = (
        (subject, drawn_replies(design, chance, planted=number < design.planted))
        for number, subject in enumerate(subjects)
    )
    found = judged(replies, lexical, subjects=TESTS, paired=design.dependence == "seeds")
    there = (_REGIONS[design.regions - 1],)
    return JobOutcome(
        results=tuple(
            Outcome(number < design.planted, _p_value(each), each.verdict in DIFFERENT, each.apart == there)
            for number, each in enumerate(found.results)
        ),
        pooled=found.pooled is not None and found.pooled.different,
        named=found.pooled is not None and found.pooled.apart == there,
    )


def grouped(question: Question, repeats: Sequence[int], size: float, chance: random.Random) -> dict[str, list[str]]:
    """Return answers by region, of which the last one differs by `size`."""
    sources = _sources(question, len(repeats), size)
    return {
        _REGIONS[number]: [source.answer(chance) for _ in range(count)]
        for number, (source, count) in enumerate(zip(sources, repeats, strict=True))
    }


def drawn_replies(design: Design, chance: random.Random, *, planted: bool) -> list[Reply]:
    """Return the replies to one question, of which the last region differs if something is planted."""
    question = KINDS[design.kind](chance)
    sources = _sources(question, design.regions, design.size if planted else 0.0)
    seeds = [chance.random() for _ in range(design.repeats)]
    replies = []
    for place, (region, source) in enumerate(zip(_REGIONS, sources, strict=False)):
        lost = design.lost_there if place == design.regions - 1 and design.lost_there else design.lost
        for repeat, text in enumerate(_of_region(source, seeds, design.dependence, chance)):
            replies.append(Reply(region, repeat, "failed") if chance.random() < lost else _reply(region, repeat, text))
    return replies


def side_by_side(work: Callable[[Task], Result], tasks: Sequence[Task], processes: int) -> Iterator[Result]:
    """Yield the result of each task, in order."""
    if processes == 1:
        yield from map(work, tasks)
        return
    with Pool(processes) as pool:
        yield from pool.imap(work, tasks, chunksize=4)


def _p_value(verdict: Judged) -> float | None:
    test = verdict.difference.test if verdict.difference and verdict.q_value is not None else None
    return test.p_value if test else None


def _reply(region: str, repeat: int, text: str) -> Reply:
    if not text:
        return Reply(region, repeat, "empty")
    return Reply(region, repeat, "refused" if _rule().hit(text) else "answered", text)


@cache
def _rule() -> RefusalRule:
    return built_in_rule()


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
