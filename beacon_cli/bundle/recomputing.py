"""Audit and verdicts of a bundle, computed anew from its rows alone.

The rows are put into a PostgreSQL of their own, which lives as long as this takes, so that the very same queries and
tests read them as did when the bundle was written: see docs/decisions/0032.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, cast

from beacon_cli import __version__
from beacon_cli.audit.audit import audited
from beacon_cli.audit.check import Check
from beacon_cli.audit.report import AuditReport
from beacon_cli.bundle import names
from beacon_cli.bundle.differences import first_difference
from beacon_cli.bundle.documents import audit_document, verdicts_document, write_rows
from beacon_cli.bundle.job_document import SCHEMA_VERSION, job_file, regions_of
from beacon_cli.bundle.parsing import MOST_IN_A_DOCUMENT, MOST_IN_A_LINE, parsed
from beacon_cli.bundle.restoring import NotRestorable
from beacon_cli.bundle.unpacking import Unpacking
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import ConfigError, UsageError
from beacon_cli.job.questions import Digest
from beacon_cli.records import load_job
from beacon_cli.records.ending import Ending
from beacon_cli.records.find_job import StoredJob, find_job
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.queries import query
from modal_deployment.registry import Model

_TIMED = "timestamps"
"""The check that also says whether a time lies in the future: that depends on when it is asked."""


def read_job(bundle: Unpacking) -> dict[str, Any]:
    """Return the document of a bundle's job. Raises `NotRestorable` if it is none, and `BadZip`."""
    job = _document(bundle, names.JOB)
    if job.get("schema_version") != SCHEMA_VERSION:
        raise NotRestorable(f"{names.JOB} is of another version than {SCHEMA_VERSION}, which this program reads")
    return job


def stored_job(connection: Connection, job: Mapping[str, Any]) -> StoredJob:
    """Return the job in a restored database, read by the regions of the bundle."""
    return find_job(connection, job["job"]["id"], regions=regions_of(job["regions"]))


def job_check(
    url: str, connection: Connection, job: StoredJob, bundle: Unpacking, document: Mapping[str, Any]
) -> Check:
    """Compare the questions, the job file and the job's hash with each other, and the questions with the prompts.

    `url` is that of the restored database. Raises `NotRestorable` if the job is none that can be run.
    """
    try:
        runnable = load_job.stored_job(url, job.id, regions=regions_of(document["regions"]))
    except ConfigError as error:
        raise NotRestorable(f"{names.JOB}: {error.message}") from error
    digest = Digest()
    digest.update(runnable.questions)
    if (digest.count, digest.hexdigest()) != (runnable.questions.count, runnable.questions.sha256):
        return Check(
            "job", "fail", f"{names.QUESTIONS} has other questions than the job, by the SHA-256 in {names.JOB}"
        )
    if runnable.spec_sha256 != document["job"]["spec_sha256"]:
        return Check("job", "fail", f"{names.JOB}: spec_sha256 is not that of its spec")
    asked_otherwise = connection.execute(query("bundle", "asked_otherwise"), {"job_id": job.key}).fetchone()
    if asked_otherwise is not None:
        [question] = asked_otherwise
        return Check("job", "fail", f"{names.QUESTIONS}: {excerpt(question, 255)} was asked with another text")
    difference = first_difference(_document(bundle, names.JOB_FILE), job_file(job, names.QUESTIONS))
    if difference is not None:
        return Check("job", "fail", f"{names.JOB_FILE} is not the job in {names.JOB}: {difference}")
    return Check("job", "pass", "its questions, their prompts, its hash and its job file agree")


def rows_check(connection: Connection, job: StoredJob, bundle: Unpacking) -> Check:
    """Compare the rows with what an export of the restored ones gives: each column follows from what is stored."""
    for name in (names.EXECUTIONS, names.SUPERSEDED):
        with tempfile.TemporaryFile(prefix="beacon-") as exported:
            write_rows(cast(BinaryIO, exported), connection, job, superseded=name == names.SUPERSEDED)
            exported.seek(0)
            for number, lines in enumerate(itertools.zip_longest(bundle.lines(name), exported, fillvalue=b"null"), 1):
                stored, computed = lines
                if stored == computed:
                    continue
                if found := first_difference(parsed(stored, MOST_IN_A_LINE), json.loads(computed)):
                    return Check("rows", "fail", f"{name}, line {number}: {found}")
    return Check("rows", "pass", "every column of every answer follows from what is stored of it")


