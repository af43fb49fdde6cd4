"""The state of a region that is asked: open, paused as a whole, recovering, or down. Pure values, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

LONGEST_WAIT_SECONDS = 60.0
"""The longest time between two check calls, unless the region itself names a longer one (`Retry-After`)."""

LONGEST_SHARED_WAIT_SECONDS = 900.0
"""The longest wait that a region can ask of a whole fleet. What it told one job does not shut out the next for days."""

_SHORTEST_TOLD_SECONDS = 1.0  # a shorter `Retry-After` is no reason to ask more often than without one
_BEYOND_SECONDS = 0.25  # after the end of `Retry-After`: clocks differ
_SAME_SECONDS = 1.0  # calls that fail together name nearly the same time


class Condition(Enum):
    """What may be sent to a region. Only `RegionState` moves between them.

    open       ── trouble ──▶ paused
    paused     ── a check fails ──▶ paused, with the next check later
    paused     ── a check is answered ──▶ recovering, or open where half the cap is the cap
    recovering ── an answer ──▶ recovering with one call more, at last open
    recovering ── trouble ──▶ paused
    any        ── patience is over, or no credit ──▶ down
    """

    OPEN = "open"
    PAUSED = "paused"
    RECOVERING = "recovering"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure that a whole region shares. `retry_after` is the wait that the region asked for, in seconds.

    `final` says that waiting does not help: the account is out of credit.
    """

    why: str
    retry_after: float | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class RegionState:
    """The state of one region. Times are seconds on the caller's clock; `cap` is how many calls it takes when open.

    `allowed` is how many calls it takes now. In a pause, `check_at` is when the next check call may start, `told` says
    that the region itself named that time, and `failed_checks` counts the checks that failed. The invariants:

    - OPEN allows `cap` calls; RECOVERING at least one and fewer than `cap`; DOWN none, and it is never left.
    - PAUSED allows one call, the check: never two at the same time, and none before `check_at`.
    - Only a check call that is answered ends a pause: calls that began before it say nothing about now.
    """

    cap: int
    allowed: int
    condition: Condition = Condition.OPEN
    why: str = ""
    check_at: float = 0.0
    told: bool = False
    failed_checks: int = 0

    @classmethod
    def open(cls, cap: int) -> RegionState:
        """Return the state of a region without trouble."""
        return cls(cap, allowed=cap)

    def may_call(self, *, in_flight: int, checking: bool, now: float) -> bool:
        """Return whether one more call may start, beside those in flight; `checking`: one of them is a check."""
        if self.condition is Condition.PAUSED:
            return not checking and now >= self.check_at and in_flight < self.cap
        return in_flight < self.allowed

    def troubled(self, trouble: Trouble, *, is_check: bool, now: float, jitter: float) -> RegionState:
        """Return the state after a call met trouble. `jitter`, about 1, spreads the checks of several runs."""
        if self.condition is Condition.DOWN or trouble.final:
            return self.given_up(trouble.why)
        failed = 0 if self.condition is not Condition.PAUSED else self.failed_checks + is_check
        wait = min(2.0**failed, LONGEST_WAIT_SECONDS) * jitter
        if told := trouble.retry_after is not None and trouble.retry_after >= _SHORTEST_TOLD_SECONDS:
            assert trouble.retry_after is not None
            wait = trouble.retry_after + _BEYOND_SECONDS * jitter
        check_at = now + wait
        is_news = told and check_at > self.check_at + _SAME_SECONDS
        if self.condition is Condition.PAUSED and not is_check and not is_news:
            return self  # it was sent before the pause
        return replace(
            self,
            condition=Condition.PAUSED,
            allowed=1,
            why=trouble.why,
            check_at=check_at,
            told=told,
            failed_checks=failed,
        )

    def answered(self, *, is_check: bool) -> RegionState:
        """Return the state after a good answer: a pause ends at half the cap, which grows with each answer."""
        if self.condition is Condition.PAUSED and is_check:
            return self._allowing(max(1, self.cap // 2))
        if self.condition is Condition.RECOVERING:
            return self._allowing(self.allowed + 1)
        return self

    def given_up(self, why: str = "") -> RegionState:
        """Return the state of a region that is not asked any more."""
        return replace(self, condition=Condition.DOWN, allowed=0, why=why or self.why)

    def _allowing(self, allowed: int) -> RegionState:
        if allowed >= self.cap:
            return RegionState.open(self.cap)
        return RegionState(self.cap, allowed, Condition.RECOVERING)
