"""The report of one job: compares its regions, collects the contents, and writes the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beacon_cli.comparison.compare import compare_jobs, grouping_of
from beacon_cli.comparison.options import Options
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.history import history_of
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.report.answer_sets import BUDGET, AnswerFile, ranks
from beacon_cli.report.contents import Report
from beacon_cli.report.files import replacing
from beacon_cli.report.page import write_page
from beacon_cli.report.recorded import Recorded
from modal_deployment.registry import Model


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A written report; `size` is in bytes. Neither is known of one on stdout."""

    path: Path | None
    size: int | None
    report: Report

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `report --json`."""
        comparison = self.report.comparison
        return {
            "job_id": comparison.job_ids[0],
            "path": self.path and str(self.path),
            "bytes": self.size,
            "by": comparison.by,
            "verdicts": comparison.verdicts,
            "pooled": comparison.pooled_data,
            **comparison.looks.as_data(comparison.terms.rate),
            "controls": [control.summary() for control in comparison.controls],
            "superseded": comparison.superseded,
            "answers_shown": self.report.answers.shown,
            "answers_left_out": self.report.answers.left_out,
        }


def write_report(
    connection: Connection,
    job: StoredJob,
    options: Options,
    path: Path | None,
    *,
    models: Mapping[str, Model],
    budget: int = BUDGET,
) -> WrittenReport:
    """Write the report of a job to a file, or to stdout, and return its path. `models` are the known ones.

    Answers of more than `budget` characters are left out, the least important first. Raises `StoreError`,
    and `EnvironmentFault` when the file cannot be written.
    """
    with replacing(path) as file:
        report = collected_report(connection, job, options, models=models, budget=budget, made_at=datetime.now(UTC))
        write_page(file, report, options.rule)
    return WrittenReport(path and path.absolute(), None if path is None else path.stat().st_size, report)


def collected_report(
    connection: Connection,
    job: StoredJob,
    options: Options,
    *,
    models: Mapping[str, Model],
    made_at: datetime | None,
    budget: int = BUDGET,
) -> Report:
    """Return the contents of a job's report, read in one snapshot; `write_page` writes them. Raises `StoreError`."""
    with reading(connection), AnswerFile() as answers:
        recorded = Recorded(answers, grouping_of(options, [job]))
        comparison = compare_jobs(connection, [job], options, models=models, watch=recorded.watch)
        history = history_of(connection, job)
        selection = answers.select(ranks(comparison.results), budget)
    [audit] = comparison.audits
    regions = dict.fromkeys([*audit.coverage.by_region(), *comparison.figures])
    return Report(
        comparison=comparison,
        history=history,
        recorded=recorded,
        answers=selection,
        regions=tuple(regions),
        made_at=made_at,
    )
