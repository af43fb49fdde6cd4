"""The results of a verification, region by region."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from beacon_cli.console.program_name import command
from beacon_cli.errors import BeaconError, CredentialsError, EnvironmentFault
from beacon_cli.executor.failures import REFUSED
from beacon_cli.region_settings import Api
from beacon_cli.verification.findings import Finding, Target
from modal_deployment.regions import Region

Source = Literal["models", "health"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One tiny question to one model.

    `region` and `model_revision` are what the answer reports; `error` is an error code, None if `ok`.
    """

    ok: bool
    region: str | None
    container_id: str | None
    container_region: str | None
    latency_seconds: float
    hops: int
    error: str | None
    model_revision: str | None = None


@dataclass(frozen=True, slots=True)
class RegionReport:
    """One region compared with the registry, or with the names that its models should have.

    `api` is what it speaks, and `expected` are the ids of the models that it should serve.
    `reachable` says whether a function of the region itself answered. `source` is the function with the list of models,
    None if neither gave one: then `missing` and `extra` are unknown and empty. `renamed` maps a served id to the
    registry's id of the same weights. `lock_sha256` is the hash of what is installed in
    its containers. `says_region` is the region that the endpoint reports. `latency_seconds` is the
    time of the request that answered, `cold_start_seconds` the whole time until then if the region was cold.
    """

    region: Region
    reachable: bool
    source: Source | None
    models_served: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    renamed: Mapping[str, str]
    registry_sha256: str | None
    hash_matches: bool | None
    lock_sha256: str | None
    says_region: str | None
    version: str | None
    container_id: str | None
    latency_seconds: float | None
    cold_start_seconds: float | None
    hops: int
    probes: Mapping[str, Probe]
    findings: tuple[Finding, ...]
    expected: tuple[str, ...]
    api: Api = "beacon"

    @property
    def ok(self) -> bool:
        """Whether there is no failure; there may be warnings."""
        return not any(finding.severity == "fail" for finding in self.findings)

    def has(self, code: str) -> bool:
        """Whether there is a finding with this code."""
        return any(finding.code == code for finding in self.findings)

    def joined(self, other: RegionReport) -> RegionReport:
        """Return the report of a region whose models are asked in two ways: of this one, and of those of another."""
        return replace(
            self,
            reachable=self.reachable or other.reachable,
            source=self.source or other.source,
            models_served=(*self.models_served, *other.models_served),
            missing=(*self.missing, *other.missing),
            says_region=self.says_region or other.says_region,
            probes={**self.probes, **other.probes},
            findings=(*self.findings, *other.findings),
            expected=(*self.expected, *other.expected),
        )

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document."""
        document = asdict(self)
        del document["region"]
        return document


def verify_command(named: Iterable[Region], environment: str, *, local: bool = False) -> str:
    """Return the command that verifies these regions, or all. `environment` is one that the settings do not name."""
    where = f"BEACON_MODAL__ENVIRONMENT={shlex.quote(environment)} " if environment else ""
    options = [*(["--local"] if local else []), *(f"--region {shlex.quote(region.id)}" for region in named)]
    return where + " ".join([command("verify endpoints"), *options])


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All regions of a target, or those that were `named`. `regions` is by region id, in the given order.

    `environment` is the one on Modal, if it is not the one that the settings name.
    """

    target: Target
    probed: bool
    regions: Mapping[str, RegionReport]
    named: tuple[Region, ...] = ()
    environment: str = ""

    @property
    def again(self) -> str:
        """The command that verifies the same regions."""
        return verify_command(self.named, self.environment, local=self.target == "local")

    @property
    def ok(self) -> bool:
        """Whether every region is fine; there may be warnings."""
        return all(region.ok for region in self.regions.values())

    @property
    def error(self) -> BeaconError | None:
        """What prevented the whole verification: refused credentials, or no network."""
        reports = self.regions.values()
        refused = {
            report.region.label: finding.hint
            for report in reports
            for finding in report.findings
            if finding.code in REFUSED
        }
        if refused:
            return CredentialsError(
                f"the credentials are missing or refused in {', '.join(refused)}",
                hint="; ".join(dict.fromkeys(refused.values())),
            )
        if reports and all(report.has("unreachable") and not report.reachable for report in reports):
            there = "check the network, the proxy if a message names one, and the URLs"
            hint = f"start them: {command('serve')}" if self.target == "local" else there
            return EnvironmentFault("no region could be reached", hint=hint)
        return None

    @property
    def problems(self) -> tuple[BeaconError, ...]:
        """The failures of the regions, if nothing prevented the whole verification."""
        if self.error is not None:
            return ()
        return tuple(
            finding.as_problem(report.region.label)
            for report in self.regions.values()
            for finding in report.findings
            if finding.severity == "fail"
        )

    @property
    def exit_code(self) -> int:
        """0 if all is well, 1 for failures, 3 if no region could be reached, 4 if the credentials were refused."""
        if (error := self.error) is not None:
            return error.exit_code
        return 0 if self.ok else 1

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of the JSON document."""
        return {
            "target": self.target,
            "regions": {region_id: report.as_data() for region_id, report in self.regions.items()},
        }
