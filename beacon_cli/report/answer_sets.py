"""The answers that the page shows: all if they fit, else those of the most important subjects."""

from __future__ import annotations

import itertools
import pickle
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from beacon_cli.comparison.verdicts import Judged, Subject, Verdict
from beacon_cli.console.printable import printable
from beacon_cli.records.stored_answer import StoredExecution

Key = tuple[str, str]
"""A question's id, and the name of what it was tested inside: a model, or a region if models are compared."""

BUDGET = 1_500_000
"""Maximum number of characters of answers in a page."""

_MOST_CHARACTERS = 5_000  # of one answer: an endpoint may send megabytes
_THOUGHT_CHARACTERS = 1_000
_PROMPT_CHARACTERS = 2_000
_MOST_REPEATS = 40  # of one group
_FRAME = 1_500  # characters of markup around the answers to a question
_FACTS = 300  # and around each of them
_IMPORTANCE: dict[Verdict, int] = {
    "no_text": 0,
    "different": 0,
    "deterministic_different": 1,
    "untestable": 2,
    "not_shown": 3,
    "equivalent": 4,
    "deterministic_equal": 4,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One execution as the page shows it. `cut` is the number of characters left out of `text`.

    `thought` is what the model thought before its answer, in its first characters; `cut_off` says that the answer ended
    at the maximum length.
    """

    group: str
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
    """The answers of one subject.

    `repeats_left_out` counts executions that are not shown; `size` is the space in a page, in characters.
    """

    key: Key
    prompt: str
    answers: tuple[Answer, ...]
    repeats_left_out: int
    size: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The answers that the page shows, and how many executions it leaves out."""

    kept: Mapping[Key, AnswerSet]
    left_out: int

    @property
    def shown(self) -> int:
        """The number of shown executions."""
        return sum(len(found.answers) for found in self.kept.values())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the answers of a subject lie in the file, and what must be known of them before they are read."""

    key: Key
    offset: int
    size: int
    answers: int
    repeats_left_out: int


class AnswerFile:
    """Keeps the answers of all subjects in a temporary file until the verdicts say which of them the page shows.

    So the executions are read once, and memory does not grow with their number. Raises `OSError` if the disk is full.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._places: list[_Place] = []

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, found: AnswerSet) -> None:
        """Keep the answers of one subject."""
        place = _Place(found.key, self._file.tell(), found.size, len(found.answers), found.repeats_left_out)
        pickle.dump(found, self._file)
        self._places.append(place)

    def select(self, ranks: Mapping[Key, int], budget: int) -> Selection:
        """Return the answers of the best ranks that fit into the budget.

        Everything before some rank is shown: nothing less important takes the place of something that was left out.
        """
        ranked = sorted((place for place in self._places if place.key in ranks), key=lambda place: ranks[place.key])
        sizes = itertools.accumulate(place.size for place in ranked)
        chosen = [place for place, size in zip(ranked, sizes, strict=True) if size <= budget]
        executions = sum(place.answers + place.repeats_left_out for place in self._places)
        kept = {place.key: self._read(place) for place in chosen}
        return Selection(kept, executions - sum(place.answers for place in chosen))

    def _read(self, place: _Place) -> AnswerSet:
        self._file.seek(place.offset)
        found: AnswerSet = pickle.load(self._file)  # our own, of a file that nobody else can open
        return found


def ranks(results: Sequence[Judged]) -> dict[Key, int]:
    """Return the rank of each subject, 0 first: largest differences, then what could not be tested, then the rest."""
    ordered = sorted(results, key=lambda result: (_IMPORTANCE[result.verdict], -result.effect))
    return {key_of(result.subject): rank for rank, result in enumerate(ordered)}


def key_of(subject: Subject) -> Key:
    """Return the key of a subject's answers."""
    return subject.question_id, subject.inside


@dataclass(slots=True)
class Gathering:
    """Gathers what the page shows of one subject, execution by execution; only a limited number is kept."""

    key: Key
    _prompt: str = ""
    _answers: list[Answer] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, execution: StoredExecution, group: str) -> None:
        """Add an execution of a group."""
        self._prompt = self._prompt or (execution.prompt or "")[:_PROMPT_CHARACTERS]
        self._counts[group] += 1
        if self._counts[group] <= _MOST_REPEATS:
            self._answers.append(_answer(execution, group))

    def gathered(self) -> AnswerSet:
        """Return what was gathered."""
        lengths = (_length_in_page(answer.text + answer.error + answer.thought) for answer in self._answers)
        return AnswerSet(
            key=self.key,
            prompt=self._prompt,
            answers=tuple(self._answers),
            repeats_left_out=self._counts.total() - len(self._answers),
            size=_FRAME + sum(length + _FACTS for length in lengths),
        )


def _answer(execution: StoredExecution, group: str) -> Answer:
    text, thought = execution.text, execution.thinking or ""
    return Answer(
        group=group,
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


def _length_in_page(text: str) -> int:
    """Return how long a text is in HTML, as UTF-8, control characters shown as escapes."""
    line = text.replace("\n", "")
    shown = text if line.isascii() and line.isprintable() else printable(text)
    return len(shown.encode()) + 4 * sum(map(text.count, "&<>\"'"))
