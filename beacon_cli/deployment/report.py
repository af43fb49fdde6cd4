"""The results of a deployment, region by region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from beacon_cli.console.program_name import command
from beacon_cli.deployment.control_plane import Container
from beacon_cli.deployment.failures import Failure, errors_of, exit_code_of
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import BeaconError
from modal_deployment.contents import GpuFunction
from modal_deployment.regions import Region

# unpublished: its functions were created, but the previous version still serves; unknown: it was ended half-way.
Status = Literal["deployed", "failed", "unpublished", "unknown"]


@dataclass(frozen=True, slots=True)
class AppOutcome:
    """The outcome of one region's app. `log` is the file with all output, `tail` its last lines."""

    region: Region
    app_name: str
    status: Status
    log: Path
    seconds: float
    app_id: str | None = None
    urls: Mapping[str, str] | None = None
    failure: Failure | None = None
    tail: tuple[str, ...] = ()
    containers: tuple[Container, ...] | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document; `containers` is null if they could not be listed."""
        return {
            "app_name": self.app_name,
            "app_id": self.app_id,
            "urls": self.urls,
            "status": self.status,
            "error": self.failure and asdict(self.failure),
            "log": str(self.log),
            "seconds": round(self.seconds, 3),
            "containers": None if self.containers is None else [found.as_data() for found in self.containers],
        }


class RegionOutcome(Protocol):
    """The outcome of one region, for a deployment or a rollback."""

    @property
    def region(self) -> Region:
        """Which region."""
        ...

    @property
    def failure(self) -> Failure | None:
        """The failure, if any."""
        ...


OutcomeT = TypeVar("OutcomeT", bound=RegionOutcome)


@dataclass(frozen=True)
class RegionalReport(Generic[OutcomeT]):
    """The outcomes of all regions by region id, and the problems that belong to no single region."""

    outcomes: Mapping[str, OutcomeT]
    problems: tuple[BeaconError, ...] = ()

    @property
    def errors(self) -> tuple[BeaconError, ...]:
        """One error per failure, with the regions that share it, then the others."""
        return (*errors_of((found.region, found.failure) for found in self.outcomes.values()), *self.problems)

    @property
    def exit_code(self) -> int:
        """0 if all is well and recorded; 3 or 4 if every region failed for that one reason; else 1."""
        code = exit_code_of(outcome.failure for outcome in self.outcomes.values())
        return code or (self.problems[0].exit_code if self.problems else 0)


@dataclass(frozen=True)
class DeployReport(RegionalReport[AppOutcome]):
    """The result of a deployment. `functions` are those on GPUs that each region has now."""

    workspace: str = ""
    functions: tuple[GpuFunction, ...] = ()

    def way_back(self, *, ok: bool) -> str | None:
        """Return the command that rolls back what was published; None if all is well (`ok`), or nothing was."""
        published = [region_id for region_id, outcome in self.outcomes.items() if outcome.status == "deployed"]
        return None if ok or not published else rollback_command(published)

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints of the deployed regions."""
        return {
            region_id: Endpoint.of_urls(outcome.region, outcome.urls, self.functions)
            for region_id, outcome in self.outcomes.items()
            if outcome.urls is not None
        }


def rollback_command(region_ids: Iterable[str]) -> str:
    """Return the command that rolls these regions back."""
    return " ".join((command("rollback modal"), *(f"--region {region_id}" for region_id in region_ids)))
