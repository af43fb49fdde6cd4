"""What a test takes for granted, checked: separate answers, asked at one time, cut off and lost alike everywhere."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from beacon_cli.comparison.pile import Pile, Share
from beacon_cli.comparison.verdicts import Subject
from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.executor.execution import ANSWERED
from beacon_cli.records.cut_off import cut_off_answers
from beacon_cli.records.stored_answer import StoredExecution

ASSUMPTIONS = ("cache", "control", "cut_off", "repeats", "time")
"""The names of what is checked, as `--accept` takes them."""

FAR_APART = 3600
"""The seconds between the median starts of two regions from which a question counts as asked at different times."""

LONG = 80
"""The characters from which two answers that are the same byte for byte are unlikely to be written twice."""

UNEQUAL = 0.1
"""The difference between two shares of cut-off answers that counts as unequal even if it may be chance."""

LEVEL = 0.05
"""The p-value up to which cut-off answers or failures are said to pile up in a region."""

_SHOWN = 3


@dataclass(slots=True)
class Assumptions:
    """Collects, question by question, what speaks against the assumptions.

    If repeats are `varied`, by seeds and a temperature above 0, equal ones are suspicious. The time counts if groups
    were meant to be asked at the `same_time`.
    """

    varied: bool
    same_time: bool
    _copies: dict[str, int] = field(default_factory=dict)
    _long: dict[str, int] = field(default_factory=dict)
    _far: list[str] = field(default_factory=list)
    _cut_off: dict[str, Share] = field(default_factory=dict)
    _cut_pile: Pile = field(default_factory=Pile)
    _failed: dict[str, Share] = field(default_factory=dict)
    _failed_pile: Pile = field(default_factory=Pile)

    def add(self, subject: Subject, groups: Mapping[str, Sequence[StoredExecution]]) -> None:
        """Record the executions of one question and model, by group."""
        if self.varied:
            for name, executions in groups.items():
                self._count_copies(name, executions)
        if self.same_time:
            self._compare_times(subject, groups)
        cut_off = {name: _cut_off(executions) for name, executions in groups.items()}
        failed = {name: _failed(executions) for name, executions in groups.items()}
        for pile, totals, shares in (
            (self._cut_pile, self._cut_off, cut_off),
            (self._failed_pile, self._failed, failed),
        ):
            pile.add(shares)
            for name, (count, of) in shares.items():
                before = totals.get(name, (0, 0))
                totals[name] = (before[0] + count, before[1] + of)

    def broken(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each assumption that does not hold, with what was found."""
        if self._copies:
            copies = (f"{excerpt(name, 30)} {count} of {self._long[name]}" for name, count in self._copies.items())
            yield (
                "cache",
                (
                    f"long answers that repeat an earlier one of their region byte for byte ({', '.join(copies)}):"
                    " a cache, an ignored seed, or a temperature near 0; copies are no separate answers"
                ),
            )
        if unequal := self.unequal_cut_off():
            yield "cut_off", unequal
        if self._far:
            named = ", ".join(self._far[:_SHOWN])
            yield "time", f"{quantity(len(self._far), 'question')} asked more than an hour apart: {named}"

    def unequal_cut_off(self) -> str | None:
        """Return why lengths cannot be compared, if unequal shares of the answers were cut off."""
        shares = {name: share for name, share in self._cut_off.items() if share[1]}
        rates = [count / of for count, of in shares.values()]
        piled = self._cut_pile.result()
        if not rates or (max(rates) - min(rates) <= UNEQUAL and not (piled and piled.p_value <= LEVEL)):
            return None
        told = cut_off_answers(shares)
        return f"{told}: unequal shares; where an answer was cut off, the limit decided how it ends, not the region"

    def piled_failures(self) -> str | None:
        """Return where failures pile up, if they do: then what is missing may not be missing by chance."""
        piled = self._failed_pile.result()
        if piled is None or piled.p_value > LEVEL:
            return None
        shares = ", ".join(f"{excerpt(name, 30)} {count} of {of}" for name, (count, of) in self._failed.items())
        where = excerpt(piled.group, 30)
        return f"failures pile up in {where} ({shares} failed): what is missing there is not missing by chance"

    def _count_copies(self, group: str, executions: Sequence[StoredExecution]) -> None:
        texts = [each.text for each in executions if each.status == "completed"]
        long = [text for text in texts if len(text) >= LONG]
        self._long[group] = self._long.get(group, 0) + len(long)
        if copies := len(long) - len(set(long)):
            self._copies[group] = self._copies.get(group, 0) + copies

    def _compare_times(self, subject: Subject, groups: Mapping[str, Sequence[StoredExecution]]) -> None:
        medians = [
            statistics.median(times)
            for executions in groups.values()
            if (times := [each.started_at.timestamp() for each in executions if each.started_at is not None])
        ]
        question = excerpt(subject.question_id, 40)
        if len(medians) > 1 and max(medians) - min(medians) > FAR_APART and question not in self._far[-1:]:
            self._far.append(question)


def _cut_off(executions: Iterable[StoredExecution]) -> Share:
    ended = [each for each in executions if each.status in ANSWERED and each.finish_reason is not None]
    return sum(each.cut_off for each in ended), len(ended)


def _failed(executions: Iterable[StoredExecution]) -> Share:
    ended = [each.status in ANSWERED for each in executions if each.status != "cancelled"]
    return ended.count(False), len(ended)
