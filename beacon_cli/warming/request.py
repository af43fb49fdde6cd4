"""`beacon warm`, from its options to its report."""

from __future__ import annotations

from beacon_cli.console.diagnostics import is_quiet
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError
from beacon_cli.job.limits import parse_duration
from beacon_cli.runs.asked_endpoints import asked_endpoints
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings
from beacon_cli.signals import run_interruptible
from beacon_cli.verification.countdown import countdown, write_line
from beacon_cli.waiting import Waiting
from beacon_cli.warming.report import WarmReport
from beacon_cli.warming.warm import warmed
from modal_deployment.contents import IDLE_SECONDS


def seconds_to_keep(given: str | None) -> float:
    """Return the seconds of `--for`; 0 if it was not given. Raises `UsageError`."""
    if given is None:
        return 0.0
    try:
        return parse_duration(given)
    except ValueError as error:
        raise UsageError(f"--for {excerpt(given, 40)}: {error}") from None


def warm_job(request: RunRequest, settings: Settings, *, timeout: float, keep_seconds: float) -> WarmReport:
    """Warm the lanes of a job file, or of the chosen part of it, and keep them warm for `keep_seconds`.

    Raises `JobFileError`, `UsageError`, `ConfigError`, `CredentialsError`, `EnvironmentFault`, and `Interrupted`.
    """
    job = request.load(settings)
    lanes = job.lanes_in(request.part)
    endpoints = asked_endpoints(settings, job, lanes)
    with countdown() as (notify, every):
        waiting = Waiting(notify, every)
        return run_interruptible(
            lambda: warmed(
                settings,
                endpoints,
                lanes,
                timeout=timeout,
                keep_seconds=keep_seconds,
                waiting=waiting,
                say=(lambda _: None) if is_quiet() else write_line,
            ),
            hint=lambda: (
                f"nothing is asked any more; containers on Modal end {IDLE_SECONDS} s after their last question"
            ),
        )
