"""Deploys with one process per region, all at the same time; each is reported, and none hides another's failure."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from beacon_cli import __version__
from beacon_cli.console.formatting import duration, quantity
from beacon_cli.deployment.control_plane import live_containers, preflight
from beacon_cli.deployment.failures import Failure
from beacon_cli.deployment.hints import history_command, rollback_command
from beacon_cli.deployment.plan import DeployRequest
from beacon_cli.deployment.process import Finished, run_python
from beacon_cli.deployment.report import AppOutcome, DeployReport
from beacon_cli.door import Door
from beacon_cli.endpoints.recorded import save
from beacon_cli.endpoints.versions import known_versions
from beacon_cli.errors import BeaconError, EnvironmentFault
from beacon_cli.settings import Settings
from beacon_cli.signals import run_interruptible
from modal_deployment.contents import app_name
from modal_deployment.regions import Region

_HEARTBEAT_SECONDS = 15.0
_TAIL_LINES = 12


def deploy(request: DeployRequest, settings: Settings, notify: Callable[[str], None]) -> DeployReport:
    """Deploy the regions and record what was deployed. `notify` gets progress lines.

    Failures of a region are in the report. Raises `CredentialsError` or `EnvironmentFault` if nothing was begun, and
    `Interrupted`.
    """
    deployment = _Deployment(request, settings, notify)
    return run_interruptible(
        deployment.run, stopping=lambda: notify("stopping…"), hint=deployment.hint_when_interrupted
    )


@dataclass
class _Deployment:
    request: DeployRequest
    settings: Settings
    notify: Callable[[str], None]
    _started: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    _begun: list[str] = field(default_factory=list)
    _outcomes: dict[str, AppOutcome] = field(default_factory=dict)

    async def run(self) -> DeployReport:
        self.notify("looking for Modal's control plane…")
        workspace = await preflight()
        with ExitStack() as stack:
            logs = [stack.enter_context(self._log(region)) for region in self.request.regions]
            try:
                await asyncio.gather(*map(self._deploy, self.request.regions, logs))
            finally:
                problems = self._record()
        await self._look_for_containers()
        outcomes = {region.id: self._outcomes[region.id] for region in self.request.regions}
        return DeployReport(
            outcomes,
            tuple(problems),
            workspace=workspace,
            environment=self.request.environment,
            registry_sha256=self.request.registry_sha256,
            functions=self.request.functions,
            known=known_versions(self.settings, self.request.environment),
        )

    def hint_when_interrupted(self) -> str:
        deployed = [outcome.region for outcome in self._outcomes.values() if outcome.status == "deployed"]
        unsure = [
            region for region in self.request.regions if region.id in self._begun and region.id not in self._outcomes
        ]
        if not self._begun:
            return "nothing was deployed"
        parts = [f"deployed: {', '.join(region.label for region in deployed) or 'none'}"]
        if unsure:
            names = ", ".join(history_command(app_name(region.id), self.request.environment) for region in unsure)
            parts.append(f"may have been deployed: {', '.join(region.label for region in unsure)} ({names})")
        if deployed:
            back = rollback_command([region.id for region in deployed], self.request.environment)
            parts.append(f"to roll back: {back}")
        return "; ".join(parts)

    def _log(self, region: Region) -> _Log:
        path = self.settings.data_path() / "deployments" / f"{self._started}-{region.id}.log"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _Log(path)
        except OSError as error:
            hint = "make the folder writable, or set BEACON_DATA_DIR"
            raise EnvironmentFault(f"{path}: the build log cannot be written: {error.strerror}", hint=hint) from error

    async def _deploy(self, region: Region, log: _Log) -> None:
        started = time.monotonic()
        self._begun.append(region.id)
        self.notify(f"{region.label}: deploying {app_name(region.id)}")
        heart = asyncio.ensure_future(self._beat(region, log, started))
        try:
            finished = await run_python(*self._command(region), timeout=self.request.timeout, on_line=log.add)
        finally:
            heart.cancel()
        outcome = AppOutcome(
            region=region,
            app_name=app_name(region.id),
            status="unknown",
            log=log.path,
            seconds=time.monotonic() - started,
            tail=tuple(log.tail),
        )
        outcome = _judged(outcome, finished, self.request)
        self._outcomes[region.id] = outcome
        self.notify(_outcome_line(outcome))

    def _command(self, region: Region) -> tuple[str, ...]:
        return (
            *("-m", "beacon_cli.deployment.child", "--contents", self.request.contents(region).as_json()),
            *("--environment", self.request.environment, "--strategy", self.request.strategy),
            *("--tag", re.sub(r"[^A-Za-z0-9._-]", "-", f"beacon-{__version__}")[:33] + f"-{self._started}"),
        )

    async def _beat(self, region: Region, log: _Log, started: float) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            last = f": {log.tail[-1]}" if log.tail else ""
            self.notify(f"{region.label}: still deploying after {duration(time.monotonic() - started)}{last}")

    def _record(self) -> list[BeaconError]:
        apps = {
            region_id: (outcome.app_name, outcome.app_id or "", outcome.urls)
            for region_id, outcome in self._outcomes.items()
            if outcome.urls is not None
        }
        try:
            if apps:
                save(self.settings, self.request.environment, apps, self.request.models)
        except EnvironmentFault as error:
            return [error]
        return []

    async def _look_for_containers(self) -> None:
        ids = {outcome.app_id: region_id for region_id, outcome in self._outcomes.items() if outcome.app_id}
        if not ids:
            return
        try:
            found = await live_containers(self.request.environment, list(ids))
        except EnvironmentFault as error:
            self.notify(f"warning: {error.message}")
            return
        for app_id, region_id in ids.items():
            self._outcomes[region_id] = replace(self._outcomes[region_id], containers=tuple(found[app_id]))


class _Log:
    """A build log: written as it arrives, with its last lines in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tail: list[str] = []
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace")

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._file.close()

    def add(self, line: str) -> None:
        with suppress(OSError):  # a full disk stops no deployment
            self._file.write(line + "\n")
            self._file.flush()
        self.tail = [*self.tail, line][-_TAIL_LINES:]


