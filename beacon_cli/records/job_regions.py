"""The regions that are known when a job is read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from beacon_cli.job.stored_regions import stored_regions
from modal_deployment.regions import LOCAL_PREFIX, Regions


def job_regions(spec: Any, known: Regions) -> Regions:
    """Return the known regions and those of a stored job, which are called as they were when it was stored.

    What the job calls one of its regions stands for no other one here. A spec that is not usable changes nothing.
    """
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        own = stored_regions(spec)
        names = frozenset().union(*(region.names for region in own.values()))
        prefixes = {LOCAL_PREFIX + region_id for region_id in own}
        others = {
            region.id: region.without(names=names, container_prefixes=prefixes)
            for region in known.values()
            if region.id in own or names.isdisjoint((region.id, region.label.strip().lower()))
        }
        called = {
            region_id: replace(others.get(region_id, region), label=region.label, place=region.place)
            for region_id, region in own.items()
        }
        return Regions((others | called).values())
    return known
