"""`verify bundle`: is everything as it was written and signed, and does it give the same audit and verdicts?"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from beacon_cli.audit.check import Check
from beacon_cli.audit.report import AuditReport
from beacon_cli.bundle import names
from beacon_cli.bundle.keys import Key, allowed_signers
from beacon_cli.bundle.manifest import Listed, NotAManifest, read_manifest, sums_of
from beacon_cli.bundle.recomputing import (
    audit_check,
    job_check,
    read_job,
    require_readable,
    rows_check,
    stored_job,
    verdicts_check,
    version_note,
)
from beacon_cli.bundle.restoring import NotRestorable, restore
from beacon_cli.bundle.signature import LARGEST, NotASignature, is_valid, key_of, refusal_of
from beacon_cli.bundle.unpacking import BadZip, Unpacking, unpacking
from beacon_cli.console.formatting import size
from beacon_cli.console.input_file import input_name, require_stdin_once
from beacon_cli.console.printable import excerpt
from beacon_cli.console.status_line import status_line
from beacon_cli.errors import BeaconError, EnvironmentFault, ProblemsFound
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.connect import connect_readonly
from beacon_cli.store.temporary import temporary_database

Database = Callable[[], AbstractContextManager[str]]
"""Returns a context manager that yields the URL of an empty, migrated database."""

# What reading a job leads to that no Beacon stored: its values are trusted everywhere else.
_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)
_TIMES_THE_ROWS = 3  # in tables, in their log, and exported again
_ONLY_HASHED = (
    f"{names.README}: its text is that of the version that wrote it",
    f"{names.JOB}: name, version, limits and metadata of the job, and when and by which version it was run",
    f"{names.COSTS}: prices are those of the machine that wrote it",
    f"{names.REPORT}: its layout is that of the version that wrote it",
    f"{names.VERSIONS}: what it says of that machine",
)


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """What was found. `signer` is the signer's name as `--signer` has it, `key` the key that signed; `complete`
    is whether no answer is missing, `audit_ok` whether the audit found no problem, both None if nothing was computed;
    `error` kept something from being checked."""

    path: str
    job_id: str | None = None
    checks: tuple[Check, ...] = ()
    key: str | None = None
    signer: str | None = None
    not_recomputed: tuple[str, ...] = ()
    manifest_sha256: str | None = None
    complete: bool | None = None
    audit_ok: bool | None = None
    error: BeaconError | None = None

    @property
    def problems(self) -> tuple[ProblemsFound, ...]:
        """The failed checks as errors, for scripts; people read the checks."""
        return tuple(ProblemsFound(f"{check.name}: {check.detail}") for check in self.checks if check.status == "fail")

    @property
    def exit_code(self) -> int:
        """1 if a check fails, else that of what kept one from being made, else 0."""
        if self.problems:
            return 1
        return self.error.exit_code if self.error else 0

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `verify bundle --json`."""
        return {
            "path": self.path,
            "job_id": self.job_id,
            "manifest_sha256": self.manifest_sha256,
            "signed_by": self.key,
            "signer": self.signer,
            "complete": self.complete,
            "audit_ok": self.audit_ok,
            "checks": [asdict(check) for check in self.checks],
            "not_recomputed": list(self.not_recomputed),
        }


@dataclass(frozen=True, slots=True)
class _Signers:
    """Whose signatures are accepted: the name of the user's file, and its allowed signers."""

    name: str
    content: bytes


@dataclass(slots=True)
class _Findings:
    """What is found on the way."""

    checks: list[Check] = field(default_factory=list)
    job_id: str | None = None
    key: Key | None = None
    signer: str | None = None
    not_recomputed: list[str] = field(default_factory=list)
    manifest_sha256: str | None = None
    audit: AuditReport | None = None
    error: BeaconError | None = None


