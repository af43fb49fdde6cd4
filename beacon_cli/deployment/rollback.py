"""Rolls back one version: what `modal app rollback` does, for each region, with explicit versions.

The SDK offers this only on its command line, so its command is run.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from beacon_cli.console.program_name import command
from beacon_cli.deployment.control_plane import preflight
from beacon_cli.deployment.failures import Failure
from beacon_cli.deployment.process import run_python
from beacon_cli.deployment.report import RegionalReport
from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.endpoints.recorded import environment_name, recorded_apps, recorded_endpoints, save
from beacon_cli.errors import BeaconError, ConfigError, EnvironmentFault
from beacon_cli.settings import Settings
from beacon_cli.signals import run_interruptible
from modal_deployment.contents import gpu_functions
from modal_deployment.regions import Region

_HISTORY_SECONDS = 30.0
_ROLLBACK_SECONDS = 120.0  # the SDK itself waits 40 s for the old containers to stop


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What to roll back. An empty `environment` is the workspace's default one. A `dry_run` only reads the versions."""

    regions: tuple[Region, ...]
    environment: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RollbackOutcome:
    """The outcome of one region's app: `planned` is that of a dry run.

    The versions are Modal's numbers; they and the URLs are None if unknown.
    """

    region: Region
    app_name: str
    status: Literal["rolled_back", "planned", "failed", "unknown"] = "failed"
    from_version: int | None = None
    to_version: int | None = None
    failure: Failure | None = None
    urls: Mapping[str, str] | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document."""
        return {
            "app_name": self.app_name,
            "status": self.status,
            "error": self.failure and asdict(self.failure),
            "from_version": self.from_version,
            "to_version": self.to_version,
            "urls": self.urls,
        }


@dataclass(frozen=True)
class RollbackReport(RegionalReport[RollbackOutcome]):
    """The result of a rollback."""

    environment: str = ""

    def endpoints(self, settings: Settings) -> dict[str, Endpoint]:
        """Return the endpoints of the regions that were rolled back: as Modal, the record or the settings know them."""
        rolled_back = [outcome for outcome in self.outcomes.values() if outcome.status == "rolled_back"]
        known = recorded_endpoints(settings) if self.environment == environment_name(settings) else {}
        functions = gpu_functions(settings.vocabulary.deployed)
        known |= {
            each.region.id: Endpoint.of_urls(each.region, each.urls, functions) for each in rolled_back if each.urls
        }
        regions = [outcome.region for outcome in rolled_back]
        found = {region.id: known[region.id] for region in regions if region.id in known}
        for region in regions:
            if region.id not in found:
                try:
                    found |= configured_endpoints(settings, [region])
                except ConfigError:
                    continue
        return found


def rollback(request: RollbackRequest, settings: Settings, notify: Callable[[str], None]) -> RollbackReport:
    """Restore the previous version in all regions at the same time. `notify` gets progress lines.

    Failures of a region are in the report. Raises `CredentialsError` or `EnvironmentFault` if nothing was begun, and
    `Interrupted`.
    """
    operation = _Rollback(request, settings, notify)
    return run_interruptible(operation.run, stopping=lambda: notify("stopping…"), hint=operation.hint_when_interrupted)


@dataclass
class _Rollback:
    request: RollbackRequest
    settings: Settings
    notify: Callable[[str], None]
    _begun: list[str] = field(default_factory=list)

    async def run(self) -> RollbackReport:
        self.notify("looking for Modal's control plane…")
        await preflight()
        found = await asyncio.gather(*(self._roll_back(region) for region in self.request.regions))
        outcomes = {outcome.region.id: outcome for outcome in found}
        return RollbackReport(outcomes, tuple(self._forget_registry(outcomes)), self.request.environment)

    def hint_when_interrupted(self) -> str:
        if not self._begun:
            return "nothing was rolled back"
        return f"may have been rolled back: see {', '.join(f'modal app history {name}' for name in self._begun)}"

    async def _roll_back(self, region: Region) -> RollbackOutcome:
        from modal_deployment.app import app_name

        outcome = RollbackOutcome(region, app_name(region.id))
        versions, failure = await self._versions(outcome.app_name)
        if failure is None and len(versions) < 2:
            again = command("deploy modal --region", region.id)
            hint = f"modal app history {outcome.app_name}; {again} deploys again"
            failure = Failure("no_version_before", "there is no version before the current one", hint)
        if failure is not None:
            outcome = replace(outcome, from_version=versions[0] if versions else None, failure=failure)
        else:
            outcome = replace(outcome, from_version=versions[0], to_version=versions[1])
            outcome = replace(outcome, status="planned") if self.request.dry_run else await self._put_back(outcome)
        self.notify(_outcome_line(outcome))
        return outcome

    async def _versions(self, name: str) -> tuple[list[int], Failure | None]:
        """Return the app's versions, current one first, or why they cannot be read."""
        out, failure = await self._modal("history", name, "--json", timeout=_HISTORY_SECONDS)
        if failure is not None:
            return [], failure
        try:
            return [int(str(row["version"]).removeprefix("v")) for row in json.loads(out)], None
        except (ValueError, KeyError, TypeError):
            return [], Failure(
                "rollback", f"modal app history {name} printed nothing usable", "run it and read its output"
            )

    async def _put_back(self, outcome: RollbackOutcome) -> RollbackOutcome:
        self._begun.append(outcome.app_name)
        self.notify(f"{outcome.region.label}: going back from v{outcome.from_version} to v{outcome.to_version}")
        arguments = ("rollback", outcome.app_name, f"v{outcome.to_version}", "--strategy", "recreate")
        _, failure = await self._modal(*arguments, timeout=_ROLLBACK_SECONDS)
        if failure is None or failure.code == "containers_not_stopped":
            urls = await self._urls(outcome.app_name)
            if urls is None:
                self.notify(f"warning: {outcome.region.label}: Modal did not say what its URLs are now; verify them")
            return replace(outcome, status="rolled_back", failure=failure, urls=urls)
        return replace(outcome, status="unknown" if failure.code == "timeout" else "failed", failure=failure)

    async def _urls(self, name: str) -> dict[str, str] | None:
        """Return the app's URLs, which may be others than those of the version before; None if they cannot be had."""
        functions = [function.name for function in gpu_functions(self.settings.vocabulary.deployed)]
        arguments = ("-m", "beacon_cli.deployment.app_urls", name, self.request.environment, *functions)
        finished = await run_python(*arguments, timeout=_HISTORY_SECONDS, on_line=lambda _: None)
        try:
            urls: dict[str, str] | None = json.loads(finished.out)
        except ValueError:
            return None
        return urls

    async def _modal(self, command: str, name: str, *options: str, timeout: float) -> tuple[str, Failure | None]:
        lines: list[str] = []
        where = ("--env", self.request.environment) if self.request.environment else ()
        arguments = ("-m", "modal", "app", command, name, *options, *where)
        finished = await run_python(*arguments, timeout=timeout, on_line=lines.append)
        return finished.out, None if finished.code == 0 else _failure(name, finished.code, timeout, " ".join(lines))

    def _forget_registry(self, outcomes: Mapping[str, RollbackOutcome]) -> list[BeaconError]:
        """Record that it is no longer known which registry is served, and where the regions are now."""
        known = recorded_apps(self.settings, self.request.environment)
        apps = {
            region_id: (entry["app_name"], entry["app_id"], outcome.urls or entry["urls"])
            for region_id, outcome in outcomes.items()
            if outcome.status == "rolled_back" and (entry := known.get(region_id)) is not None
        }
        try:
            if apps:
                save(self.settings, self.request.environment, apps, None)
        except EnvironmentFault as error:
            return [error]
        return []


def _failure(name: str, code: int | None, timeout: float, output: str) -> Failure:
    """Explain a failed command of the SDK; its output ends with `Error: …`."""
    if code is None:
        return Failure("timeout", f"Modal did not answer within {timeout:.0f} s", f"modal app history {name}")
    words = re.split(r"\bError:\s*", output)[-1].strip() or f"it ended with code {code}"
    if "containers did not all terminate" in output:
        hint = "stop them: modal container list, then modal container stop"
        return Failure("containers_not_stopped", "the previous version is back, but old containers still run", hint)
    if "No App with name" in words:
        return Failure("not_found", f"{name} is not deployed", f"check --environment, or: {command('deploy modal')}")
    return Failure("rollback", f"modal app rollback {name} failed: {words[:300]}", f"modal app history {name}")


def _outcome_line(outcome: RollbackOutcome) -> str:
    if outcome.status == "rolled_back":
        return f"{outcome.region.label}: from v{outcome.from_version} back to v{outcome.to_version}"
    if outcome.status == "planned":
        return f"{outcome.region.label}: would go from v{outcome.from_version} back to v{outcome.to_version}"
    return f"{outcome.region.label}: {outcome.status}: {outcome.failure.message if outcome.failure else ''}"
