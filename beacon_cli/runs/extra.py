"""`generation.extra` of a job: what only OpenAI-compatible endpoints understand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from beacon_cli.errors import UsageError

if TYPE_CHECKING:
    from beacon_cli.endpoints.configured import Endpoint
    from beacon_cli.job.lanes import Lane
    from beacon_cli.job.model import Job


def require_extra_is_understood(job: Job, endpoints: Mapping[str, Endpoint], lanes: Iterable[Lane]) -> None:
    """Raise `UsageError` if a job has further parameters for endpoints with Beacon's own API, which takes none."""
    asked = (
        (lane.region, endpoints[lane.region.id].of(lane.model_id)) for lane in lanes if lane.region.id in endpoints
    )
    own = (region for region, endpoint in asked if endpoint.api == "beacon")
    if job.generation.extra and (labels := list(dict.fromkeys(region.label for region in own))):
        raise refused_extra(f"{', '.join(labels)} {'has' if len(labels) == 1 else 'have'}")


def refused_extra(who_has: str) -> UsageError:
    """Return the error for endpoints that do not understand it; `who_has` is such as "US and EU have"."""
    return UsageError(
        f"generation.extra is for OpenAI-compatible endpoints, and {who_has} Beacon's own API",
        hint="leave generation.extra out of the job file; its other keys work everywhere",
    )
