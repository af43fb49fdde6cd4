"""How many calls may be in flight, and how many containers they can need; a plan needs no event loop for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits


def endpoint_caps(lanes: Collection[Lane], limits: Limits) -> dict[str, int]:
    """Return how many calls each region may have in flight, by region id.

    Without its own limit, that is the number of the job's models there: with no more calls at the same time, a region
    never needs more containers than models.
    """
    models = Counter(lane.region.id for lane in lanes)
    return {region: limits.per_endpoint or count for region, count in models.items()}


def containers_at_most(lanes: Collection[Lane], limits: Limits, shared: Mapping[str, str] | None = None) -> int:
    """Return how many containers a job can need at the same time under its caps.

    Models with the same value in `shared`, by id, are in one container of their region.
    """
    caps = endpoint_caps(lanes, limits)
    if shared is not None:
        homes = {(lane.region.id, shared.get(lane.model_id, lane.model_id)) for lane in lanes}
        there = Counter(region for region, _ in homes)
        caps = {region: min(cap, there[region]) for region, cap in caps.items()}
    return min(limits.max_in_flight, sum(caps.values()))
