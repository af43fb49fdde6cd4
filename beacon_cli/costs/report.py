"""`beacon costs`: what jobs cost by their rows, with Modal's billing report beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from beacon_cli.console.status_line import status_line
from beacon_cli.costs.billing import Billed, read_billing
from beacon_cli.costs.sums import CostSum, RowPrices, of_containers, summed, summed_by
from beacon_cli.costs.usage import SeenContainer, UsageGroup, read_usage
from beacon_cli.deployment.credentials import has_credentials
from beacon_cli.errors import BeaconError
from beacon_cli.prices.book import PriceBook
from beacon_cli.prices.workspace_rates import keep_rates
from beacon_cli.records.choose_job import chosen_job
from beacon_cli.records.snapshot import Connection
from beacon_cli.settings import Settings

By = Literal["job", "run", "region", "model"]

_KEYS: Mapping[By, Callable[[UsageGroup], str]] = {
    "job": lambda group: group.job_id,
    "run": lambda group: group.run_id,
    "region": lambda group: group.region,
    "model": lambda group: group.model_id,
}


@dataclass(frozen=True, slots=True)
class CostReport:
    """What stored executions cost.

    `containers` is what the containers on Modal that answered cost as a whole, None if that is not known. `billed` is
    Modal's own report, None without credentials or executions on Modal, or if it could not be read: `not_billed` then
    says why. `unasked` says that Modal was not to be asked.
    """

    job_id: str | None
    since: datetime | None
    total: CostSum
    groups: Mapping[By, Mapping[str, CostSum]]
    containers: float | None
    billed: Billed | None = None
    not_billed: BeaconError | None = None
    unasked: bool = False

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document."""
        return {
            "job_id": self.job_id,
            "since": self.since and self.since.isoformat(),
            "currency": "USD",
            **self.total.as_data(),
            "with_idle_time": None if self.containers is None else round(self.containers, 6),
            "sources": list(self.total.sources),
            **{
                f"by_{by}": [{by: name, **each.as_data()} for name, each in sums.items()]
                for by, sums in self.groups.items()
            },
            "billing": self.billed and self.billed.as_data(),
            "billing_error": self.not_billed and self.not_billed.message,
        }


def cost_report(
    connection: Connection,
    settings: Settings,
    job_id: str | None,
    since: datetime | None,
    *,
    billing: bool,
    as_json: bool,
) -> CostReport:
    """Return what the executions of a job, or of all jobs, cost; `billing`: ask Modal too, if there are credentials.

    The rates of the workspace that come with the billing report are kept, and used from now on. Raises `JobNotFound`,
    `SchemaError` and `StoreError`.
    """
    if job_id is not None:
        regions = settings.vocabulary.regions
        job_id = chosen_job(connection, job_id, regions=regions, as_json=as_json, announced=False).id
    groups, seen = read_usage(connection, job_id, since)
    billed, fault = _billed(settings, groups) if billing else (None, None)
    return replace(_report(settings, job_id, since, groups, seen, billed, fault), unasked=not billing)


def _billed(settings: Settings, groups: Iterable[UsageGroup]) -> tuple[Billed | None, BeaconError | None]:
    on_modal = [group for group in groups if group.kind == "modal"]
    firsts = [group.first_at for group in on_modal if group.first_at is not None]
    lasts = [group.last_at for group in on_modal if group.last_at is not None]
    if not firsts or not has_credentials():
        return None, None
    try:
        with status_line("asking Modal what it billed"):
            billed, rates = read_billing(settings, min(firsts), max(lasts))
        if rates.per_hour:
            keep_rates(settings, rates)
    except BeaconError as error:
        return None, error
    return billed, None


def _report(
    settings: Settings,
    job_id: str | None,
    since: datetime | None,
    groups: list[UsageGroup],
    seen: list[SeenContainer],
    billed: Billed | None,
    fault: BeaconError | None,
) -> CostReport:
    prices = RowPrices(PriceBook(settings), settings.vocabulary.regions)
    return CostReport(
        job_id=job_id,
        since=since,
        total=summed(groups, prices),
        groups={by: summed_by(groups, prices, key) for by, key in _KEYS.items()},
        containers=of_containers(seen, prices),
        billed=billed,
        not_billed=fault,
    )