def verify_bundle(path: Path, signer: Path | None = None, *, database: Database = temporary_database) -> VerifiedBundle:
    """Check a bundle (a file, or stdin) without a network. `signer` is a public key, or a file of allowed signers.

    The rows are read into `database`, by default one that is made for this and deleted. Raises `UsageError` if one of
    the files cannot be read, or if that of the signer holds no public key.
    """
    found = _Findings()
    require_stdin_once(path, signer)
    signers = None if signer is None else _Signers(excerpt(input_name(Path(signer.name)), 120), allowed_signers(signer))
    try:
        with unpacking(path) as bundle:
            _check(bundle, signers, found, database)
    except BadZip as error:
        found.checks = [Check("zip", "fail", str(error))]
    return VerifiedBundle(
        path=input_name(path),
        job_id=found.job_id,
        checks=tuple(found.checks),
        key=None if found.key is None else str(found.key),
        signer=found.signer,
        not_recomputed=tuple(found.not_recomputed),
        manifest_sha256=found.manifest_sha256,
        complete=None if found.audit is None else found.audit.cells.whole,
        audit_ok=None if found.audit is None else found.audit.ok,
        error=found.error,
    )


def _check(bundle: Unpacking, signers: _Signers | None, found: _Findings, database: Database) -> None:
    if bundle.layout_problem:
        found.checks.append(Check("zip", "fail", bundle.layout_problem))
    measured = {name: bundle.measured(name) for name in sorted(bundle.names)}
    problems = _differing(bundle, measured)
    detail = "; ".join(problems) or "every file that the manifest lists is unchanged"
    found.checks.append(Check("files", "fail" if problems else "pass", detail))
    if names.MANIFEST in measured:
        found.manifest_sha256 = measured[names.MANIFEST].sha256
        found.checks.append(_signature(bundle, signers, found))
    if problems or bundle.layout_problem:
        found.checks += [
            Check(name, "skip", "not computed: the bundle is not what was written")
            for name in ("job", "rows", "audit", "verdicts")
        ]
    else:
        _recompute(bundle, found, database)


def _differing(bundle: Unpacking, measured: Mapping[str, Listed]) -> list[str]:
    """Return what is wrong with the files: each that was changed, is missing or does not belong there, by its name."""
    if names.MANIFEST not in measured:
        return [f"{names.MANIFEST} is missing"]
    try:
        listed = read_manifest(bundle.read(names.MANIFEST))
    except NotAManifest as error:
        return [f"{names.MANIFEST}: {error}"]
    missing = [f"{name} is missing" for name in listed if name not in measured]
    extra = [f"{name} is not in the manifest" for name in measured if name in names.LISTED and name not in listed]
    changed = _changed(bundle, listed, measured) if not missing else []
    return [*missing, *extra, *changed]


def _changed(bundle: Unpacking, listed: Mapping[str, Listed], measured: Mapping[str, Listed]) -> list[str]:
    """Return which files were changed. Where the manifest alone disagrees with a file, it is the manifest."""
    sums = bundle.read(names.SUMS)
    by_sums = {line[66:]: line[:64] for line in sums.decode("utf-8", "replace").splitlines()}
    expected = sums_of(file for file in listed.values() if file.name != names.SUMS)
    by_sums[names.SUMS] = measured[names.SUMS].sha256 if sums == expected else ""
    problems = []
    for name, file in listed.items():
        if file == measured[name]:
            continue
        if by_sums.get(name) == measured[name].sha256:
            problems.append(f"{names.MANIFEST} was changed: what it says of {name} is true of no file")
        else:
            problems.append(f"{name} was changed: {_difference(file, measured[name])}")
    if not problems and sums != expected:
        problems.append(f"{names.SUMS} does not list the files as {names.MANIFEST} does")
    return problems


def _difference(listed: Listed, measured: Listed) -> str:
    if listed.size != measured.size:
        return f"it has {measured.size:,} bytes, not {listed.size:,}"
    return f"its SHA-256 is {measured.sha256[:12]}…, not {listed.sha256[:12]}…"


