"""Goes back to the version that was verified last, or to a named one: `modal app rollback`, for each region.

The SDK offers this only on its command line, so its command is run. A rollback makes a new version with the contents of
an old one; which one that is, is recorded, so that a region that is there already is left alone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from beacon_cli.deployment.control_plane import preflight
from beacon_cli.deployment.failures import NOT_TERMINATED, PLANS, Failure, containers_not_stopped, explain_text
from beacon_cli.deployment.hints import (
    apps_command,
    deploy_command,
    history_command,
    rollback_command,
)
from beacon_cli.deployment.process import run_python
from beacon_cli.deployment.production import Production, what_serves
from beacon_cli.deployment.report import RegionalReport
from beacon_cli.door import Door
from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.recorded import recorded_apps, recorded_endpoints, save
from beacon_cli.endpoints.versions import AppVersions, known_versions, record_versions
from beacon_cli.errors import BeaconError, EnvironmentFault, NoEndpoint
from beacon_cli.settings import Settings
from beacon_cli.signals import run_interruptible
from modal_deployment.contents import app_name, gpu_functions
from modal_deployment.regions import Region
from modal_deployment.registry import registry_sha256

_HISTORY_SECONDS = 30.0
_ROLLBACK_SECONDS = 120.0  # the SDK itself waits 40 s for the old containers to stop
_SHOWN_VERSIONS = 5

Status = Literal["planned", "already_there", "rolled_back", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What to roll back, and to which version: None for the one that was verified last.

    An empty `environment` is the workspace's default one.
    """

    regions: tuple[Region, ...]
    environment: str
    to: int | None = None


