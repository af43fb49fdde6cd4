"""Where an answer was given, according to each column that says something about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modal_deployment.regions import Region, Regions


def _said(name: str, regions: Regions) -> str | None:
    return _label(regions.or_none(name) or regions.of_container(name)) or name.strip() or None


def _provided(provider_id: str, regions: Regions) -> str | None:
    return _label(regions.of_provider(provider_id))


def _ran_in(container_region: str, regions: Regions) -> str | None:
    return _label(regions.of_container(container_region))


def _label(region: Region | None) -> str | None:
    return None if region is None else region.label


WITNESSES: Mapping[str, Callable[[str, Regions], str | None]] = {
    "effective_region": _said,
    "answered_region": _said,
    "provider_id": _provided,
    "container_region": _ran_in,
}
"""The columns that may tell, each with how its value is read.

What an endpoint says of its region counts even if nobody knows that region. The id of a provider and the place of a
container need not name a region that is known here: then they say nothing.
"""


def places(columns: Mapping[str, str | None], regions: Regions) -> dict[str, str]:
    """Return witness → the label of the region that it names; a region that nobody knows stays as it was written."""
    named = {witness: read(value, regions) for witness, read in WITNESSES.items() if (value := columns.get(witness))}
    return {witness: place for witness, place in named.items() if place is not None}
