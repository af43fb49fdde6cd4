"""What telemetry knows of a run beside its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.job.generation import Generation
from beacon_cli.job.lanes import Lane
from beacon_cli.telemetry.attributes import Attributes, generation_attributes, lane_attributes


@dataclass(frozen=True, slots=True)
class Asking:
    """How and where a run asks, and the id of the job's last run before it, if there is one."""

    generation: Generation
    endpoints: Mapping[str, Endpoint]
    earlier_run: str | None = None
    _lanes: dict[tuple[str, str], Attributes] = field(default_factory=dict)
    _requests: dict[tuple[str, str], Attributes] = field(default_factory=dict)

    def endpoint_of(self, lane: Lane) -> Endpoint:
        """Return where a lane is asked."""
        return self.endpoints[lane.region.id].of(lane.model_id)

    def of_lane(self, lane: Lane) -> Attributes:
        """Return what is the same for every call of a lane."""
        if (found := self._lanes.get(key := (lane.model_id, lane.region.id))) is None:
            found = self._lanes[key] = lane_attributes(lane, self.endpoint_of(lane))
        return found

    def of_request(self, lane: Lane) -> Attributes:
        """Return the same with how answers are generated."""
        if (found := self._requests.get(key := (lane.model_id, lane.region.id))) is None:
            found = self._requests[key] = self.of_lane(lane) | generation_attributes(self.generation)
        return found