def _judged(outcome: AppOutcome, finished: Finished, request: DeployRequest) -> AppOutcome:
    """Return the outcome with the result of the region's process, or what its absence means."""
    look = f"{history_command(outcome.app_name, request.environment)} shows whether it was published"
    if finished.code is None:
        message = f"it was not deployed within {duration(request.timeout)}"
        return replace(outcome, failure=Failure("timeout", message, f"{look}; a longer --timeout may be needed"))
    try:
        answer = Door().document(finished.out.encode())
    except ValueError:
        message = f"the deployment process ended with code {finished.code} without output"
        return replace(outcome, failure=Failure("no_result", message, f"{look}; its log: {outcome.log}"))
    failure = Failure(**answer["error"]) if answer["error"] else None
    return replace(
        outcome,
        status=answer["status"],
        app_id=answer.get("app_id"),
        version=answer.get("version"),
        urls=answer.get("urls"),
        failure=failure and _with_what_only_the_whole_knows(failure, outcome, request),
    )


def _with_what_only_the_whole_knows(failure: Failure, outcome: AppOutcome, request: DeployRequest) -> Failure:
    """Return a region's failure with what its process could not say: it knows of no log and of no other region."""
    if failure.code == "image_build":
        return replace(failure, hint=f"read the build log: {outcome.log}")
    if failure.code == "endpoint_limit":
        regions = quantity(len(request.regions), "region")
        needed = f"the whole deployment needs {request.web_endpoints}, in {regions}"
        return replace(failure, message=f"{failure.message}; {needed}")
    return failure


def _outcome_line(outcome: AppOutcome) -> str:
    line = f"{outcome.region.label}: {outcome.status} after {duration(outcome.seconds)}"
    return f"{line}: {outcome.failure.message}" if outcome.failure else line
