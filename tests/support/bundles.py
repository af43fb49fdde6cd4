"""Bundles of stored jobs, what becomes of them in other hands, and a database to verify them in."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from beacon_cli.bundle.archive import Archive
from beacon_cli.bundle.manifest import Listed, manifest_of, sums_of
from beacon_cli.bundle.names import LISTED, MANIFEST, SUMS
from beacon_cli.bundle.verify import VerifiedBundle
from beacon_cli.bundle.write import Contents, WrittenBundle, write_bundle
from beacon_cli.comparison.options import Options
from beacon_cli.comparison.refusal import built_in_rule
from beacon_cli.job.lanes import Question
from beacon_cli.job.questions import Digest
from beacon_cli.records.find_job import find_job
from beacon_cli.records.load_job import stored_job
from beacon_cli.settings import Settings
from beacon_cli.store.text import original
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]


def bundled(connection: Connection, job_id: str, path: Path, **contents: Any) -> WrittenBundle:
    """Write the bundle of a stored job; refusals are found by rules alone, which loads no model."""
    _make_runnable(connection, job_id)
    options = Options(rule=built_in_rule())
    job = find_job(connection, job_id, regions=REGIONS)
    return write_bundle(connection, job, options, path, Settings(), Contents(**contents))


def _make_runnable(connection: Connection, job_id: str) -> None:
    """Give a seeded job all that a job has which `run` stored, and the hashes of its questions and of itself."""
    questions = connection.execute("SELECT id, text, tags FROM questions WHERE job_id = %s ORDER BY position", [job_id])
    digest = Digest()
    digest.update(Question(question_id, original(text), tuple(tags)) for question_id, text, tags in questions)
    row = connection.execute("SELECT spec FROM jobs WHERE id = %s", [job_id]).fetchone()
    assert row is not None
    spec = {"generation": {}, "system_prompt": None, "limits": {}, "metadata": {}, **row[0]}
    spec["questions"] = {"count": digest.count, "sha256": digest.hexdigest()}
    connection.execute("UPDATE jobs SET spec = %s WHERE id = %s", [json.dumps(spec), job_id])
    url = make_conninfo(connection.info.dsn, password=connection.info.password)
    sha256 = stored_job(url, job_id, regions=REGIONS).spec_sha256
    connection.execute("UPDATE jobs SET spec_sha256 = %s WHERE id = %s", [sha256, job_id])


def key_in(folder: Path, name: str = "key") -> Path:
    """Make a key of SSH without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "someone", "-f", name]
    subprocess.run(command, cwd=folder, check=True)
    return folder / name


def files_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip with these files, as a bundle is written."""
    with path.open("wb") as stream, closing(Archive(stream)) as archive:
        for name, content in files.items():
            archive.add(name, [content])
    return path


def changed(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """Write a bundle in which one file was changed, beside the other one."""
    files = files_of(path)
    return packed(path.with_name("changed.zip"), {**files, name: change(files[name])})


def forged(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """Write the bundle that somebody makes who changes one file, and then the list of files so that it fits."""
    files = files_of(path)
    return with_list(path.with_name("forged.zip"), {**files, name: change(files[name])})


def with_list(path: Path, files: Mapping[str, bytes], sums: bytes | None = None) -> Path:
    """Write a zip with these files, with a list of them that fits, and with that or other `sums`."""
    listed = {each: _listed(each, content) for each, content in files.items() if each in LISTED}
    sums = sums_of(listed.values()) if sums is None else sums
    manifest = manifest_of([*listed.values(), _listed(SUMS, sums)])
    return packed(path, {**files, SUMS: sums, MANIFEST: manifest})


def _listed(name: str, content: bytes) -> Listed:
    return Listed(name, len(content), hashlib.sha256(content).hexdigest())


def one_byte(content: bytes, place: int) -> bytes:
    """Change one byte."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def failed(verified: VerifiedBundle) -> dict[str, str]:
    """Return the failed checks with what they say."""
    return {check.name: check.detail for check in verified.checks if check.status == "fail"}
