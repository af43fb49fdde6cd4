"""An export from its job to its last byte."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beacon_cli.console.output_file import opened
from beacon_cli.export.columns import SCHEMA_VERSION, row_of
from beacon_cli.export.formats import Format, writer_to
from beacon_cli.records.chosen_answers import JobAnswers
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export: `bytes` is the file's size, None on stdout."""

    job_id: str
    format: str
    path: str | None
    rows: int
    bytes: int | None
    schema_version: int = SCHEMA_VERSION

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `export --json`."""
        return asdict(self)


def export_job(
    connection: Connection,
    job: StoredJob,
    chosen: Format,
    output: Path | None = None,
    *,
    excel: bool = False,
    question_id: str | None = None,
    model_id: str | None = None,
) -> Exported:
    """Write a job's executions to a file, or to stdout, in one snapshot and in memory that does not grow.

    Raises `UsageError` for a question or a model that the job does not have, `EnvironmentFault` for a file that cannot
    be written, and `StoreError`.
    """
    answers = JobAnswers.of(connection, job, question_id, model_id)
    rows = 0
    with (
        opened(output) as file,
        writer_to(file, chosen, excel=excel) as write,
        answers.stream(documents=True) as executions,
    ):
        for execution in executions:
            write(row_of(execution))
            rows += 1
    size = output.stat().st_size if output and output.is_file() else None
    return Exported(answers.job.id, chosen, str(output) if output else None, rows, size)
