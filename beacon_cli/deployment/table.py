"""Shows a deployment, its plan and a rollback to people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beacon_cli.console.formatting import duration, quantity
from beacon_cli.console.printable import printable
from beacon_cli.console.terminal import encodable
from beacon_cli.deployment.hints import rollback_command, stop_command
from modal_deployment.contents import STATUS

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.deployment.report import AppOutcome, DeployReport
    from beacon_cli.deployment.rollback import RollbackReport
    from beacon_cli.verification.report import VerifyReport

_TOLD_BY_LOG = frozenset({"image_build", "internal", "modal", "no_result", "timeout"})
_OF_STATUS = frozenset({"models", "health"})  # parts of the function `status`, where there is one
_NUMBERS = frozenset({"at most", "took", "containers", "from", "to"})
_CONTAINERS = {
    "model": "a container for each model of a region",
    "region": "one container for all models of a GPU and region",
}
Show = Callable[["Console"], None]


def show_plan(plan: Mapping[str, Any]) -> Show:
    """Return a function that prints the plan of a deployment."""

    def show(console: Console) -> None:
        where = plan["environment"] or "the workspace's default"
        _print(console, f"would deploy {quantity(len(plan['regions']), 'app')} (environment: {where})")
        _print(console, f"models {', '.join(plan['models'])}; registry {plan['registry_sha256'][:12]}")
        for name, function in plan["functions"].items():
            _print(console, f"  {name} on {function['gpu']}: {', '.join(function['models'])}")
        _print(console, _CONTAINERS[plan["containers"]] + ("; started from a snapshot" if plan["snapshot"] else ""))
        _print(console, "weights are fetched on a CPU in each region before anything is published")
        _print(console, f"secrets {', '.join(plan['secrets'])}; volumes {', '.join(plan['volumes'])}")
        rows = [
            (app["app_name"], app["modal_region"], name, function["gpu"] or "CPU", str(function["max_containers"]))
            for app in plan["regions"].values()
            for name, function in app["functions"].items()
        ]
        _table(console, ("app", "region", "function", "runs on", "at most"), rows)
        _print_urls(console, [app["functions"] for app in plan["regions"].values()])
        endpoints = quantity(plan["web_endpoints"], "web endpoint")
        containers = quantity(plan["max_gpu_containers"], "GPU container")
        _print(console, f"{endpoints}; at most {containers} at once; strategy {plan['strategy']}")
        allowed, needs = plan["starter_plan_endpoints"], plan["web_endpoints"]
        more = "" if needs <= allowed else ": deploy fewer regions, or choose a larger plan"
        refused = f"were refused more than {allowed} web endpoints in all apps together (January 2026)"
        _print(console, f"workspaces on Modal's Starter plan {refused}{more}")

    return show


def show_deployment(report: DeployReport, verified: VerifyReport | None, *, ok: bool) -> Show:
    """Return a function that prints the outcome of a deployment and of its verification; `ok` says if all is well."""

    def show(console: Console) -> None:
        rows = [_row(outcome) for outcome in report.outcomes.values()]
        _table(console, ("region", "app", "status", "took", "containers", "app id"), rows)
        for outcome in report.outcomes.values():
            for name, url in (outcome.urls or {}).items():
                if name not in _OF_STATUS or STATUS not in (outcome.urls or {}):
                    _print(console, f"  {url}")
        for outcome in report.outcomes.values():
            _print_failure(console, outcome)
        _print_verification(console, verified)
        if (command := report.way_back(ok=ok)) is not None:
            _print(console, f"to roll back: {command}")
        for outcome in () if ok else report.first:
            _print_first(console, outcome, report.environment)
        if not report.published and all(outcome.status != "unknown" for outcome in report.outcomes.values()):
            _print(console, "nothing was published: what served before, if anything, still serves")

    return show


def show_rollback(report: RollbackReport, verified: VerifyReport | None) -> Show:
    """Return a function that prints the outcome of a rollback and of its verification."""

    def show(console: Console) -> None:
        rows = [
            (
                outcome.region.label,
                outcome.app_name,
                outcome.status.replace("_", " "),
                _version(outcome.from_version),
                _version(outcome.to_version),
                outcome.verified or "-",
            )
            for outcome in report.outcomes.values()
        ]
        _table(console, ("region", "app", "status", "from", "to", "verified"), rows)
        _print_verification(console, verified)
        for outcome in report.outcomes.values():
            if outcome.status == "already_there" and outcome.earlier_version is not None:
                further = rollback_command([outcome.region.id], report.environment, outcome.earlier_version)
                _print(console, f"{outcome.region.label} was left alone; to go further back: {further}")

    return show


def _row(outcome: AppOutcome) -> tuple[str, ...]:
    containers = "?" if outcome.containers is None else str(len(outcome.containers))
    took = duration(outcome.seconds)
    return (outcome.region.label, outcome.app_name, outcome.status, took, containers, outcome.app_id or "")


def _print_first(console: Console, outcome: AppOutcome, environment: str) -> None:
    """Say that a first deployment has no way back, and how to be rid of it."""
    stop = stop_command(outcome.app_name, environment)
    place = outcome.region.label
    _print(console, f"{place}: this is the first version, so there is none to go back to; to stop the app: {stop}")


def _version(number: int | None) -> str:
    return "?" if number is None else f"v{number}"


def _print_failure(console: Console, outcome: AppOutcome) -> None:
    """Print the end of a failed region's log if the error, which is on stderr, does not explain everything."""
    if outcome.failure is None or outcome.failure.code not in _TOLD_BY_LOG:
        return
    _print(console, f"{outcome.region.label}: the end of {outcome.log}")
    for line in outcome.tail or ("(no output)",):
        _print(console, f"  {line}")


def _print_verification(console: Console, verified: VerifyReport | None) -> None:
    if verified is not None:
        from beacon_cli.verification.table import show_verification

        show_verification(verified)(console)


def _print_urls(console: Console, apps: Iterable[Mapping[str, Any]]) -> None:
    urls = [function["url"] for functions in apps for function in functions.values()]
    if not any(urls):
        _print(console, "URLs: set modal.workspace in beacon.toml to see them here")
    for url in filter(None, urls):
        _print(console, f"  {url}")


def _print(console: Console, text: str) -> None:
    from rich.text import Text

    console.print(Text(encodable(printable(text), console)), soft_wrap=True)


def _table(console: Console, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from beacon_cli.console.tables import Column, print_table

    columns = [Column(name, right=name in _NUMBERS) for name in names]
    print_table(console, columns, [[printable(cell) for cell in row] for row in rows])
