"""A job's slots in a fleet: its own caps first, as in a run by itself, then the fleet's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from beacon_cli.executor.caps import endpoint_caps
from beacon_cli.executor.region_state import RegionState, Trouble
from beacon_cli.executor.turns import Line, OnChange, RegionTroubles, Slots, Turn
from beacon_cli.fleet.calls import Calls, NotNow
from beacon_cli.fleet.shared_regions import Report, SharedRegion
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits

# The fleet's line can be long; only the job's own time limit ends the waiting.
_FOR_EVER_SECONDS = 365 * 86400.0
# Our clock may be a little ahead of the database's, which decides whether a check is due.
_BEHIND_SECONDS = 0.05


class FleetSlots:
    """Slots that count over all jobs and workers. Waiting for one has no separate time limit (slot_timeout).

    The state of the regions is the fleet's: what this job meets is reported there, and what is stored there holds here.
    Only the patience is the job's own.
    """

    def __init__(
        self,
        calls: Calls,
        job_id: str,
        lanes: Collection[Lane],
        limits: Limits,
        priority: int,
        on_change: OnChange,
    ) -> None:
        self._calls = calls
        self._own = Slots(endpoint_caps(lanes, limits), limits.max_in_flight, limits.region_patience, on_change)
        self._job_id = job_id
        self._priority = priority
        self._ends_by = limits.answer_timeout * limits.attempts
        self._labels = {lane.region.id: lane.region.label for lane in lanes}
        self._seen: dict[str, tuple[RegionState, float] | None] = {}
        for region_id, line in self._own.lines.items():
            line.home = partial(self._report, self._labels[region_id])
        calls.follow(self._take_over)

    @asynccontextmanager
    async def slot(self, region_id: str, timeout: float) -> AsyncIterator[Turn]:  # noqa: ARG002
        """Hold a slot of the job and one of the fleet. Raises `RegionIsDown`."""
        label = self._labels[region_id]
        while True:
            async with self._own.slot(region_id, _FOR_EVER_SECONDS) as turn:
                with contextlib.suppress(NotNow):
                    async with self._calls.slot(self._job_id, label, self._priority, self._ends_by) as is_check:
                        turn.confirmed(is_check=is_check)
                        yield turn
                        return

    def is_down(self, region_id: str) -> bool:
        """Return whether this job asks nothing more in a region."""
        return self._own.is_down(region_id)

    def troubles(self) -> Mapping[str, RegionTroubles]:
        """Return what the job met, by region id, for the regions in which it met trouble."""
        return self._own.troubles()

    def close(self) -> None:
        """Follow the fleet's regions no more."""
        self._calls.unfollow(self._take_over)
        self._own.close()

    def _report(self, label: str, turn: Turn, trouble: Trouble | None) -> None:
        self._calls.report(Report(label, trouble, turn.is_check))

    def _take_over(self, in_trouble: Mapping[str, SharedRegion]) -> None:
        for region_id, line in self._own.lines.items():
            if not self._own.is_down(region_id):
                self._take_over_region(line, in_trouble.get(self._labels[region_id]))

    def _take_over_region(self, line: Line, shared: SharedRegion | None) -> None:
        line.checking_elsewhere = shared is not None and shared.checking
        seen = None if shared is None else (shared.state, shared.since)
        if seen == self._seen.get(line.region_id):
            line.move()
            return
        self._seen[line.region_id] = seen
        cap = line.state.cap
        if shared is None:
            line.become(RegionState.open(cap))
            return
        check_at = asyncio.get_running_loop().time() + shared.next_check + _BEHIND_SECONDS
        line.become(replace(shared.state, cap=cap, allowed=min(cap, shared.state.allowed), check_at=check_at))
