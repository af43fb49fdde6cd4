"""The one vocabulary of regions, used by every layer: command line, apps, prompts, database, reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the world in which models are asked.

    `id` names it in commands, configuration and app names; `label` in `executions.region` and in tables;
    `modal_region` is Modal's broad region name; `place` is what `{place}` in a system prompt becomes.
    """

    id: str
    label: str
    modal_region: str
    place: str
    aliases: frozenset[str]


REGIONS: dict[str, Region] = {
    region.id: region
    for region in (
        Region("us", "US", "us", "the US", frozenset({"us-east", "us-west", "us-central", "us_east"})),
        Region(
            "eu",
            "EU",
            "eu",
            "Europe",
            frozenset({"eu-west", "eu-north", "eu-central", "europe-west", "europe_west"}),
        ),
        Region(
            "apac",
            "ASIA",
            "ap",
            "Asia",
            frozenset(
                {
                    *("ap", "asia", "asia-pacific", "asia_pacific", "asia-southeast", "asia_southeast"),
                    *("ap-southeast", "ap-northeast"),
                }
            ),
        ),
    )
}

_BY_NAME = {name.lower(): region for region in REGIONS.values() for name in (region.id, region.label, *region.aliases)}
_WORDS_OF_A_NAME = max(name.count("-") for name in _BY_NAME) + 1

# Where a provider says a container really ran, by the start of its name. Sources: the region names of AWS
# (us-east-1, eu-west-1, ap-northeast-1), of Google Cloud (us-central1, europe-west4, asia-northeast1), of Oracle
# Cloud (us-ashburn-1, eu-frankfurt-1, uk-london-1, ap-tokyo-1) and of Azure (eastus, westeurope, japaneast), and
# the regions that Beacon's own local servers report (local-us, local-eu, local-apac).
CONTAINER_REGION_PREFIXES: tuple[tuple[str, str], ...] = (
    ("local-us", "us"),
    ("local-eu", "eu"),
    ("local-apac", "apac"),
    ("us-", "us"),
    ("eastus", "us"),
    ("westus", "us"),
    ("centralus", "us"),
    ("northcentralus", "us"),
    ("southcentralus", "us"),
    ("eu-", "eu"),
    ("europe-", "eu"),
    ("uk-", "eu"),
    ("northeurope", "eu"),
    ("westeurope", "eu"),
    ("francecentral", "eu"),
    ("germanywestcentral", "eu"),
    ("swedencentral", "eu"),
    ("switzerlandnorth", "eu"),
    ("uksouth", "eu"),
    ("ukwest", "eu"),
    ("ap-", "apac"),
    ("asia-", "apac"),
    ("japan", "apac"),
    ("korea", "apac"),
    ("southeastasia", "apac"),
    ("eastasia", "apac"),
)


class UnknownRegionError(ValueError):
    """A name that is neither a region's id, nor its label, nor an alias of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        known = ", ".join(f"{region.id} ({region.label})" for region in REGIONS.values())
        super().__init__(f"unknown region {name!r}; known regions: {known}")


def region_named(name: str) -> Region:
    """Return the region that `name` (an id, a label or an alias, in any case) stands for.

    Raises `UnknownRegionError` for anything else: a name is never mapped to a default region.
    """
    try:
        return _BY_NAME[name.strip().lower()]
    except KeyError:
        raise UnknownRegionError(name) from None


def region_or_none(name: object) -> Region | None:
    """Return the same for a name that others wrote, None for anything that is no name of a region."""
    return _BY_NAME.get(name.strip().lower()) if isinstance(name, str) else None


def region_of_container(container_region: str | None) -> Region | None:
    """Return the region that a provider's own region name lies in, or None when it is absent or not in the table."""
    if not container_region:
        return None
    name = container_region.lower()
    for prefix, region_id in CONTAINER_REGION_PREFIXES:
        if name == prefix.rstrip("-") or name.startswith(prefix):
            return REGIONS[region_id]
    return None


def region_of_provider(provider_id: str | None) -> Region | None:
    """Return the region that ends a provider's id, such as `modal-us-east` or `local-us`, or None when none does."""
    words = (provider_id or "").split("-")[-_WORDS_OF_A_NAME:]
    ends = ("-".join(words[start:]) for start in range(len(words)))
    return next(filter(None, map(region_or_none, ends)), None)
