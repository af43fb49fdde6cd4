"""Regions, and what names stand for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

# Beacon's own local servers report `local-` and the id of their region.
LOCAL_PREFIX = "local-"


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the world in which models are asked.

    `id` names it in commands, configuration and app names; `label` in `executions.region` and in tables;
    `modal_region` is Modal's broad region name, None if no app can be deployed there; `place` is what `{place}` in a
    system prompt becomes, None if nothing is known. `container_prefixes` are the beginnings of the names that providers
    give the regions in it.
    """

    id: str
    label: str
    modal_region: str | None = None
    place: str | None = None
    aliases: frozenset[str] = frozenset()
    container_prefixes: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        return hash(self.id)  # a key of many dictionaries

    def without(self, *, names: Collection[str], container_prefixes: Collection[str]) -> Region:
        """Return the region without these aliases, and without these beginnings of containers' regions."""
        return replace(
            self,
            aliases=frozenset(alias for alias in self.aliases if alias.strip().lower() not in names),
            container_prefixes=self.container_prefixes.difference(container_prefixes),
        )

    @property
    def names(self) -> frozenset[str]:
        """Every name that stands for this region, in lower case."""
        return frozenset(name.strip().lower() for name in (self.id, self.label, *self.aliases))


# Where a provider says a container really ran. Sources: the region names of AWS (us-east-1, eu-west-1, ap-northeast-1),
# of Google Cloud (us-central1, europe-west4, asia-northeast1), of Oracle Cloud (us-ashburn-1, eu-frankfurt-1,
# uk-london-1, ap-tokyo-1) and of Azure (eastus, westeurope, japaneast).
BUILT_IN_REGIONS: tuple[Region, ...] = (
    Region(
        id="us",
        label="US",
        modal_region="us",
        place="the US",
        aliases=frozenset({"us-east", "us-west", "us-central", "us_east"}),
        container_prefixes=frozenset({"us-", "eastus", "westus", "centralus", "northcentralus", "southcentralus"}),
    ),
    Region(
        id="eu",
        label="EU",
        modal_region="eu",
        place="Europe",
        aliases=frozenset({"eu-west", "eu-north", "eu-central", "europe-west", "europe_west"}),
        container_prefixes=frozenset(
            {
                *("eu-", "europe-", "uk-", "northeurope", "westeurope", "francecentral", "germanywestcentral"),
                *("swedencentral", "switzerlandnorth", "uksouth", "ukwest"),
            }
        ),
    ),
    Region(
        id="apac",
        label="ASIA",
        modal_region="ap",
        place="Asia",
        aliases=frozenset(
            {
                *("ap", "asia", "asia-pacific", "asia_pacific", "asia-southeast", "asia_southeast"),
                *("ap-southeast", "ap-northeast"),
            }
        ),
        container_prefixes=frozenset({"ap-", "asia-", "japan", "korea", "southeastasia", "eastasia"}),
    ),
)


class UnknownRegionError(ValueError):
    """A name that is neither the id of one of the `known` regions, nor its label, nor an alias of it."""

    def __init__(self, name: str, known: Iterable[Region]) -> None:
        self.name = name
        self.known = tuple(known)
        listed = ", ".join(f"{region.id} ({region.label})" for region in self.known)
        super().__init__(f"unknown region {name!r}; known regions: {listed}")


class Regions(Mapping[str, Region]):
    """The regions that are known, by id, in order; the one place that knows what names stand for them.

    Raises `ValueError` if two of them have a name, or the beginning of a container's region, in common.
    """

    def __init__(self, regions: Iterable[Region]) -> None:
        self._by_id = {region.id: region for region in regions}
        self._by_name = _unambiguous((name, region) for region in self.values() for name in region.names)
        self._words_of_a_name = max((name.count("-") for name in self._by_name), default=0) + 1
        prefixes = _unambiguous(
            (prefix.lower(), region)
            for region in self.values()
            for prefix in (LOCAL_PREFIX + region.id, *region.container_prefixes)
        )
        self._by_prefix = dict(sorted(prefixes.items(), key=lambda item: -len(item[0])))

    def __getitem__(self, region_id: str) -> Region:
        return self._by_id[region_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def labels(self) -> list[str]:
        """The regions' labels, in order."""
        return [region.label for region in self.values()]

    def rank(self, label: str) -> tuple[int, str]:
        """Return where a label stands among others: those of known regions in order, then all others by name."""
        labels = self.labels
        return (labels.index(label) if label in labels else len(labels), label)

    def named(self, name: str) -> Region:
        """Return the region that `name` (an id, a label or an alias, in any case) stands for.

        Raises `UnknownRegionError` for anything else: a name is never mapped to a default region.
        """
        region = self.or_none(name)
        if region is None:
            raise UnknownRegionError(name, self.values())
        return region

    def or_none(self, name: object) -> Region | None:
        """Return the same for a name that others wrote, None for anything that is no name of a region."""
        return self._by_name.get(name.strip().lower()) if isinstance(name, str) else None

    def of_container(self, container_region: str | None) -> Region | None:
        """Return the region that a provider's own region name lies in, by the longest beginning that is known."""
        if not container_region:
            return None
        name = container_region.lower()
        for prefix, region in self._by_prefix.items():
            if name.startswith(prefix) or name == prefix.rstrip("-"):
                return region
        return None

    def of_provider(self, provider_id: str | None) -> Region | None:
        """Return the region that ends a provider's id, such as `modal-us-east` or `local-us`, None when none does."""
        words = (provider_id or "").split("-")[-self._words_of_a_name :]
        ends = ("-".join(words[start:]) for start in range(len(words)))
        return next(filter(None, map(self.or_none, ends)), None)


def _unambiguous(claims: Iterable[tuple[str, Region]]) -> dict[str, Region]:
    """Return who claims each name. Raises `ValueError` if two do."""
    owners: dict[str, Region] = {}
    for name, region in claims:
        if (owner := owners.setdefault(name, region)) is not region:
            raise ValueError(f"{name!r} stands for two regions, {owner.id} and {region.id}")
    return owners
