"""The endpoints that a run asks, according to the settings."""

from __future__ import annotations

from collections.abc import Sequence

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints, require_lanes
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.job.lanes import Lane
from beacon_cli.job.model import Job
from beacon_cli.runs.extra import require_extra_is_understood
from beacon_cli.settings import Settings


def asked_endpoints(settings: Settings, job: Job, lanes: Sequence[Lane]) -> dict[str, Endpoint]:
    """Return the configured endpoint of each region of `lanes`, by region id; nothing is asked.

    Raises `ConfigError` if some lane has none, or as `configured_endpoints` does, and `UsageError` for parameters that
    an endpoint does not understand.
    """
    regions = {lane.region.id: lane.region for lane in lanes}
    model_ids = {lane.model_id for lane in lanes}
    endpoints = configured_endpoints(settings, regions.values(), recorded_endpoints(settings), model_ids)
    require_lanes(endpoints, lanes)
    require_extra_is_understood(job, endpoints, lanes)
    return endpoints
