"""What a job and its last run cost, at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beacon_cli.console.formatting import dollars
from beacon_cli.costs.sums import CostSum, RowPrices, of_containers, summed
from beacon_cli.costs.texts import sum_lines
from beacon_cli.costs.usage import read_usage
from beacon_cli.prices.book import PriceBook
from beacon_cli.records.snapshot import Connection
from beacon_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class RunCost:
    """What a run cost by its rows, and the job in all of its runs: None if that was not read.

    `containers` is what the containers on Modal that answered the job cost as a whole, None if that is not known.
    `max_cost` is the job's limit, if it has one.
    """

    run: CostSum
    job: CostSum | None = None
    containers: float | None = None
    max_cost: float | None = None

    @property
    def exceeded(self) -> bool:
        """Whether the job cost more than its limit."""
        return self.job is not None and self.max_cost is not None and self.job.dollars > self.max_cost

    def as_data(self) -> dict[str, Any]:
        """Return it as `cost` of `beacon run --json`."""
        return {
            "currency": "USD",
            "run": self.run.as_data(),
            "job": self.job and self.job.as_data(),
            "with_idle_time": None if self.containers is None else round(self.containers, 6),
            "sources": list((self.job or self.run).sources),
            "max_cost": self.max_cost,
            "max_cost_exceeded": None if self.max_cost is None else self.exceeded,
        }

    def lines(self) -> Iterator[str]:
        """Yield it for people; nothing where servers on this machine gave all answers."""
        if self.job is not None:
            yield from sum_lines(self.job, self.containers, of_run=self.run)
        if self.job is not None and self.max_cost is not None and self.exceeded:
            over = dollars(self.job.dollars - self.max_cost)
            yield f"limits.max_cost of {dollars(self.max_cost)} was exceeded by {over}"


def read_run_cost(
    connection: Connection, settings: Settings, job_id: str, run_id: str, *, local: bool, max_cost: float | None
) -> RunCost:
    """Return what a job and one of its runs cost. Rows of a run on this machine's servers are not read: it is free.

    Raises `StoreError`.
    """
    if local:
        return RunCost(CostSum(), max_cost=max_cost)
    groups, seen = read_usage(connection, job_id)
    prices = RowPrices(PriceBook(settings), settings.vocabulary.regions)
    of_run = [group for group in groups if group.run_id == run_id]
    return RunCost(summed(of_run, prices), summed(groups, prices), of_containers(seen, prices), max_cost)
