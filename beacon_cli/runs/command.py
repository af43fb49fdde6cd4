"""`beacon run`, from the job file to the verdict."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Self

from beacon_cli.audit.audit import audit_job
from beacon_cli.audit.table import print_findings
from beacon_cli.console.result import CommandResult
from beacon_cli.errors import BeaconError, EnvironmentFault, JobLocked, ProblemsFound, StoreError
from beacon_cli.job.model import Job
from beacon_cli.local.loopback import require_loopback
from beacon_cli.runs.asked_endpoints import asked_endpoints
from beacon_cli.runs.cost_limit import require_cost_limit
from beacon_cli.runs.execute import run_to_end
from beacon_cli.runs.local_models import require_local_models
from beacon_cli.runs.request import RunRequest
from beacon_cli.runs.run_cost import RunCost, read_run_cost
from beacon_cli.runs.stored_summary import read_summary
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted
from beacon_cli.store.connect import connect, connect_readonly
from beacon_cli.store.database import open_database
from beacon_cli.store.migrate import require_ready_for_a_run
from beacon_cli.store.schema import ASKING_AGAIN, WRITING

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.audit.report import AuditReport
    from beacon_cli.runs.summary import RunSummary

_log = logging.getLogger(__name__)


def run_job(request: RunRequest, settings: Settings, job: Job, *, as_json: bool) -> CommandResult:
    """Run a job to its end and return its summary and its audit. Raises any `BeaconError` that stops it early.

    What the run needs besides a database is checked before one is opened, or created: for a job that is new, the
    settings of the endpoints, or that --local serves its models; for --local, that this machine can connect to itself.
    """
    job_id = request.given_or_new_id(job)
    if request.local:
        require_loopback()
    if not request.may_be_stored(settings, job):
        _require_answers_to_come(request, settings, job)
    with _ResumeHint(request, job_id, named=bool(request.job_id or job.id)) as resumable:
        _log.warning("job %s", job_id)
        for warning in job.warnings:
            _log.warning("warning: %s", warning)
        with open_database(settings, request.database_url, announced=True) as url:
            return _run_job(request, settings, job, job_id, url, resumable, as_json=as_json)


def _require_answers_to_come(request: RunRequest, settings: Settings, job: Job) -> None:
    """Raise `UsageError` or `ConfigError` if nothing could answer the job, or it costs too much, by the settings."""
    lanes = job.lanes_in(request.part)
    if request.local:
        require_local_models(settings, lanes)
    else:
        require_cost_limit(settings, lanes, asked_endpoints(settings, job, lanes), request.limits(job, settings))


def _run_job(
    request: RunRequest, settings: Settings, job: Job, job_id: str, url: str, resumable: _ResumeHint, *, as_json: bool
) -> CommandResult:
    with connect(url) as connection:
        require_ready_for_a_run(connection, ASKING_AGAIN if request.again else WRITING)
    finished = run_to_end(request, settings, job, job_id, url, on_stored=resumable.job_is_stored)
    _log.info("all questions were asked; reading the stored answers")
    with connect_readonly(url) as connection:
        summary = read_summary(connection, request, settings, job, job_id, finished, with_batches=as_json)
        report = audit_job(connection, job_id, regions=settings.vocabulary.regions)
        max_cost = request.limits(job, settings).max_cost
        cost = read_run_cost(connection, settings, job_id, finished.run_id, local=request.local, max_cost=max_cost)
    stopped = finished.outcome.stopped
    if stopped is not None and stopped.signum is not None:
        exit_code = 128 + stopped.signum
    else:
        exit_code = 0 if summary.succeeded else 1
    data = {
        **summary.data(),
        "modal_containers": {"before": finished.containers_before, "after": finished.containers_after},
        "audit": report.as_data()["checks"],
        "nothing_to_ask": finished.nothing_to_ask,
        "repeats_before": finished.repeats_before,
        "check_calls": asdict(finished.checks),
        "cost": cost.as_data(),
        "warnings": [*job.warnings, *finished.doubts],
    }
    problems = (_problem(summary, interrupted=exit_code > 1),) if exit_code else ()
    return CommandResult("run", data, exit_code, as_json, problems=problems, show=partial(_show, summary, report, cost))


def _problem(summary: RunSummary, *, interrupted: bool) -> BeaconError:
    """Return why the exit code is not 0; people read it in the verdict."""
    why = f"{summary.verdict}; {summary.stopped}" if summary.stopped else summary.verdict
    resume = "raise the limit, then resume it with" if summary.at_max_cost else "resume it with"
    hint = f"{resume}: {summary.resume_command}" if summary.resume_command else ""
    error = ProblemsFound(why, hint=hint)
    if interrupted:
        error.code = "interrupted"
    return error


class _ResumeHint:
    """Adds the job's id to an error that ends a run early, and if the job may be stored, the command that resumes it.

    Whether a job with an id of its own (`named`) is stored is not known until the database has answered.
    """

    def __init__(self, request: RunRequest, job_id: str, *, named: bool) -> None:
        self._named = named
        self._job_id = job_id
        self._resume = f"resume it with: {request.resume_command(job_id)}"
        self._stored = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, EnvironmentFault):
            error.data = {"job_id": self._job_id}
        stored = self._stored or isinstance(error, JobLocked)
        unknown = self._named and isinstance(error, StoreError | Interrupted)
        if (stored or unknown) and isinstance(error, EnvironmentFault | Interrupted):
            error.hint = f"{error.hint}; {self._resume}" if error.hint else self._resume

    def job_is_stored(self) -> None:
        """Note that there is something to resume."""
        self._stored = True


def _show(summary: RunSummary, report: AuditReport, cost: RunCost, console: Console) -> None:
    from beacon_cli.runs.tables import show_cost, show_summary, show_verdict

    show_summary(summary, console)
    if not summary.nothing_to_ask:
        show_cost(cost, console)
    print_findings(report, console)
    show_verdict(summary, report, console)
