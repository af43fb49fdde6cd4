"""`beacon run`, from the job file to the verdict."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from beacon_cli.audit.audit import audit_job
from beacon_cli.config import Settings
from beacon_cli.output.audit_table import print_findings
from beacon_cli.output.result import CommandResult
from beacon_cli.runs.launch import launch
from beacon_cli.runs.request import RunRequest
from beacon_cli.runs.summary import read_summary
from beacon_cli.store.connect import connect
from beacon_cli.store.database import open_database
from beacon_cli.store.migrate import require_current_schema

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.audit.report import AuditReport
    from beacon_cli.output.run_summary import RunSummary


def carry_out(request: RunRequest, settings: Settings, *, with_batches: bool) -> CommandResult:
    """Run a job to its end and return its summary and its audit. Raises every `BeaconError` that stops it early."""
    job = request.load(settings)
    job_id = request.id_for(job)
    sys.stderr.write(f"job {job_id}\n")
    sys.stderr.writelines(f"warning: {warning}\n" for warning in job.warnings)
    sys.stderr.flush()
    with open_database(settings, request.database_url) as url:
        with connect(url) as connection:
            require_current_schema(connection)
        launched = launch(request, settings, job, job_id, url)
        with connect(url, read_only=True) as connection:
            summary = read_summary(connection, request, settings, job, job_id, launched, with_batches=with_batches)
            report = audit_job(connection, job_id)
    stopped = launched.outcome.stopped
    if stopped is not None and stopped.signum is not None:
        exit_code = 128 + stopped.signum
    else:
        exit_code = 0 if summary.succeeded and stopped is None else 1
    data = {**summary.data(), "audit": report.as_data()["checks"]}
    return CommandResult("run", data, exit_code, show=partial(_show, summary, report))


def _show(summary: RunSummary, report: AuditReport, console: Console) -> None:
    from beacon_cli.output.run_tables import show_summary, show_verdict

    show_summary(summary, console)
    print_findings(report, console)
    show_verdict(summary, console)