@dataclass(frozen=True, slots=True)
class RollbackOutcome:
    """The outcome of one region's app, or the plan for it.

    The versions are Modal's numbers, None if unknown: what served before, what is to serve, and what serves now, which
    after a rollback is a new number. `earlier_version` is the one before the target. `verified_at` is when the target
    was verified (ISO 8601), None if it was not.
    """

    region: Region
    app_name: str
    status: Status = "failed"
    app_id: str | None = None
    from_version: int | None = None
    to_version: int | None = None
    version: int | None = None
    earlier_version: int | None = None
    verified_at: str | None = None
    failure: Failure | None = None
    urls: Mapping[str, str] | None = None

    @property
    def verified(self) -> str:
        """When the target was verified, for people; empty if it was not."""
        return f"{self.verified_at[:16].replace('T', ' ')} UTC" if self.verified_at else ""

    @property
    def is_there(self) -> bool:
        """Whether the region serves what it should go back to."""
        return self.status in ("rolled_back", "already_there")

    @property
    def production(self) -> Production | None:
        """What serves now, if it is known."""
        known = self.app_id and self.version
        return Production(self.app_id or "", self.version or 0, self.urls) if known else None

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document."""
        return {
            "app_name": self.app_name,
            "status": self.status,
            "error": self.failure and asdict(self.failure),
            "from_version": self.from_version,
            "to_version": self.to_version,
            "version": self.version,
            "earlier_version": self.earlier_version,
            "verified_at": self.verified_at,
            "urls": self.urls,
        }


@dataclass(frozen=True)
class RollbackReport(RegionalReport[RollbackOutcome]):
    """The result of a rollback, or its plan."""

    environment: str = ""

    @property
    def planned(self) -> tuple[RollbackOutcome, ...]:
        """The regions that are to be rolled back."""
        return tuple(outcome for outcome in self.outcomes.values() if outcome.status == "planned")

    def endpoints(self, settings: Settings) -> dict[str, Endpoint]:
        """Return the endpoints of the regions that are there: as Modal, the record or the settings know them.

        Raises `ConfigError` for one that cannot be asked as it is configured.
        """
        there = [outcome for outcome in self.outcomes.values() if outcome.is_there]
        known = recorded_endpoints(settings) if self.environment == environment_name(settings) else {}
        functions = gpu_functions(settings.vocabulary.deployed)
        known |= {each.region.id: Endpoint.of_urls(each.region, each.urls, functions) for each in there if each.urls}
        regions = [outcome.region for outcome in there]
        found = {region.id: known[region.id] for region in regions if region.id in known}
        for region in regions:
            if region.id not in found:
                try:
                    found |= configured_endpoints(settings, [region])
                except NoEndpoint:
                    continue
        return found


def plan_rollback(request: RollbackRequest, settings: Settings, notify: Callable[[str], None]) -> RollbackReport:
    """Return which version each region serves, and which one it would go back to. Nothing is changed.

    Failures of a region are in the report. Raises `CredentialsError` or `EnvironmentFault` if Modal cannot be asked,
    and `Interrupted`.
    """
    return run_interruptible(_Plan(request, settings, notify).made, stopping=lambda: notify("stopping…"))


def rollback(plan: RollbackReport, settings: Settings, notify: Callable[[str], None]) -> RollbackReport:
    """Roll back the regions of a plan, all at the same time. `notify` gets progress lines.

    Failures of a region are in the report. Raises `Interrupted`.
    """
    operation = _Rollback(plan, settings, notify)
    return run_interruptible(operation.run, stopping=lambda: notify("stopping…"), hint=operation.hint_when_interrupted)


@dataclass(frozen=True)
class _Plan:
    request: RollbackRequest
    settings: Settings
    notify: Callable[[str], None]

    async def made(self) -> RollbackReport:
        self.notify("looking for Modal's control plane…")
        await preflight()
        names = {region.id: app_name(region.id) for region in self.request.regions}
        histories = asyncio.gather(*(self._history(name) for name in names.values()))
        serving = asyncio.ensure_future(self._what_serves(names))
        found = dict(zip(names, await histories, strict=True))
        productions, unknown = await serving
        outcomes = {}
        for region in self.request.regions:
            outcome = RollbackOutcome(region, names[region.id])
            versions, failure = found[region.id]
            production = productions.get(outcome.app_name)
            if failure is None and production is None:
                failure = unknown or self._not_deployed(outcome)
            if failure is None and production is not None:
                outcome = self._planned(outcome, versions, production)
            outcomes[region.id] = outcome if failure is None else replace(outcome, failure=failure)
            self.notify(outcome_line(outcomes[region.id]))
        return RollbackReport(outcomes, environment=self.request.environment)

    async def _history(self, name: str) -> tuple[list[int], Failure | None]:
        """Return the app's versions, newest first, or why they cannot be read."""
        environment = self.request.environment
        out, failure = await _modal("history", name, "--json", environment=environment, timeout=_HISTORY_SECONDS)
        if failure is not None:
            return [], failure
        try:
            return [int(str(row["version"]).removeprefix("v")) for row in Door().document(out.encode())], None
        except (ValueError, KeyError, TypeError):
            history = history_command(name, environment)
            return [], Failure("rollback", f"{history} printed nothing usable", "run it and read its output")

    async def _what_serves(self, names: Mapping[str, str]) -> tuple[dict[str, Production], Failure | None]:
        try:
            return await what_serves(self.request.environment, names.values()), None
        except EnvironmentFault as error:
            return {}, Failure("environment", error.message, error.hint)

    def _planned(self, outcome: RollbackOutcome, versions: list[int], production: Production) -> RollbackOutcome:
        current, environment = production.version or next(iter(versions), 0), self.request.environment
        known = (
            known_versions(self.settings, environment).get(outcome.region.id, AppVersions()).of_app(production.app_id)
        )
        outcome = replace(
            outcome, app_id=production.app_id, from_version=current, version=current, urls=production.urls
        )
        target = self.request.to or known.last_verified(registry_sha256(self.settings.vocabulary.deployed))
        if target is None:
            return replace(outcome, failure=self._nothing_verified(outcome, versions))
        if target not in versions:
            return replace(outcome, to_version=target, failure=self._no_such_version(outcome, versions, target))
        there = known.origin(current) == known.origin(target)
        return replace(
            outcome,
            status="already_there" if there else "planned",
            to_version=target,
            earlier_version=max((number for number in versions if number < known.origin(target)), default=None),
            verified_at=known.verified_at(target),
        )

    def _nothing_verified(self, outcome: RollbackOutcome, versions: list[int]) -> Failure:
        environment, current = self.request.environment, outcome.version or 0
        before = [version for version in versions if version < current]
        if not before:
            message = f"v{current} is the first version of {outcome.app_name}: there is none to go back to"
            hint = f"correct what is wrong, then {deploy_command([outcome.region.id], environment)}"
            return Failure("no_version_before", message, hint)
        message = f"this machine knows of no version of {outcome.app_name} that was verified"
        named = rollback_command([outcome.region.id], environment, max(before))
        hint = f"{named} goes to the version before; {history_command(outcome.app_name, environment)} shows all"
        return Failure("nothing_verified", message, hint)

    def _no_such_version(self, outcome: RollbackOutcome, versions: list[int], target: int) -> Failure:
        newest = ", ".join(f"v{version}" for version in versions[:_SHOWN_VERSIONS])
        message = f"{outcome.app_name} has no version v{target}; the newest are {newest}"
        return Failure("no_such_version", message, history_command(outcome.app_name, self.request.environment))

    def _not_deployed(self, outcome: RollbackOutcome) -> Failure:
        return _not_found(outcome.app_name, self.request.environment)