def _signature(bundle: Unpacking, signers: _Signers | None, found: _Findings) -> Check:
    """Check the signature, and note whose it is."""
    there = [name for name in names.SIGNED if name in bundle.names]
    if not there:
        return Check("signature", "fail" if signers else "warn", "it is not signed")
    if len(there) < len(names.SIGNED):
        [missing] = set(names.SIGNED) - set(there)
        return Check("signature", "fail", f"{missing} is missing, beside {there[0]}")
    try:
        return _checked_signature(bundle, signers, found)
    except NotASignature:
        return Check("signature", "fail", f"{names.SIGNATURE} was changed: it is not a signature of ssh-keygen")
    except EnvironmentFault as error:
        found.error = error
        return Check("signature", "skip", f"not checked: {error.message}")


def _checked_signature(bundle: Unpacking, signers: _Signers | None, found: _Findings) -> Check:
    manifest, signature = bundle.read(names.MANIFEST), bundle.read(names.SIGNATURE)
    if len(signature) > LARGEST:
        raise NotASignature
    key = key_of(signature)
    if not is_valid(manifest, signature):
        return Check("signature", "fail", f"{names.MANIFEST} or {names.SIGNATURE} was changed: they do not match")
    found.key = key
    if bundle.read(names.SIGNERS) != key.allowed_signers:
        return Check("signature", "fail", f"{names.SIGNERS} was changed: the key that signed is {key}")
    if signers is None:
        return Check("signature", "warn", f"signed with {key}; whose key that is was not asked (--signer)")
    name, refusal = refusal_of(manifest, signature, signers.content, signers.name)
    if refusal:
        return Check("signature", "fail", f"signed with {key}, which is not accepted: {refusal}")
    if name is None:
        return Check("signature", "fail", f"signed with {key}, which {signers.name} does not name")
    found.signer = name
    return Check("signature", "pass", f"signed with {key}, which {signers.name} names")


def _recompute(bundle: Unpacking, found: _Findings, database: Database) -> None:
    """Compute audit and verdicts anew, and note what was not computed."""
    found.not_recomputed += [line for line in _ONLY_HASHED if line.partition(":")[0] in bundle.names]
    try:
        document = read_job(bundle)
        require_readable(bundle)
        _require_space(bundle)
        with database() as url, status_line("computing audit and verdicts anew"):
            restore(url, bundle, document)
            with connect_readonly(url) as connection:
                _compare(bundle, found, url, connection, document)
    except NotRestorable as error:
        found.checks.append(Check("rows", "fail", str(error)))
    except _UNREADABLE:
        found.checks.append(Check("rows", "fail", f"{names.JOB}: the job in it cannot be read"))
    except EnvironmentFault as error:
        found.error = error


def _require_space(bundle: Unpacking) -> None:
    """Raise `EnvironmentFault` if the rows would fill the disk: a small zip may hold very many."""
    folder = tempfile.gettempdir()
    needed = _TIMES_THE_ROWS * sum(map(bundle.size_of, names.ROWS))
    if needed > (free := shutil.disk_usage(folder).free):
        raise EnvironmentFault(
            f"to compute the verdicts anew takes about {size(needed)} in {folder}, which has {size(free)} left",
            hint="set TMPDIR to a folder with more space",
        )


def _compare(
    bundle: Unpacking, found: _Findings, url: str, connection: Connection, document: Mapping[str, Any]
) -> None:
    """Compare what the restored rows give with what the bundle says."""
    job = stored_job(connection, document)
    found.job_id = job.id
    note = version_note(bundle)

    def add(check: Check) -> None:
        found.checks.append(replace(check, detail=f"{check.detail}{note}") if check.status == "fail" else check)

    add(job_check(url, connection, job, bundle, document))
    add(rows_check(connection, job, bundle))
    audit, found.audit, left_out = audit_check(connection, job, bundle)
    found.not_recomputed += left_out
    add(audit)
    if not (cells := found.audit.cells).whole:
        add(Check("incomplete", "warn", f"{cells.answered} of {cells.expected} answers"))
    add(verdicts_check(connection, job, bundle, document))
