"""Modal's own billing report, and the workspace's rates, through the SDK's public interface.

Source: https://modal.com/docs/sdk/py/latest/Workspace (`billing.report`, `billing.rates`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from beacon_cli.console.printable import excerpt
from beacon_cli.console.redaction import redacted
from beacon_cli.deployment.control_plane import preflight
from beacon_cli.deployment.failures import NETWORK_HINT, explain
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.errors import EnvironmentFault
from beacon_cli.prices.workspace_rates import WorkspaceRates, usable_rate
from beacon_cli.settings import Settings

_APP = "project-beacon-hf-"
_ANSWER_SECONDS = 30.0
# Modal bills for whole hours or days. Hours say more, but of a long time there would be too many.
_MOST_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Billed:
    """What Modal billed for Beacon's apps in whole intervals (`h` or `d`), in US dollars: everything that they did in
    that time, also for others. `end` is exclusive. `by_region` is by label, or by id for a region that is not known.
    """

    workspace: str
    start: datetime
    end: datetime
    resolution: str
    by_region: Mapping[str, float]

    @property
    def dollars(self) -> float:
        """The sum over all regions."""
        return sum(self.by_region.values())

    def as_data(self) -> dict[str, Any]:
        """Return it as in JSON documents."""
        return {
            "workspace": self.workspace,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "resolution": self.resolution,
            "cost": round(self.dollars, 6),
            "by_region": {label: round(amount, 6) for label, amount in self.by_region.items()},
        }


def read_billing(settings: Settings, first: datetime, last: datetime) -> tuple[Billed, WorkspaceRates]:
    """Return what Modal billed for Beacon's apps from `first` to `last`, and the workspace's rates.

    Raises `CredentialsError`, `EnvironmentFault` and `ProblemsFound`.
    """
    start, end, resolution = whole_intervals(first, last, datetime.now(UTC))
    return asyncio.run(_read(settings, start, end, resolution))


def whole_intervals(first: datetime, last: datetime, now: datetime) -> tuple[datetime, datetime, str]:
    """Return the hours, or for a long time the days, in which a time lies, as far as they are over: only whole ones
    are reported."""
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    hourly = last - first <= timedelta(hours=_MOST_HOURS)
    step = timedelta(hours=1) if hourly else timedelta(days=1)

    def floor(at: datetime) -> datetime:
        return at.replace(hour=at.hour if hourly else 0, minute=0, second=0, microsecond=0)

    return floor(first), min(floor(last) + step, floor(now)), "h" if hourly else "d"


async def _read(settings: Settings, start: datetime, end: datetime, resolution: str) -> tuple[Billed, WorkspaceRates]:
    name = await preflight()
    import modal

    billing = modal.Workspace.from_context().billing
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            rates = await billing.rates.aio()
            # Nothing is reported of an interval that is not over.
            items = await billing.report.aio(start=start, end=end, resolution=resolution) if start < end else []
    except TimeoutError:
        raise EnvironmentFault(
            f"Modal did not send its billing report within {_ANSWER_SECONDS:.0f} s", hint=NETWORK_HINT
        ) from None
    except modal.Error as error:
        raise explain(error).as_error("billing report") from error
    regions = settings.vocabulary.regions
    environment = environment_name(settings)
    by_region: dict[str, float] = defaultdict(float)
    for item in items:
        if item.description.startswith(_APP) and environment in {"", item.environment_name}:
            region_id = item.description.removeprefix(_APP)
            label = regions[region_id].label if region_id in regions else excerpt(redacted(region_id), 60)
            by_region[label] += float(item.cost)
    per_hour = {key: str(value) for key, value in rates.items() if usable_rate(key, value)}
    return (
        Billed(name, start, end, resolution, dict(sorted(by_region.items(), key=lambda item: regions.rank(item[0])))),
        WorkspaceRates(name, datetime.now(UTC).date().isoformat(), per_hour),
    )