@dataclass
class _Rollback:
    plan: RollbackReport
    settings: Settings
    notify: Callable[[str], None]
    _begun: list[str] = field(default_factory=list)

    @property
    def environment(self) -> str:
        return self.plan.environment

    async def run(self) -> RollbackReport:
        done = await asyncio.gather(*(self._roll_back(outcome) for outcome in self.plan.planned))
        outcomes = {**self.plan.outcomes, **{outcome.region.id: outcome for outcome in done}}
        changed = [outcome for outcome in done if outcome.status == "rolled_back"]
        return RollbackReport(outcomes, tuple(self._record(changed)), self.environment)

    def hint_when_interrupted(self) -> str:
        if not self._begun:
            return "nothing was rolled back"
        shown = ", ".join(history_command(name, self.environment) for name in self._begun)
        return f"may have been rolled back: {shown}; the same command again finds out, and does the rest"

    async def _roll_back(self, outcome: RollbackOutcome) -> RollbackOutcome:
        self._begun.append(outcome.app_name)
        self.notify(f"{outcome.region.label}: going back from v{outcome.from_version} to v{outcome.to_version}")
        options = (f"v{outcome.to_version}", "--strategy", "recreate")
        _, failure = await _modal(
            "rollback", outcome.app_name, *options, environment=self.environment, timeout=_ROLLBACK_SECONDS
        )
        if failure is None or failure.code == "containers_not_stopped":
            outcome = await self._now(replace(outcome, status="rolled_back", failure=failure))
        else:
            status: Status = "unknown" if failure.code == "timeout" else "failed"
            outcome = replace(outcome, status=status, failure=failure)
        self.notify(outcome_line(outcome))
        return outcome

    async def _now(self, outcome: RollbackOutcome) -> RollbackOutcome:
        """Return the outcome with what serves now: a new version, and its URLs, which may be others."""
        try:
            found = (await what_serves(self.environment, [outcome.app_name]))[outcome.app_name]
        except (EnvironmentFault, KeyError):
            self.notify(f"warning: {outcome.region.label}: Modal did not say what serves now; verify it")
            return replace(outcome, version=None, urls=None)
        return replace(outcome, version=found.version, urls=found.urls)

    def _record(self, changed: list[RollbackOutcome]) -> list[BeaconError]:
        """Record which versions were brought back, where the regions are now, and that their registry is not known."""
        try:
            self._record_versions(changed)
            self._record_apps(changed)
        except EnvironmentFault as error:
            return [error]
        return []

    def _record_versions(self, changed: list[RollbackOutcome]) -> None:
        known = known_versions(self.settings, self.environment)
        restored = {
            outcome.region.id: known.get(outcome.region.id, AppVersions())
            .of_app(outcome.app_id)
            .restored(outcome.version, restores=outcome.to_version)
            for outcome in changed
            if outcome.app_id and outcome.version and outcome.to_version
        }
        if restored:
            record_versions(self.settings, self.environment, restored)

    def _record_apps(self, changed: list[RollbackOutcome]) -> None:
        recorded = recorded_apps(self.settings, self.environment)
        apps = {
            outcome.region.id: (entry["app_name"], entry["app_id"], outcome.urls or entry["urls"])
            for outcome in changed
            if (entry := recorded.get(outcome.region.id)) is not None
        }
        if apps:
            save(self.settings, self.environment, apps, None)


async def _modal(
    command: str, name: str, *options: str, environment: str, timeout: float
) -> tuple[str, Failure | None]:
    """Run `modal app COMMAND NAME`, and return its stdout, and why it failed."""
    lines: list[str] = []
    where = ("--env", environment) if environment else ()
    finished = await run_python(
        *("-m", "modal", "app", command, name, *options, *where), timeout=timeout, on_line=lines.append
    )
    if finished.code == 0:
        return finished.out, None
    if finished.code is None:
        message = f"Modal did not answer within {timeout:.0f} s"
        return "", Failure("timeout", message, history_command(name, environment))
    said = re.split(r"\bError:\s*", " ".join(lines))[-1].strip() or f"it ended with code {finished.code}"
    return finished.out, _explained(f"modal app {command} {name}", name, said, environment)


def _explained(done: str, name: str, said: str, environment: str) -> Failure:
    """Explain a failed command of the SDK by what it said."""
    if NOT_TERMINATED in said:
        return containers_not_stopped(name, environment, "the version is back, but old containers still run")
    if "No App with name" in said:
        return _not_found(name, environment)
    if (told := explain_text(said, environment)) is not None:
        return told
    hint = f"{history_command(name, environment)} shows the versions; rollbacks need Modal's Team plan ({PLANS}):"
    return Failure("rollback", f"{done} failed: {said[:300]}", f"{hint} without it, deploy an earlier commit again")


def _not_found(name: str, environment: str) -> Failure:
    listed = apps_command(environment)
    where = f" in the environment {environment}" if environment else ""
    return Failure("not_found", f"{name} is not deployed{where}", f"{listed} shows what is; check --environment")


def outcome_line(outcome: RollbackOutcome) -> str:
    """Return a line that tells the outcome of a region, or the plan for it."""
    label, before, target = outcome.region.label, outcome.from_version, outcome.to_version
    verified = f", verified {outcome.verified}" if outcome.verified else ", which was not verified from here"
    match outcome.status:
        case "rolled_back":
            new = f" (as v{outcome.version})" if outcome.version else ""
            return f"{label}: from v{before} back to v{target}{new}"
        case "planned":
            return f"{label}: would go from v{before} back to v{target}{verified}"
        case "already_there":
            same = "" if before == target else f", which has the contents of v{target}"
            return f"{label}: stays at v{before}{same}"
    return f"{label}: {outcome.status}"  # why, the error says at the end
