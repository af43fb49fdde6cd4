"""Figures on each region's answers: refusals, empty, blocked and cut-off answers, failures, lengths and times."""

from __future__ import annotations

import math
import statistics
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from beacon_cli.comparison.refusal import Judgement
from beacon_cli.executor.execution import ANSWERED
from beacon_cli.records.stored_answer import StoredExecution

_Z = statistics.NormalDist().inv_cdf(0.975)
_FAILED = ("failed", "timeout")


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `of`, as a share with Wilson's 95 % interval (1927); all None if there is nothing to count."""

    count: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 95th percentile and maximum of some numbers; all None if there are none."""

    median: float | None
    p95: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The executions of a region, of one model or all. `words` is the length of answers, `seconds` their duration.

    Refusals are a share of the answers with text in a known language, empty and blocked answers of all answers, and
    failures (`failed` and `timeout`) of all executions that ended. `cut_off` is a share of the answers of which it is
    recorded why they ended. `hops` counts the 303s, `hopped` the executions that needed any, and `containers` those
    that gave the answers.
    """

    executions: int
    refusal: Rate
    empty: Rate
    blocked: Rate
    cut_off: Rate
    failure: Rate
    words: Spread
    seconds: Spread
    hops: int
    hopped: int
    containers: int

    def as_data(self) -> dict[str, Any]:
        """Return them as a JSON object."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """Counts executions one by one."""

    _statuses: Counter[str] = field(default_factory=Counter)
    _refusals: int = 0
    _unknown: int = 0
    _cut_off: int = 0
    _with_an_end: int = 0
    _hops: int = 0
    _hopped: int = 0
    _containers: set[str] = field(default_factory=set)
    _words: array[int] = field(default_factory=lambda: array("l"))
    _seconds: array[float] = field(default_factory=lambda: array("d"))

    def add(self, execution: StoredExecution, judged: Judgement | None, *, length: int) -> None:
        """Count one; `judged` says what its answer is, if it has text, and `length` how many words it has."""
        self._statuses[execution.status] += 1
        self._refusals += judged is not None and judged.label == "refusal"
        self._unknown += judged is not None and judged.label == "unknown"
        if execution.status in ANSWERED and execution.finish_reason is not None:
            self._with_an_end += 1
            self._cut_off += execution.cut_off
        self._hops += execution.hops or 0
        self._hopped += bool(execution.hops)
        if execution.container_id is not None and execution.status in ANSWERED:
            self._containers.add(execution.container_id)
        if execution.status == "completed":
            self._words.append(length)
            if execution.seconds is not None:
                self._seconds.append(execution.seconds)

    def take(self, other: Tally) -> None:
        """Count what another tally has counted."""
        self._statuses += other._statuses
        self._refusals += other._refusals
        self._unknown += other._unknown
        self._cut_off += other._cut_off
        self._with_an_end += other._with_an_end
        self._hops += other._hops
        self._hopped += other._hopped
        self._containers |= other._containers
        self._words += other._words
        self._seconds += other._seconds

    def figures(self) -> Figures:
        """Return what was counted."""
        completed, empty, blocked = (self._statuses[status] for status in ("completed", "empty", "blocked"))
        answers = completed + empty + blocked
        failed = sum(self._statuses[status] for status in _FAILED)
        return Figures(
            executions=self._statuses.total(),
            refusal=rate(self._refusals, completed - self._unknown),
            empty=rate(empty, answers),
            blocked=rate(blocked, answers),
            cut_off=rate(self._cut_off, self._with_an_end),
            failure=rate(failed, answers + failed),
            words=spread(self._words),
            seconds=spread(self._seconds),
            hops=self._hops,
            hopped=self._hopped,
            containers=len(self._containers),
        )


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """The figures of a region, a model, or a job in a region: all together, and of each of its parts."""

    total: Figures
    parts: Mapping[str, Figures]

    def as_data(self, parts: str) -> dict[str, Any]:
        """Return them as a JSON object, with those of the parts under this key."""
        return {**self.total.as_data(), parts: {name: each.as_data() for name, each in self.parts.items()}}


@dataclass(slots=True)
class Tallies:
    """Counts executions of many groups, each in parts such as the models of a region."""

    _parts: dict[str, dict[str, Tally]] = field(default_factory=dict)

    def of(self, group: str, part: str) -> Tally:
        """Return the tally of a part."""
        return self._parts.setdefault(group, {}).setdefault(part, Tally())

    def figures(self) -> dict[str, GroupFigures]:
        """Return the figures of each group, in the order in which they came."""
        return {
            group: GroupFigures(merged(parts.values()), {part: each.figures() for part, each in parts.items()})
            for group, parts in self._parts.items()
        }

    def turned(self) -> dict[str, GroupFigures]:
        """Return the figures the other way round: of each part, over all groups and in each of them."""
        found = Tallies()
        for group, parts in self._parts.items():
            for part, tally in parts.items():
                found._parts.setdefault(part, {})[group] = tally
        return found.figures()


def merged(tallies: Iterable[Tally]) -> Figures:
    """Return the figures of several tallies together."""
    together = Tally()
    for each in tallies:
        together.take(each)
    return together.figures()


def rate(count: int, of: int) -> Rate:
    """Return a share with its interval; without any or all of the number, the interval begins at 0 or ends at 1."""
    if not of:
        return Rate(count, of, None, None, None)
    middle = (count + _Z**2 / 2) / (of + _Z**2)
    margin = _Z / (of + _Z**2) * math.sqrt(count * (of - count) / of + _Z**2 / 4)
    return Rate(count, of, count / of, middle - margin if count else 0.0, middle + margin if count < of else 1.0)


def spread(numbers: Sequence[float]) -> Spread:
    """Return the median, the 95th percentile (the smallest number that 95 % do not exceed) and the maximum."""
    if not numbers:
        return Spread(None, None, None)
    ordered = sorted(numbers)
    p95 = ordered[-(-len(ordered) * 95 // 100) - 1]
    return Spread(float(statistics.median(ordered)), float(p95), float(ordered[-1]))
