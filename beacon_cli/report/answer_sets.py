"""The answers that the page shows: all if they fit, else those of the most important subjects."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from beacon_cli.comparison.verdicts import Judged
from beacon_cli.console.printable import printable
from beacon_cli.records.stored_answer import StoredExecution

Key = tuple[str, str]
"""A question's id and a model's."""

BUDGET = 1_500_000
"""Maximum number of characters of answers in a page."""

_MOST_CHARACTERS = 5_000  # of one answer: an endpoint may send megabytes
_THOUGHT_CHARACTERS = 1_000
_PROMPT_CHARACTERS = 2_000
_MOST_REPEATS = 40  # of one region
_FRAME = 1_500  # characters of markup around the answers to a question
_FACTS = 300  # and around each of them
_IMPORTANCE = {"different": 0, "untestable": 1, "indistinguishable": 2}


@dataclass(frozen=True, slots=True)
class Answer:
    """One execution as the page shows it. `cut` is the number of characters left out of `text`.

    `thought` is what the model thought before its answer, in its first characters; `cut_off` says that the answer ended
    at the maximum length.
    """

    region: str
    repeat: int
    status: str
    text: str
    cut: int
    seconds: float | None
    hops: int
    attempts: int
    error: str
    thought: str
    cut_off: bool


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """The answers of one question and model.

    `repeats_left_out` counts executions that are not shown; `size` is the space in a page, in characters.
    """

    key: Key
    prompt: str
    answers: tuple[Answer, ...]
    repeats_left_out: int
    size: int


class Selection:
    """Takes the answers of one subject after another, and keeps those of the best ranks that fit into the budget.

    It always keeps everything before some rank: nothing less important is shown in place of something that was left
    out.
    """

    def __init__(self, ranks: Mapping[Key, int], budget: int = BUDGET) -> None:
        self.left_out = 0
        self._ranks = ranks
        self._budget = budget
        self._size = 0
        self._limit = len(ranks)
        self._kept: list[tuple[int, int, AnswerSet]] = []  # the least important one comes first

    def add(self, found: AnswerSet) -> None:
        """Add a subject's answers, and drop the least important ones if they do not fit."""
        self.left_out += found.repeats_left_out
        rank = self._ranks.get(found.key, self._limit)  # answers added after the verdicts have no rank
        if rank >= self._limit:
            self.left_out += len(found.answers)
            return
        heapq.heappush(self._kept, (-rank, -len(self._kept), found))
        self._size += found.size
        while self._size > self._budget:
            dropped_rank, _, dropped = heapq.heappop(self._kept)
            self._limit = -dropped_rank
            self._size -= dropped.size
            self.left_out += len(dropped.answers)

    @property
    def kept(self) -> dict[Key, AnswerSet]:
        """The answers that are shown."""
        return {found.key: found for _, _, found in self._kept}

    @property
    def shown(self) -> int:
        """The number of shown executions."""
        return sum(len(found.answers) for _, _, found in self._kept)


def ranks(results: Sequence[Judged]) -> dict[Key, int]:
    """Return the rank of each subject, 0 first: largest differences, then what could not be tested, then the rest."""
    ordered = sorted(results, key=lambda result: (_IMPORTANCE[result.verdict], -_effect(result)))
    return {(result.subject.question_id, result.subject.model_id): rank for rank, result in enumerate(ordered)}


def answer_set(key: Key, executions: Iterable[StoredExecution]) -> AnswerSet:
    """Return what the page shows of a subject's executions; only a limited number is kept."""
    left_out: list[int] = []
    prompts: dict[str, None] = {}
    answers = tuple(_answers(executions, left_out, prompts))
    size = _FRAME + sum(_length_in_page(answer.text + answer.error + answer.thought) + _FACTS for answer in answers)
    return AnswerSet(key, next(iter(prompts), ""), answers, len(left_out), size)


def _answers(executions: Iterable[StoredExecution], left_out: list[int], prompts: dict[str, None]) -> Iterator[Answer]:
    counts: dict[str, int] = {}
    for execution in executions:
        counts[execution.region] = counts.get(execution.region, 0) + 1
        if execution.prompt and not prompts:
            prompts[execution.prompt[:_PROMPT_CHARACTERS]] = None
        if counts[execution.region] > _MOST_REPEATS:
            left_out.append(execution.repeat)
        else:
            yield _answer(execution)


def _answer(execution: StoredExecution) -> Answer:
    text, thought = execution.text, execution.thinking or ""
    return Answer(
        region=execution.region,
        repeat=execution.repeat,
        status=execution.status,
        text=text[:_MOST_CHARACTERS],
        cut=max(0, len(text) - _MOST_CHARACTERS),
        seconds=execution.seconds,
        hops=execution.hops or 0,
        attempts=execution.attempts or 0,
        error=": ".join(part for part in (execution.error_code, execution.error_message) if part)[:500],
        thought=thought if len(thought) <= _THOUGHT_CHARACTERS else f"{thought[:_THOUGHT_CHARACTERS]} …",
        cut_off=execution.cut_off,
    )


def _effect(result: Judged) -> float:
    return result.difference.effect if result.difference else 0.0


def _length_in_page(text: str) -> int:
    """Return how long a text is in HTML, as UTF-8, control characters shown as escapes."""
    line = text.replace("\n", "")
    shown = text if line.isascii() and line.isprintable() else printable(text)
    return len(shown.encode()) + 4 * sum(map(text.count, "&<>\"'"))
