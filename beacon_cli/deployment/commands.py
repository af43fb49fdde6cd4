"""The commands `beacon deploy modal` and `beacon rollback modal`: operation, verification, and the result to print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from beacon_cli import __version__
from beacon_cli.console.result import CommandResult, write_stderr
from beacon_cli.deployment.deploy import deploy
from beacon_cli.deployment.plan import DeployRequest, deployment_plan, functions_data
from beacon_cli.deployment.production import Production
from beacon_cli.deployment.report import AppOutcome, DeployReport
from beacon_cli.deployment.rollback import RollbackOutcome, RollbackReport, RollbackRequest, plan_rollback, rollback
from beacon_cli.deployment.table import show_deployment, show_plan, show_rollback
from beacon_cli.deployment.verified import record_outcome
from beacon_cli.endpoints.configured import Endpoint, regions_with_endpoints, require_encrypted
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.errors import BeaconError
from beacon_cli.faults import explained, stopped
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted
from beacon_cli.verification.report import VerifyReport, verify_command

_VERIFY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class _Verification:
    """What the verification after a change found, if there was one; or the error that kept it from its end.

    `exit_code` is what it makes of the command's, if the change itself was made.
    """

    report: VerifyReport | None = None
    error: BeaconError | None = None
    exit_code: int = 0

    @property
    def errors(self) -> tuple[BeaconError, ...]:
        error = self.report.error if self.report is not None else self.error
        return () if error is None else (error,)

    @property
    def problems(self) -> tuple[BeaconError, ...]:
        return () if self.report is None else self.report.problems

    def as_data(self) -> dict[str, Any] | None:
        return None if self.report is None else self.report.as_data()


def plan_modal(request: DeployRequest, settings: Settings, *, as_json: bool) -> CommandResult:
    """Return the plan of a deployment, without any request or change."""
    plan = deployment_plan(request, settings)
    return CommandResult("deploy modal", {"dry_run": True, "plan": plan}, as_json=as_json, show=show_plan(plan))


def deploy_modal(request: DeployRequest, settings: Settings, *, verify: bool, as_json: bool) -> CommandResult:
    """Deploy, verify the regions that were deployed, and return both outcomes."""
    report = deploy(request, settings, _report_progress)
    verified = _verification(settings, report, report.endpoints) if verify else _Verification()
    exit_code = report.exit_code or verified.exit_code
    data = {
        "apps": {region_id: outcome.as_data() for region_id, outcome in report.outcomes.items()},
        "way_back": report.way_back(ok=exit_code == 0),
        "verify": verified.as_data(),
        "workspace": report.workspace,
        "environment": request.environment,
        "registry_sha256": request.registry_sha256,
        "functions": functions_data(request.functions),
        "version": __version__,
    }
    return CommandResult(
        "deploy modal",
        data,
        exit_code,
        as_json=as_json,
        errors=(*report.errors, *verified.errors),
        problems=verified.problems,
        show=show_deployment(report, verified.report, ok=exit_code == 0),
    )


def plan_rollback_modal(request: RollbackRequest, settings: Settings, *, as_json: bool) -> CommandResult:
    """Return which versions a rollback would bring back. Nothing is changed."""
    return _rollback_result(
        plan_rollback(request, settings, _report_progress), _Verification(), dry_run=True, as_json=as_json
    )


def rollback_modal(
    request: RollbackRequest,
    settings: Settings,
    *,
    confirm: Callable[[RollbackReport], None],
    verify: bool,
    as_json: bool,
) -> CommandResult:
    """Roll back, verify the regions that serve what they should then, and return both outcomes.

    `confirm` gets the plan before anything is changed, if there is something to change, and raises to prevent it.
    """
    plan = plan_rollback(request, settings, _report_progress)
    if plan.planned:
        confirm(plan)
    report = rollback(plan, settings, _report_progress)
    there = partial(report.endpoints, settings)
    verified = _verification(settings, report, there) if verify else _Verification()
    return _rollback_result(report, verified, dry_run=False, as_json=as_json)


def _rollback_result(report: RollbackReport, verified: _Verification, *, dry_run: bool, as_json: bool) -> CommandResult:
    data = {
        "dry_run": dry_run,
        "apps": {region_id: outcome.as_data() for region_id, outcome in report.outcomes.items()},
        "verify": verified.as_data(),
        "environment": report.environment,
    }
    return CommandResult(
        "rollback modal",
        data,
        report.exit_code or verified.exit_code,
        as_json=as_json,
        errors=(*report.errors, *verified.errors),
        problems=verified.problems,
        show=show_rollback(report, verified.report),
    )


def _productions(outcomes: Iterable[AppOutcome | RollbackOutcome]) -> dict[str, Production]:
    """Return what serves after a change, by region id, as far as Modal said it."""
    return {outcome.region.id: outcome.production for outcome in outcomes if outcome.production is not None}


def _verification(
    settings: Settings, report: DeployReport | RollbackReport, endpoints: Callable[[], Mapping[str, Endpoint]]
) -> _Verification:
    """Verify what was changed. Whatever the verification meets, what was changed is reported first."""
    try:
        productions = _productions(report.outcomes.values())
        verified = _verified(settings, report.environment, endpoints(), productions)
    except Interrupted as interrupted:
        return _Verification(error=stopped(interrupted), exit_code=interrupted.exit_code)
    except Exception as error:
        fault = error if isinstance(error, BeaconError) else explained(error)
        return _Verification(error=fault, exit_code=fault.exit_code)
    return _Verification(verified, exit_code=verified.exit_code if verified else 0)


def _verified(
    settings: Settings, environment: str, endpoints: Mapping[str, Endpoint], productions: Mapping[str, Production]
) -> VerifyReport | None:
    """Verify endpoints, and record the outcome for the versions that serve there; None if there are no endpoints.

    Raises `ConfigError` if credentials would be sent there unencrypted, and `Interrupted`.
    """
    from beacon_cli.verification.verify import verify_endpoints

    if not endpoints:
        return None
    require_encrypted(settings, endpoints.values())
    _report_progress(f"verifying {', '.join(endpoint.region.label for endpoint in endpoints.values())}")
    elsewhere = "" if environment == environment_name(settings) else environment
    everywhere = {region.id for region in regions_with_endpoints(settings, recorded_endpoints(settings))}
    named = () if everywhere == {*endpoints} else tuple(endpoint.region for endpoint in endpoints.values())
    try:
        report = verify_endpoints(
            settings,
            endpoints,
            expected=settings.vocabulary.registry,
            probe=False,
            timeout=_VERIFY_SECONDS,
            notify=_report_progress,
        )
    except Interrupted as interrupted:
        again = verify_command(named, elsewhere)
        interrupted.hint = f"only the verification was interrupted; the deployment stays: {again}"
        raise
    report = replace(report, named=named, environment=elsewhere)
    record_outcome(settings, environment, report, productions, endpoints, _warn)
    return report


def _warn(text: str) -> None:
    _report_progress(f"warning: {text}")


def _report_progress(text: str) -> None:
    from beacon_cli.console.printable import printable

    write_stderr(f"{printable(text)}\n")
