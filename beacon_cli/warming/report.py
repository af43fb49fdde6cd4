"""What became of the lanes that were warmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import BeaconError, EnvironmentFault, ProblemsFound
from beacon_cli.executor.failures import REFUSED, AttemptError, credentials_refused
from beacon_cli.job.lanes import Lane
from beacon_cli.verification.findings import code_of_failure, finding_at
from beacon_cli.verification.openness import is_on_modal
from modal_deployment.contents import IDLE_SECONDS

State = Literal["starting", "warm", "failed", "not_ours"]
_UNREACHABLE = frozenset({"connection_failed", "connect_timeout"})


@dataclass(slots=True)
class WarmLane:
    """A lane, with the endpoint of its model, and how its last call ended.

    `seconds` is the time until its first answer, None if there was none; `hops` is of all `calls`, which are
    the questions sent, answered or not. `function` is the
    one on Modal that answered, and `at_most` how many containers it may have in the region, if the answer says both.
    `not_ours`: its endpoint is not one of Beacon's own, so there is nothing to start. `starting` is only a
    lane that was interrupted before it ended.
    """

    lane: Lane
    endpoint: Endpoint
    state: State
    seconds: float | None = None
    calls: int = 0
    hops: int = 0
    container_id: str | None = None
    function: str | None = None
    at_most: int | None = None
    error: AttemptError | None = None

    @property
    def name(self) -> str:
        """The region and the model, for people."""
        return f"{self.lane.region.label} {self.lane.model_id}"

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "region": self.lane.region.label,
            "model_id": self.lane.model_id,
            "state": self.state,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "calls": self.calls,
            "hops": self.hops,
            "container_id": self.container_id,
            "error": self.error and {"code": self.error.code, "message": self.error.message},
        }


@dataclass(slots=True)
class WarmReport:
    """What becomes of all lanes of a job, in its order.

    `kept_seconds` is how long they were kept warm after all had answered.
    """

    lanes: Sequence[WarmLane]
    kept_seconds: float = 0.0

    @classmethod
    def begun(cls, lanes: Iterable[Lane], endpoints: Mapping[str, Endpoint]) -> WarmReport:
        """Return the report of lanes that were not asked yet; `endpoints` are by region id."""
        found = [(lane, endpoints[lane.region.id].of(lane.model_id)) for lane in lanes]
        return cls([WarmLane(lane, each, "starting" if each.api == "beacon" else "not_ours") for lane, each in found])

    def of(self, state: State) -> list[WarmLane]:
        """Return the lanes in a state."""
        return [lane for lane in self.lanes if lane.state == state]

    @property
    def costing(self) -> int:
        """How many containers wait on Modal, where each costs meanwhile: one for each warm lane, or as many as the
        function may have in the region that answers for several lanes.
        """
        lanes = [lane for lane in self.of("warm") if is_on_modal(lane.endpoint)]
        told = Counter((lane.lane.region.id, lane.function, lane.at_most) for lane in lanes)
        return sum(count if at_most is None else min(count, at_most) for (_, _, at_most), count in told.items())

    @property
    def error(self) -> BeaconError | None:
        """What kept all from being warmed: refused credentials, or no network."""
        failed = self.of("failed")
        for lane in failed:
            assert lane.error is not None
            if lane.error.code in REFUSED:
                return credentials_refused(lane.endpoint, lane.error.message, lane.error.code)
        if failed and not self.of("warm") and all(lane.error and lane.error.code in _UNREACHABLE for lane in failed):
            assert failed[0].error is not None
            hint = finding_at(failed[0].endpoint, "unreachable", "", "modal").hint
            return EnvironmentFault(f"no region could be reached ({failed[0].error.message})", hint=hint)
        return None

    @property
    def problems(self) -> tuple[BeaconError, ...]:
        """The lanes that did not answer, if nothing kept all from it."""
        return () if self.error is not None else tuple(map(_problem, self.of("failed")))

    @property
    def exit_code(self) -> int:
        """0 if each lane answered that has something to start, 3 and 4 for `error`, else 1."""
        if (error := self.error) is not None:
            return error.exit_code
        return 1 if self.of("failed") else 0

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of the JSON document."""
        return {
            "lanes": [lane.as_data() for lane in self.lanes],
            "kept_seconds": round(self.kept_seconds, 3),
            "idle_seconds": IDLE_SECONDS,
            "containers_that_cost": self.costing,
        }


def _problem(lane: WarmLane) -> ProblemsFound:
    assert lane.error is not None
    hint = finding_at(lane.endpoint, code_of_failure(lane.error.code), "", "modal").hint
    problem = ProblemsFound(f"{lane.name} does not answer: {lane.error.message}", hint=hint)
    problem.code = lane.error.code
    return problem
