"""What a fake control plane says of money: the rates of a workspace, and its bill by app and interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from modal_proto import api_pb2


@dataclass(frozen=True)
class Bill:
    """What an app cost in the interval that begins at `start` (UTC): dollars by resource, such as `T4` or `CPU`."""

    app: str
    start: datetime
    by_resource: Mapping[str, str]
    environment: str = "main"
    tags: Mapping[str, str] = field(default_factory=dict)

    def row(self, tag_names: list[str]) -> Any:
        shown = self.tags if tag_names == ["*"] else {name: self.tags[name] for name in tag_names if name in self.tags}
        item = api_pb2.WorkspaceBillingReportItem(
            object_id=f"ap-{self.app}",
            description=self.app,
            environment_name=self.environment,
            cost=str(_sum(self.by_resource)),
            tags=shown,
            cost_by_resource=self.by_resource,
        )
        item.interval.FromDatetime(self.start.replace(tzinfo=None))
        return item


@dataclass
class Billing:
    """`rates` are those of `modal billing rates` by name: dollars per unit and hour, storage per GiB and month."""

    rates: dict[str, str] = field(default_factory=dict)
    bills: list[Bill] = field(default_factory=list)

    def rates_answer(self, reply: Any) -> Any:
        return reply(rates=self.rates, formatted="\n".join(f"{name}: ${rate}" for name, rate in self.rates.items()))

    def report(self, request: Any) -> Iterator[Any]:
        """Yield the rows of the intervals from `start_timestamp` up to `end_timestamp`, as they are asked for."""
        start, end = (_time(stamp) for stamp in (request.start_timestamp, request.end_timestamp))
        for bill in self.bills:
            in_environment = f"en-{bill.environment}" in (request.environment_ids or [f"en-{bill.environment}"])
            of_app = f"ap-{bill.app}" in (request.app_ids or [f"ap-{bill.app}"])
            if start <= bill.start < end and in_environment and of_app:
                yield bill.row(list(request.tag_names))

    def summary(self, request: Any, reply: Any) -> Any:
        """Return the sums of the month that begins at `start_timestamp`."""
        start = _time(request.start_timestamp)
        month = [bill for bill in self.bills if (bill.start.year, bill.start.month) == (start.year, start.month)]
        by_resource: dict[str, Decimal] = {}
        for bill in month:
            for resource, cost in bill.by_resource.items():
                by_resource[resource] = by_resource.get(resource, Decimal(0)) + Decimal(cost)
        total = str(sum(by_resource.values(), Decimal(0)))
        breakdown = {resource: str(cost) for resource, cost in by_resource.items()}
        return reply(metered_cost=total, billed_cost=total, metered_cost_breakdown=breakdown)


def _time(stamp: Any) -> datetime:
    found: datetime = stamp.ToDatetime().replace(tzinfo=UTC)
    return found


def _sum(costs: Mapping[str, str]) -> Decimal:
    return sum(map(Decimal, costs.values()), Decimal(0))
