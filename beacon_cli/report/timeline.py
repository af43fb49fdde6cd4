"""What each container worked on over time: the first executions of a job, for a plot."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

from beacon_cli.console.formatting import repeat_label
from beacon_cli.records.stored_answer import StoredExecution

MOST_BARS = 2_000
_MOST_LANES = 48
_MOST_RUNS = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """An execution with its container; times are seconds since 1970. `cold`: the container's first answer of a run."""

    started: float
    ended: float
    run_id: str
    region: str
    model_id: str
    container: str
    question_id: str
    repeat: int
    arm: int
    status: str
    hops: int
    cold: bool = False

    @property
    def lane(self) -> tuple[str, str, str]:
        """The lane in which it is drawn: containers of the same region and model are neighbours."""
        return self.region, self.model_id, self.container

    def title(self, *, numbered: bool) -> str:
        """Return a description, with the number of the repeat if `numbered`, and whether it is of a control."""
        repeat = f" {repeat_label(self.repeat)}" if numbered else ""
        hops = f", {self.hops} hops" if self.hops > 1 else ", 1 hop" if self.hops else ""
        cold = ", the container's first" if self.cold else ""
        status = "" if self.status == "completed" else f", {self.status}"
        control = " control" if self.arm else ""
        return f"{self.question_id[:60]}{repeat}{control}: {self.ended - self.started:.2f} s{status}{hops}{cold}"


@dataclass(frozen=True, slots=True)
class RunTimeline:
    """The drawn bars of one run, in order of time; `lanes` are the containers that have any."""

    run_id: str
    lanes: tuple[tuple[str, str, str], ...]
    bars: tuple[Bar, ...]
    lanes_left_out: int


class Timeline:
    """Takes executions in any order, and keeps the first ones by time."""

    def __init__(self, most: int = MOST_BARS) -> None:
        self.timed = 0
        self._most = most
        self._numbers = itertools.count()
        self._kept: list[tuple[float, int, Bar]] = []  # the latest comes first
        self._first: dict[tuple[str, str], float] = {}

    def add(self, execution: StoredExecution) -> None:
        """Add an execution; one without container or time cannot be drawn."""
        started, completed = execution.started_at, execution.completed_at
        if started is None or completed is None or not execution.container_id:
            return
        self.timed += 1
        bar = Bar(
            started=started.timestamp(),
            ended=max(started, completed).timestamp(),
            run_id=execution.run_id or "",
            region=execution.region,
            model_id=execution.model_id,
            container=execution.container_id,
            question_id=execution.question_id,
            repeat=execution.repeat,
            arm=execution.arm,
            status=execution.status,
            hops=execution.hops or 0,
        )
        key = (bar.run_id, bar.container)
        self._first[key] = min(self._first.get(key, bar.started), bar.started)
        keep = heapq.heappush if len(self._kept) < self._most else heapq.heappushpop
        keep(self._kept, (-bar.started, -next(self._numbers), bar))

    @property
    def containers(self) -> int:
        """The number of containers that answered."""
        return len({container for _, container in self._first})

    def runs(self) -> list[RunTimeline]:
        """Return the first runs, each with its first bars and containers, for drawing."""
        by_run: dict[str, list[Bar]] = {}
        for _, _, bar in sorted(self._kept, key=lambda kept: (-kept[0], -kept[1])):
            by_run.setdefault(bar.run_id, []).append(bar)
        return [self._run(run_id, bars) for run_id, bars in list(by_run.items())[:_MOST_RUNS]]

    def _run(self, run_id: str, bars: list[Bar]) -> RunTimeline:
        lanes = list(dict.fromkeys(bar.lane for bar in bars))
        shown = set(lanes[:_MOST_LANES])
        marked = tuple(self._marked(bar for bar in bars if bar.lane in shown))
        return RunTimeline(run_id, tuple(lanes[:_MOST_LANES]), marked, len(lanes) - len(shown))

    def _marked(self, bars: Iterable[Bar]) -> Iterable[Bar]:
        """Yield the bars, with the first one of each container marked as cold."""
        seen: set[tuple[str, str]] = set()
        for bar in bars:
            key = (bar.run_id, bar.container)
            cold = key not in seen and bar.started == self._first[key]
            seen.add(key)
            yield replace(bar, cold=True) if cold else bar
