"""`beacon warm`, from its options to its report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beacon_cli.console.diagnostics import is_quiet
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError
from beacon_cli.job.limits import parse_duration
from beacon_cli.runs.asked_endpoints import asked_endpoints
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted, run_interruptible
from beacon_cli.verification.countdown import countdown, write_line
from beacon_cli.waiting import Waiting
from beacon_cli.warming.report import WarmReport
from beacon_cli.warming.warm import warmed
from modal_deployment.contents import IDLE_SECONDS

LONGEST_KEPT_SECONDS = 24 * 3600
"""The longest `--for`: a command that was forgotten must not pay for GPUs for ever."""


def seconds_to_keep(given: str | None) -> float:
    """Return the seconds of `--for`; 0 if it was not given. Raises `UsageError`."""
    if given is None:
        return 0.0
    try:
        seconds = parse_duration(given)
    except ValueError as error:
        raise UsageError(f"--for {excerpt(given, 40)}: {error}") from None
    if seconds > LONGEST_KEPT_SECONDS:
        raise UsageError(
            f"--for {excerpt(given, 40)}: every second of it costs GPUs; {LONGEST_KEPT_SECONDS // 3600} h is the most",
            hint="run the command again when it ends",
        )
    return seconds


def warm_job(request: RunRequest, settings: Settings, *, timeout: float, keep_seconds: float) -> WarmReport:
    """Warm the lanes of a job file, or of the chosen part of it, and keep them warm for `keep_seconds`.

    Raises `JobFileError`, `UsageError`, `ConfigError`, `CredentialsError`, `EnvironmentFault`, and `Interrupted`.
    """
    job = request.load(settings)
    lanes = job.lanes_in(request.part)
    endpoints = asked_endpoints(settings, job, lanes)
    report = WarmReport.begun(lanes, endpoints)
    with countdown() as (notify, every), _told_when_interrupted(report):
        waiting = Waiting(notify, every)
        run_interruptible(
            lambda: warmed(
                settings,
                endpoints,
                report,
                timeout=timeout,
                keep_seconds=keep_seconds,
                waiting=waiting,
                say=(lambda _: None) if is_quiet() else write_line,
            ),
            hint=lambda: (
                f"nothing is asked any more; containers on Modal end {IDLE_SECONDS} s after their last question"
            ),
        )
    return report


@contextmanager
def _told_when_interrupted(report: WarmReport) -> Iterator[None]:
    try:
        yield
    except Interrupted as interrupted:
        interrupted.data = report.as_data()
        raise
