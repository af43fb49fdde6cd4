"""Simulated jobs: what became of the cells of every question, model and region, and what `judged` says of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.pool import Pool
from typing import Literal, TypeVar

from beacon_cli.comparison.judging import judged
from beacon_cli.comparison.lexical import lexical
from beacon_cli.comparison.looks import Looks
from beacon_cli.comparison.refusal import RefusalRule, built_in_rule
from beacon_cli.comparison.reply import Reply
from beacon_cli.comparison.semantic import semantic
from beacon_cli.comparison.verdicts import DEFAULT_TERMS, DIFFERENT, Judged, Subject
from beacon_cli.executor.thoughts import answer_text
from benchmarks.calibration.sources import BLOCKED, KINDS, Question, Source

_QUESTIONS, _MODELS = 8, 2
TESTS = _QUESTIONS * _MODELS
"""How many questions and models a job has: so many tests of texts."""

LOOKED_AT = 8
"""How many questions a job has that is looked at several times."""

_REGIONS = ("US", "EU", "ASIA", "BR", "ZA")
_STRAYED = 0.3  # of the answers to one seed, those that another GPU makes another answer
_COPIED = 0.3  # of the answers in "copied" jobs

_MEASURES = {"lexical": lexical, "semantic": semantic}

Dependence = Literal["none", "seeds", "copied", "cached"]
"""`seeds`: a repeat's answers are mostly the same in all regions. `copied`: some repeat the answer before. `cached`: in
the region whose answers may differ, all repeats are one answer."""

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
    measure: Literal["lexical", "semantic"] = "lexical"


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
    found = judged(replies, _MEASURES[design.measure], subjects=TESTS, paired=design.dependence == "seeds")
    there = (_REGIONS[design.regions - 1],)
    return JobOutcome(
        results=tuple(
            Outcome(number < design.planted, _p_value(each), each.verdict in DIFFERENT, each.apart == there)
            for number, each in enumerate(found.results)
        ),
        pooled=found.pooled is not None and found.pooled.different,
        named=found.pooled is not None and found.pooled.apart == there,
    )


@dataclass(frozen=True)
class LookOutcome:
    """What was said at one look at a job: of the whole job, and of any question. `full`: with the whole rate for it."""

    pooled: bool
    pooled_full: bool
    questions: bool
    questions_full: bool


def looked_at(task: tuple[Design, tuple[int, ...], int]) -> list[LookOutcome]:
    """Return what `judged` says of one job, drawn by a seed, at each number of repeats to which it grows."""
    design, grown, seed = task
    chance = random.Random(f"{seed} {design}")
    every = [
        (Subject(f"q{number}", "m"), drawn_replies(design, chance, planted=number < design.planted))
        for number in range(LOOKED_AT)
    ]
    return [_look(design, every, grown[: place + 1]) for place in range(len(grown))]


def _look(design: Design, every: Sequence[tuple[Subject, list[Reply]]], grown: Sequence[int]) -> LookOutcome:
    terms = Looks(tuple({"job": repeats} for repeats in grown)).terms(DEFAULT_TERMS)
    so_far = ((subject, [reply for reply in replies if reply.repeat < grown[-1]]) for subject, replies in every)
    paired = design.dependence == "seeds"
    found = judged(so_far, lexical, subjects=len(every), paired=paired, terms=terms)
    q_values = [each.least_q_value for each in found.results if each.least_q_value is not None]
    return LookOutcome(
        pooled=found.pooled is not None and found.pooled.different,
        pooled_full=found.pooled is not None and found.pooled.p_value <= DEFAULT_TERMS.rate,
        questions=any(each.verdict in DIFFERENT for each in found.results),
        questions_full=min(q_values, default=1.0) <= DEFAULT_TERMS.rate,
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
        texts = _of_region(source, seeds, design.dependence, chance)
        if design.dependence == "cached" and place == design.regions - 1:
            texts = texts[:1] * design.repeats
        for repeat, text in enumerate(texts):
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
    if text == BLOCKED:
        return Reply(region, repeat, "blocked")
    text = answer_text(text)
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
