"""A job's slots in a fleet: its own caps first, as in a run by itself, then the fleet's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from beacon_cli.executor.batching import Slots, endpoint_caps
from beacon_cli.fleet.calls import Calls
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from modal_deployment.regions import REGIONS

# The fleet's line can be long; only the job's own time limit ends the waiting.
_FOR_EVER_SECONDS = 365 * 86400.0


class FleetSlots:
    """Slots that count over all jobs and workers. Waiting for one has no separate time limit (slot_timeout)."""

    def __init__(self, calls: Calls, job: Job, job_id: str, limits: Limits, priority: int) -> None:
        self._calls = calls
        self._own = Slots(endpoint_caps(job.lanes(), limits), limits.max_in_flight)
        self._job_id = job_id
        self._priority = priority
        self._ends_by = limits.answer_timeout * limits.attempts

    @asynccontextmanager
    async def slot(self, region_id: str, timeout: float) -> AsyncIterator[None]:  # noqa: ARG002
        """Hold a slot of the job and one of the fleet."""
        label = REGIONS[region_id].label
        async with (
            self._own.slot(region_id, _FOR_EVER_SECONDS),
            self._calls.slot(self._job_id, label, self._priority, self._ends_by),
        ):
            yield
