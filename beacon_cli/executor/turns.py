"""Who may call a region now: the caps on calls in flight, and the pauses of regions in trouble."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from operator import itemgetter

from beacon_cli.executor.execution import Cell
from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.region_state import Condition, RegionState, Trouble
from beacon_cli.executor.signs import Sign, sign_of, trouble_of
from beacon_cli.pauses import jitter


class SlotTimeout(Exception):
    """No slot became free in time."""


class RegionIsDown(Exception):
    """The region is down: nothing more is asked there in this run."""


@dataclass(frozen=True, slots=True)
class RegionTroubles:
    """What a run met in a region: how often it was paused and for how many seconds, and why it is down, if it is."""

    pauses: int = 0
    paused_seconds: float = 0.0
    down: str | None = None


@dataclass(frozen=True, slots=True)
class RegionChange:
    """A region's state changed: from `before` to `after`, at `now` on the clock of the states.

    `patience_ends` is when a paused region is given up, on the same clock; infinite if it never is.
    """

    region_id: str
    before: RegionState
    after: RegionState
    troubles: RegionTroubles
    now: float
    patience_ends: float


OnChange = Callable[[RegionChange], None]


def nobody(_change: RegionChange) -> None:
    """Ignore a change."""


class Turn:
    """A slot that a cell holds, for its calls one after the other. `is_check`: it is the check call of a pause."""

    __slots__ = ("_line", "is_check")

    def __init__(self, line: Line, *, is_check: bool) -> None:
        self._line = line
        self.is_check = is_check

    @property
    def goes_on(self) -> bool:
        """Whether the cell may call now: its region is not paused, unless this is the check."""
        condition = self._line.state.condition
        return condition in {Condition.OPEN, Condition.RECOVERING} or (self.is_check and condition is Condition.PAUSED)

    def confirmed(self, *, is_check: bool) -> None:
        """Note that the slot was given by others, too, and whether it is the check for them."""
        self.is_check = is_check
        if is_check:
            self._line.check = self

    async def rest(self, seconds: float) -> None:
        """Wait before the next attempt; not longer than the region may be called."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._line.closed.wait()

    def answered(self) -> None:
        """Report a good answer."""
        self._line.answered(self)

    def failed(self, cell: Cell, error: AttemptError) -> bool:
        """Report a failed attempt; return whether the cell has to wait for its region."""
        shared = self._line.failed(self, cell, error)
        return shared or not self.goes_on


@dataclass(slots=True, eq=False)
class _Waiting:
    """A cell that waits for its turn, since `began`; numbers grow in the order of arrival.

    It is given its turn, or why it gets none.
    """

    number: int
    began: float
    timeout: float
    given: asyncio.Future[Turn | SlotTimeout | RegionIsDown]


