"""The regions of a stored job, as they were when it was stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modal_deployment.regions import BUILT_IN_REGIONS, Region


def described(regions: Iterable[Region]) -> dict[str, dict[str, str | None]]:
    """Return regions as they are stored with a job: id → label and place."""
    return {region.id: {"label": region.label, "place": region.place} for region in regions}


def stored_regions(spec: Mapping[str, Any]) -> dict[str, Region]:
    """Return the regions that a stored job asks, by id, with no more than the label and the place stored with it.

    Jobs that were stored before regions could be configured lack these: they ask the built-in ones.
    """
    known = {**described(BUILT_IN_REGIONS), **(spec.get("regions") or {})}
    ids = dict.fromkeys(region_id for model in spec.get("models") or () for region_id in model["regions"])
    return {region_id: Region(id=region_id, **known.get(region_id, {"label": region_id})) for region_id in ids}
