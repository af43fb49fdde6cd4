"""Sums of what executions cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from beacon_cli.job.lanes import Lane
from beacon_cli.prices.book import PriceBook
from beacon_cli.prices.price import Kind, Price, Unpriced
from modal_deployment.contents import IDLE_SECONDS
from modal_deployment.regions import Regions

if TYPE_CHECKING:
    from beacon_cli.costs.usage import SeenContainer, UsageGroup

_NOT_TOLD = Unpriced("no answer says who answered", "ask again, or see who does with: beacon show JOB_ID")


@dataclass(slots=True)
class CostSum:
    """What some executions cost by their rows, in US dollars.

    `unpriced` says why some have no price, with their number; `unmeasured` is the number of answers that do not say
    what they took. Neither is in `dollars`. `sources` are those of the prices. `free`: servers on this
    machine gave everything; `on_modal`: containers on Modal gave something.
    """

    executions: int = 0
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0
    unmeasured: int = 0
    unpriced: Counter[Unpriced] = field(default_factory=Counter)
    sources: dict[str, None] = field(default_factory=dict)
    free: bool = True
    on_modal: bool = False

    def add(self, group: UsageGroup, price: Price | Unpriced) -> None:
        """Add executions at a price."""
        self.executions += group.executions
        self.seconds += group.seconds
        self.input_tokens += group.input_tokens
        self.output_tokens += group.output_tokens
        self.free = self.free and group.kind == "local"
        self.on_modal = self.on_modal or group.kind == "modal"
        if isinstance(price, Unpriced):
            if group.answered or group.seconds:
                self.unpriced[price] += group.executions
            return
        self.dollars += price.of(group.usage)
        self.unmeasured += _unmeasured(group, price)
        self.sources.update(dict.fromkeys(price.sources))

    def as_data(self) -> dict[str, Any]:
        """Return it as in JSON documents; `cost` is None where nothing has a price."""
        priced = self.executions - self.unpriced.total()
        return {
            "executions": self.executions,
            "seconds": round(self.seconds, 3),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": round(self.dollars, 6) if priced or not self.executions else None,
            "unmeasured": self.unmeasured,
            "unpriced": [
                {"why": price.why, "hint": price.hint, "executions": count} for price, count in self.unpriced.items()
            ],
        }


class RowPrices:
    """The prices of stored executions."""

    def __init__(self, book: PriceBook, regions: Regions, kinds: Mapping[Lane, Kind] | None = None) -> None:
        self._book = book
        self._by_label = {region.label: region for region in regions.values()}
        self._kinds = {(lane.model_id, lane.region.label): kind for lane, kind in (kinds or {}).items()}

    def of(self, group: UsageGroup) -> Price | Unpriced:
        """Return the price of a group; a lane's own kind helps where no answer says who answered."""
        kind = group.kind or self._kinds.get((group.model_id, group.region))
        if kind is None:
            return _NOT_TOLD
        return self._book.of(kind, group.model_id, self._by_label.get(group.region), group.gpu)

    def of_container(self, seen: SeenContainer) -> Price | Unpriced:
        """Return the price of a container on Modal."""
        return self._book.of("modal", seen.model_id, self._by_label.get(seen.region), seen.gpu)


def summed(groups: Iterable[UsageGroup], prices: RowPrices) -> CostSum:
    """Return the sum of all groups."""
    total = CostSum()
    for group in groups:
        total.add(group, prices.of(group))
    return total


def summed_by(groups: Iterable[UsageGroup], prices: RowPrices, key: Callable[[UsageGroup], str]) -> dict[str, CostSum]:
    """Return the sums of the groups of each key, in the order of the groups."""
    sums: dict[str, CostSum] = {}
    for group in groups:
        sums.setdefault(key(group), CostSum()).add(group, prices.of(group))
    return sums


def of_containers(seen: Iterable[SeenContainer], prices: RowPrices) -> float | None:
    """Return what the containers on Modal that answered cost as a whole: from their first question, with its cold
    start, to the end of the time that they stay up after their last answer. None if that is not known.
    """
    found = [(container, prices.of_container(container)) for container in seen]
    if not found or any(isinstance(price, Unpriced) for _, price in found):
        return None
    return sum(
        price.per_second * (container.seconds + IDLE_SECONDS) for container, price in found if isinstance(price, Price)
    )


def _unmeasured(group: UsageGroup, price: Price) -> int:
    if price.per_second:
        return group.without_seconds
    return group.without_tokens if price.per_input or price.per_output else 0