@dataclass(slots=True, eq=False)
class Line:
    """The line of cells in front of one region, and the state of the region.

    `patience` is in seconds: 0 means that the region is never paused by what this run meets. `home` decides what
    follows from trouble and from answers; without one, the state of this line does.
    """

    region_id: str
    state: RegionState
    patience: float
    move: Callable[[], None]
    on_change: OnChange
    home: Callable[[Turn, Trouble | None], None] | None = None
    waiting: deque[_Waiting] = field(default_factory=deque)
    in_flight: int = 0
    check: Turn | None = None
    moved_at: float = 0.0
    troubles: RegionTroubles = field(default_factory=RegionTroubles)
    checking_elsewhere: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _suspect: Cell | None = None
    _paused_at: float = 0.0
    _timer: asyncio.TimerHandle | None = None
    _expiry: asyncio.TimerHandle | None = None

    @property
    def patience_ends(self) -> float:
        """When a paused region is given up; infinite without patience of its own: then only others pause it."""
        return self._paused_at + self.patience if self.patience else float("inf")

    def may_call(self, now: float) -> bool:
        """Return whether one more call may start."""
        checking = self.check is not None or self.checking_elsewhere
        return self.state.may_call(in_flight=self.in_flight, checking=checking, now=now)

    def wait(self, number: int, now: float, timeout: float) -> _Waiting:
        """Put a cell at the end of the line."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(number, now, timeout, loop.create_future())
        self.waiting.append(waiting)
        if self._expiry is None:
            self._expiry = loop.call_at(now + timeout, self._expire)
        return waiting

    def leave(self, waiting: _Waiting) -> None:
        """Take a cell that was cancelled out of the line, unless that was done."""
        with contextlib.suppress(ValueError):
            self.waiting.remove(waiting)

    def first(self) -> _Waiting | None:
        """Return the cell that waits longest; those that were cancelled are taken out."""
        while self.waiting and self.waiting[0].given.done():
            self.waiting.popleft()
        return self.waiting[0] if self.waiting else None

    def give(self, what: Turn | SlotTimeout | RegionIsDown) -> None:
        """Give the first cell its turn, or why it gets none."""
        self.waiting.popleft().given.set_result(what)

    def admit(self) -> Turn:
        """Return the turn of a call that starts now."""
        turn = Turn(self, is_check=self.state.condition is Condition.PAUSED)
        self.in_flight += 1
        if turn.is_check:
            self.check = turn
        return turn

    def give_back(self, turn: Turn, now: float) -> None:
        """Note that a turn is over."""
        self.in_flight -= 1
        self.moved_at = now
        if self.check is turn:
            self.check = None

    def answered(self, turn: Turn) -> None:
        """Note a good answer."""
        self._suspect = None
        if self.state.condition is not Condition.OPEN or turn.is_check:
            is_check = turn.is_check
            if self.home is not None:
                self.home(turn, None)
            self._checked(turn)
            if self.home is None:
                self.become(self.state.answered(is_check=is_check))

    def failed(self, turn: Turn, cell: Cell, error: AttemptError) -> bool:
        """Note a failed attempt; return whether it is a trouble of the region, not of the cell alone."""
        if (sign := sign_of(error)) is Sign.WORKING:
            self.answered(turn)
            return False
        if not self._is_shared(sign, turn, cell):
            return False
        trouble, is_check = trouble_of(error), turn.is_check
        if self.home is not None and not trouble.final:
            self.home(turn, trouble)
            self._checked(turn)
        else:
            self._checked(turn)
            self.become(self._troubled(trouble, is_check=is_check))
        return True

    def become(self, state: RegionState) -> None:
        """Take over a state, report what changed, and see what may happen now."""
        before, self.state = self.state, state
        loop = asyncio.get_running_loop()
        now = loop.time()
        if state.condition is not before.condition:
            self._note_pause(before.condition, state.condition, now)
            if state.condition in {Condition.PAUSED, Condition.DOWN}:
                self.closed.set()
            else:
                self.closed.clear()
        if (state.condition, state.check_at) != (before.condition, before.check_at):
            change = RegionChange(self.region_id, before, state, self.troubles, now, self.patience_ends)
            self.on_change(change)
        self.move()

    def look(self) -> None:
        """Give the region up if its patience is over, and look again when something may have changed."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.state.condition is not Condition.PAUSED:
            return
        now, ends = loop.time(), self.patience_ends
        if self.check is None and not self.may_call(now) and (now >= ends or self._is_told_too_long(self.state, ends)):
            self.become(self.state.given_up())
        elif (times := [at for at in (self.state.check_at, ends) if now < at < float("inf")]) and self.waiting:
            self._timer = loop.call_at(min(times), self.move)

    def troubles_until_now(self) -> RegionTroubles:
        """Return what was met, with the pause that goes on."""
        if self.state.condition is not Condition.PAUSED:
            return self.troubles
        seconds = self.troubles.paused_seconds + asyncio.get_running_loop().time() - self._paused_at
        return replace(self.troubles, paused_seconds=seconds)

    def close(self) -> None:
        """Look no more."""
        for timer in (self._timer, self._expiry):
            if timer is not None:
                timer.cancel()

    def _expire(self) -> None:
        """Send away the cells that have waited too long, and look again when the next one will have."""
        loop = asyncio.get_running_loop()
        now, self._expiry = loop.time(), None
        if self.state.condition is Condition.PAUSED:
            self.moved_at = now
        while (first := self.first()) is not None and self._ends(first) <= now:
            self.give(SlotTimeout())
        if first is not None:
            self._expiry = loop.call_at(self._ends(first), self._expire)

    def _ends(self, waiting: _Waiting) -> float:
        return max(waiting.began, self.moved_at) + waiting.timeout

    def _is_shared(self, sign: Sign, turn: Turn, cell: Cell) -> bool:
        """Return whether a failure is the region's: what only one cell meets may be a matter of that cell."""
        if turn.is_check or (sign is Sign.TROUBLE and self.patience):
            return True
        if sign is Sign.NOTHING or not self.patience:
            return False
        suspect, self._suspect = self._suspect, cell
        return suspect is not None and suspect != cell

    def _troubled(self, trouble: Trouble, *, is_check: bool) -> RegionState:
        now = asyncio.get_running_loop().time()
        state = self.state.troubled(trouble, is_check=is_check, now=now, jitter=jitter())
        ends = self.patience_ends if self.state.condition is Condition.PAUSED else now + self.patience
        if (is_check and now >= ends) or self._is_told_too_long(state, ends):
            return state.given_up()
        return replace(state, check_at=min(state.check_at, ends))  # the last check, before it is given up

    @staticmethod
    def _is_told_too_long(state: RegionState, ends: float) -> bool:
        return state.told and state.check_at > ends

    def _checked(self, turn: Turn) -> None:
        """Note that a check is over, if this was one."""
        turn.is_check = False
        if self.check is turn:
            self.check = None

    def _note_pause(self, before: Condition, after: Condition, now: float) -> None:
        if after is Condition.PAUSED:
            self._paused_at = now
            self.troubles = replace(self.troubles, pauses=self.troubles.pauses + 1)
        if before is Condition.PAUSED:
            self._suspect = None
            self.moved_at = now
            seconds = self.troubles.paused_seconds + now - self._paused_at
            self.troubles = replace(self.troubles, paused_seconds=seconds)
        if after is Condition.DOWN:
            self.troubles = replace(self.troubles, down=self.state.why)


