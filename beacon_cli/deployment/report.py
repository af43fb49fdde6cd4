"""What became of a deployment, region by region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from beacon_cli.console.program_name import command
from beacon_cli.deployment.control_plane import Container
from beacon_cli.deployment.failures import Failure, errors_of, exit_code_of
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.endpoints.recorded import endpoint_at
from beacon_cli.errors import BeaconError
from modal_deployment.regions import Region

# unpublished: its functions were created, and the version before still serves; unknown: it was ended half-way.
Status = Literal["deployed", "failed", "unpublished", "unknown"]


@dataclass(frozen=True, slots=True)
class AppOutcome:
    """What became of one region's app. `log` holds all that was printed, `tail` its last lines."""

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
        """Return it as the JSON document has it; `containers` is null when they could not be listed."""
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
    """What became of one region, whatever was done there."""

    @property
    def region(self) -> Region:
        """Which region."""
        ...

    @property
    def failure(self) -> Failure | None:
        """What went wrong, if anything."""
        ...


OutcomeT = TypeVar("OutcomeT", bound=RegionOutcome)


@dataclass(frozen=True)
class RegionalReport(Generic[OutcomeT]):
    """All regions' outcomes by region id, and the problems that no region has on its own."""

    outcomes: Mapping[str, OutcomeT]
    problems: tuple[BeaconError, ...] = ()

    @property
    def errors(self) -> tuple[BeaconError, ...]:
        """One error per failure, with the regions that share it, then the others."""
        return (*errors_of((found.region, found.failure) for found in self.outcomes.values()), *self.problems)

    @property
    def exit_code(self) -> int:
        """0 when all is well and recorded; 3 or 4 when every region failed for that one reason; else 1."""
        code = exit_code_of(outcome.failure for outcome in self.outcomes.values())
        return code or (self.problems[0].exit_code if self.problems else 0)


@dataclass(frozen=True)
class DeployReport(RegionalReport[AppOutcome]):
    """What became of a deployment."""

    workspace: str = ""

    def way_back(self, *, ok: bool) -> str | None:
        """Return the command that undoes what was published; None when all is well (`ok`), or nothing was."""
        published = [region_id for region_id, outcome in self.outcomes.items() if outcome.status == "deployed"]
        return None if ok or not published else rollback_command(published)

    def endpoints(self) -> dict[str, Endpoint]:
        """Return where the deployed regions answer."""
        return {
            region_id: endpoint_at(region_id, outcome.urls)
            for region_id, outcome in self.outcomes.items()
            if outcome.urls is not None
        }


def rollback_command(region_ids: Iterable[str]) -> str:
    """Return the command that rolls these regions back."""
    return " ".join((command("rollback modal"), *(f"--region {region_id}" for region_id in region_ids)))
