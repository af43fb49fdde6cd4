"""`limits.max_cost` of a run: whether it can be kept, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.settings import Settings

if TYPE_CHECKING:
    from beacon_cli.costs.usage import UsageGroup
    from beacon_cli.prices.budget import Budget
    from beacon_cli.store.job_store import Claim


async def budget_of(
    settings: Settings,
    claim: Claim,
    lanes: Sequence[Lane],
    endpoints: Mapping[str, Endpoint],
    limits: Limits,
    database_url: str,
    *,
    local: bool,
) -> Budget | None:
    """Return what a claimed job may still cost, None if it has no limit.

    Raises `UsageError` if a price that the limit needs is not known, and `StoreError`.
    """
    if limits.max_cost is None:
        return None
    import asyncio

    from beacon_cli.costs.sums import RowPrices, summed
    from beacon_cli.costs.usage import read_usage_of
    from beacon_cli.prices.book import PriceBook, lane_kind, lane_prices
    from beacon_cli.prices.budget import Budget, require_priced

    book = PriceBook(settings)
    prices = require_priced(lane_prices(book, lanes, endpoints, local=local), limits.max_cost)
    spent, longest = 0.0, dict[Lane, float]()
    if claim.exists:
        groups = await asyncio.to_thread(read_usage_of, database_url, claim.job_id)
        kinds = {lane: lane_kind(lane, endpoints, local=local) for lane in lanes}
        spent = summed(groups, RowPrices(book, settings.vocabulary.regions, kinds)).dollars
        longest = {lane: _longest(groups, lane) for lane in lanes}
    return Budget(claim.job, limits.max_cost, spent, prices, longest)


def _longest(groups: Sequence[UsageGroup], lane: Lane) -> float:
    of_lane = (each for each in groups if (each.model_id, each.region) == (lane.model_id, lane.region.label))
    return max((each.longest for each in of_lane), default=0.0)


def require_cost_limit(
    settings: Settings, lanes: Sequence[Lane], endpoints: Mapping[str, Endpoint], limits: Limits
) -> None:
    """Raise `UsageError` if the job has a limit on its cost, and a price that it needs is not known."""
    if limits.max_cost is not None:
        from beacon_cli.prices.book import PriceBook, lane_prices
        from beacon_cli.prices.budget import require_priced

        require_priced(lane_prices(PriceBook(settings), lanes, endpoints, local=False), limits.max_cost)