class Slots:
    """The caps of a job: a call holds a slot of its region and one of the job. Both are taken at the same moment, so
    cells that wait for a busy or paused region never hold slots of the job that other regions could use.

    Cells get their turn in the order of arrival, as far as their region takes calls.
    """

    def __init__(
        self, caps: Mapping[str, int], max_in_flight: int, patience: float, on_change: OnChange = nobody
    ) -> None:
        self.lines = {
            region_id: Line(region_id, RegionState.open(cap), patience, self._move, on_change)
            for region_id, cap in caps.items()
        }
        self._free = max_in_flight
        self._numbers = itertools.count()

    @asynccontextmanager
    async def slot(self, region_id: str, timeout: float) -> AsyncIterator[Turn]:
        """Hold a slot.

        Raises `SlotTimeout` if no slot of the region became free for any cell within `timeout` seconds (a long queue is
        no reason to give up as long as it moves; pauses do not count), and `RegionIsDown`.
        """
        line = self.lines[region_id]
        turn = await self._turn(line, timeout)
        try:
            yield turn
        finally:
            self._give_back(line, turn)

    def is_down(self, region_id: str) -> bool:
        """Return whether nothing more is asked in a region."""
        return self.lines[region_id].state.condition is Condition.DOWN

    def troubles(self) -> dict[str, RegionTroubles]:
        """Return what the run met, by region id, for the regions in which it met trouble."""
        met = {region_id: line.troubles_until_now() for region_id, line in self.lines.items()}
        return {region_id: troubles for region_id, troubles in met.items() if troubles != RegionTroubles()}

    def close(self) -> None:
        """Let go of the timers."""
        for line in self.lines.values():
            line.close()

    async def _turn(self, line: Line, timeout: float) -> Turn:
        now = asyncio.get_running_loop().time()
        if not line.waiting and self._free and line.may_call(now):
            self._free -= 1
            return line.admit()
        waiting = line.wait(next(self._numbers), now, timeout)
        self._move()  # it may be the first one to wait for a check
        try:
            given = await waiting.given
        except BaseException:
            if waiting.given.cancelled():
                line.leave(waiting)
            elif isinstance(late := waiting.given.result(), Turn):
                self._give_back(line, late)
            raise
        if isinstance(given, Turn):
            return given
        raise given

    def _give_back(self, line: Line, turn: Turn) -> None:
        line.give_back(turn, asyncio.get_running_loop().time())
        self._free += 1
        self._move()

    def _move(self) -> None:
        """Give turns to the cells that may call now, and let the lines look at their patience."""
        now = asyncio.get_running_loop().time()
        while self._free:
            ready = [
                (first.number, line)
                for line in self.lines.values()
                if (first := line.first()) is not None and line.may_call(now)
            ]
            if not ready:
                break
            _, line = min(ready, key=itemgetter(0))
            self._free -= 1
            line.give(line.admit())
        for line in self.lines.values():
            if line.state.condition is Condition.PAUSED:
                line.look()
            elif line.state.condition is Condition.DOWN:
                while line.first() is not None:
                    line.give(RegionIsDown())
