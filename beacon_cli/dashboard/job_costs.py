"""What a job costs so far, by its rows, as `beacon costs` sums it."""

from __future__ import annotations

from typing import Any

from beacon_cli.console.formatting import dollars
from beacon_cli.costs.sums import RowPrices, summed
from beacon_cli.costs.usage import read_usage
from beacon_cli.dashboard.site import Site
from beacon_cli.prices.book import PriceBook
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection


def cost_so_far(connection: Connection, site: Site, job: StoredJob) -> str:
    """Return what the rows of a job cost, for people, and the limit if the job has one. Raises `StoreError`."""
    if job.schema == "legacy":
        return "not known"
    groups, _ = read_usage(connection, job.id)
    total = summed(groups, RowPrices(PriceBook(site.settings), job.regions))
    cost = total.as_data()["cost"]
    unknown = " and what has no price" if total.unpriced and cost is not None else ""
    spent = "not known" if cost is None else "nothing" if total.free and not cost else dollars(total.dollars) + unknown
    limit = _limit(job.spec)
    return spent if limit is None else f"{spent} (limit {dollars(limit)})"


def _limit(spec: Any) -> float | None:
    limits = spec.get("limits") if isinstance(spec, dict) else None
    limit = limits.get("max_cost") if isinstance(limits, dict) else None
    return float(limit) if isinstance(limit, int | float) else None
