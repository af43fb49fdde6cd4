"""Turns changes of regions into events."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import EventHook, RegionCheckFailed, RegionDown, RegionPaused, RegionResumed
from beacon_cli.executor.region_state import Condition
from beacon_cli.executor.turns import RegionChange
from beacon_cli.job.lanes import Lane


@dataclass(frozen=True, slots=True)
class RegionEvents:
    """Emits the events of the regions of one job; `lanes` are those that it asks."""

    job_id: str
    lanes: Iterable[Lane]
    clock: Clock
    emit: EventHook

    def __call__(self, change: RegionChange) -> None:
        """Emit the event for a change."""
        before, after, troubles = change.before.condition, change.after, change.troubles
        label = next(lane.region.label for lane in self.lanes if lane.region.id == change.region_id)
        at = self.clock.now()
        if after.condition is Condition.PAUSED:
            event = RegionCheckFailed if before is Condition.PAUSED else RegionPaused
            left = None if math.isinf(change.patience_ends) else change.patience_ends - change.now
            self.emit(event(self.job_id, at, label, after.why, after.check_at - change.now, left))
        elif after.condition is Condition.DOWN:
            self.emit(RegionDown(self.job_id, at, label, after.why, troubles.pauses, troubles.paused_seconds))
        elif before is Condition.PAUSED:
            self.emit(RegionResumed(self.job_id, at, label, after.allowed, troubles.pauses, troubles.paused_seconds))
