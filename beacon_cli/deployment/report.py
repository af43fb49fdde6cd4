"""The results of a deployment, region by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from beacon_cli.deployment.control_plane import Container
from beacon_cli.deployment.failures import Failure, errors_of, exit_code_of
from beacon_cli.deployment.hints import rollback_command
from beacon_cli.deployment.production import Production
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.endpoints.versions import AppVersions
from beacon_cli.errors import BeaconError
from modal_deployment.contents import GpuFunction
from modal_deployment.regions import Region

# unpublished: its functions were created, but the previous version still serves; unknown: it was ended half-way.
Status = Literal["deployed", "failed", "unpublished", "unknown"]


@dataclass(frozen=True, slots=True)
class AppOutcome:
    """The outcome of one region's app. `log` is the file with all output, `tail` its last lines.

    `version` is Modal's number of what serves now, None if it is not known.
    """

    region: Region
    app_name: str
    status: Status
    log: Path
    seconds: float
    app_id: str | None = None
    version: int | None = None
    urls: Mapping[str, str] | None = None
    failure: Failure | None = None
    tail: tuple[str, ...] = ()
    containers: tuple[Container, ...] | None = None

    @property
    def production(self) -> Production | None:
        """What serves now, if it is known."""
        known = self.app_id and self.version
        return Production(self.app_id or "", self.version or 0, self.urls) if known else None

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document; `containers` is null if they could not be listed."""
        return {
            "app_name": self.app_name,
            "app_id": self.app_id,
            "version": self.version,
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
    """The result of a deployment.

    `functions` are those on GPUs that each region has now, `known` what was known of the versions before, by region id.
    """

    workspace: str = ""
    environment: str = ""
    registry_sha256: str = ""
    functions: tuple[GpuFunction, ...] = ()
    known: Mapping[str, AppVersions] = field(default_factory=dict)

    @property
    def published(self) -> tuple[AppOutcome, ...]:
        """The regions that have a new version, or the same one again."""
        return tuple(outcome for outcome in self.outcomes.values() if outcome.status == "deployed")

    @property
    def first(self) -> tuple[AppOutcome, ...]:
        """The published regions without a version to go back to."""
        return tuple(outcome for outcome in self.published if outcome.version == 1)

    def way_back(self, *, ok: bool) -> str | None:
        """Return the command that rolls back what was published; None if all is well (`ok`), or there is no way.

        A region goes back to the version that was verified last; if none is known, to the one before.
        """
        targets: dict[int | None, list[str]] = {}
        for outcome in () if ok else self.published:
            if outcome not in self.first:
                targets.setdefault(self._named_target(outcome), []).append(outcome.region.id)
        commands = [rollback_command(region_ids, self.environment, to) for to, region_ids in targets.items()]
        return " && ".join(commands) or None

    def _named_target(self, outcome: AppOutcome) -> int | None:
        """Return the version that has to be named to go back; None if Beacon finds it."""
        versions = self.known.get(outcome.region.id, AppVersions()).of_app(outcome.app_id or "")
        verified = versions.last_verified(self.registry_sha256)
        if outcome.version is None or verified not in (None, outcome.version):
            return None
        return outcome.version - 1

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints of the deployed regions."""
        return {
            region_id: Endpoint.of_urls(outcome.region, outcome.urls, self.functions)
            for region_id, outcome in self.outcomes.items()
            if outcome.urls is not None
        }