def audit_check(connection: Connection, job: StoredJob, bundle: Unpacking) -> tuple[Check, AuditReport, list[str]]:
    """Compare the audit with one of the restored rows.

    Also return that one, and what of it cannot be computed at another time. A stored audit that found problems, as the
    rows do, is a warning.
    """
    stored = _document(bundle, names.AUDIT)
    computed, left_out = _as_timed(audited(connection, job), stored)
    computed, not_in_rows = _as_ended(computed, stored)
    left_out += not_in_rows
    check = _compared("audit", bundle, names.AUDIT, audit_document(computed))
    if check.status == "pass" and not computed.ok:
        check = Check("audit", "warn", f"{check.detail}; it is not ok: {computed.checks_summary()}")
    return check, computed, left_out


def verdicts_check(connection: Connection, job: StoredJob, bundle: Unpacking, document: Mapping[str, Any]) -> Check:
    """Compare the verdicts with those of the restored rows.

    Raises `MissingExtra` where they were computed by an extra that is not installed, and `NotRestorable` if they cannot
    be computed as they were.
    """
    from beacon_cli.comparison.compare import compare_jobs
    from beacon_cli.comparison.options import built_in_rule_of, chosen_options

    compared = document["compare"]
    try:
        options = chosen_options(
            compared["measure"],
            compared["rate"],
            compared["margin"],
            compared["accept"] or (),
            None,
            by=compared["by"],
        )
        options = replace(options, rule=built_in_rule_of(compared["refusal_rule"]))
        models = {each["id"]: Model(**each) for each in document["models"]}
        comparison = compare_jobs(connection, [job], options, models=models)
    except UsageError as error:
        raise NotRestorable(f"{names.JOB}: the answers cannot be compared as it says: {error.message}") from error
    return _compared("verdicts", bundle, names.VERDICTS, verdicts_document(comparison))


def require_readable(bundle: Unpacking) -> None:
    """Read the documents from which nothing is computed. Raises `NotRestorable` for one that is none."""
    for name in (names.COSTS, names.VERSIONS):
        _document(bundle, name)


def version_note(bundle: Unpacking) -> str:
    """Return which versions of this program wrote and read a bundle; nothing if it is the same."""
    written = str(_document(bundle, names.VERSIONS).get("beacon"))
    if written == __version__:
        return ""
    return f"; it was written by beacon {excerpt(written, 40)}, and this is {__version__}"


def _as_timed(audit: AuditReport, stored: Mapping[str, Any]) -> tuple[AuditReport, list[str]]:
    """Return the audit with the stored check of times where that differs, and a line that says so."""
    found = [each for each in _checks(stored) if isinstance(each, dict) and each.get("name") == _TIMED]
    [now] = [check for check in audit.checks if check.name == _TIMED]
    try:
        [then] = [Check(**each) for each in found]
    except (TypeError, ValueError):
        return audit, []
    if then == now or "in the future of" not in f"{then.detail}{now.detail}":
        return audit, []
    checks = tuple(then if check.name == _TIMED else check for check in audit.checks)
    line = f"{names.AUDIT}: {_TIMED} depends on when it is asked: stored {then.status}, now {now.status}: {now.detail}"
    return replace(audit, checks=checks), [line]


def _as_ended(audit: AuditReport, stored: Mapping[str, Any]) -> tuple[AuditReport, list[str]]:
    """Return the audit with the stored reason why a fleet ended the job, which only its queue knew, and a line."""
    data = stored.get("data")
    reason = data.get("reason") if isinstance(data, dict) else None
    if audit.ending is not None or not isinstance(reason, str):
        return audit, []
    line = f"{names.AUDIT}: why the fleet ended the job, which its rows do not say: {excerpt(reason, 300)}"
    return replace(audit, ending=Ending(audit.job_id, "", reason)), [line]


def _checks(stored: Mapping[str, Any]) -> list[Any]:
    data = stored.get("data")
    checks = data.get("checks") if isinstance(data, dict) else None
    return checks if isinstance(checks, list) else []


def _compared(name: str, bundle: Unpacking, file: str, computed: Iterable[bytes]) -> Check:
    """Compare a document with the computed one: only where their bytes differ are both held in memory."""
    with tempfile.TemporaryFile(prefix="beacon-") as written:
        written.writelines(computed)
        written.seek(0)
        same = bundle.has_bytes(file, cast(BinaryIO, written))
        written.seek(0)
        difference = None if same else first_difference(_document(bundle, file), json.load(written))
    if difference is None:
        return Check(name, "pass", f"computed anew from the rows, {file} is the same")
    return Check(name, "fail", f"{file} is not what its rows give: {difference}")


def _document(bundle: Unpacking, name: str) -> dict[str, Any]:
    try:
        value = parsed(bundle.read(name), MOST_IN_A_DOCUMENT)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NotRestorable(f"{name} is not a JSON document that can be read")
    return value
