"""`beacon bundle` and `beacon verify bundle` as programs: what is written, their JSON, their exit codes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.bundle.names import LISTED, MANIFEST, SUMS
from beacon_cli.bundle.signature import signature_of
from beacon_cli.bundle.table import show_verified
from beacon_cli.bundle.verify import Database, verify_bundle
from beacon_cli.console.terminal import console_on
from beacon_cli.errors import EnvironmentFault
from tests.support.audit_jobs import JOB, fingerprint, seed, seed_legacy
from tests.support.bundles import bundled, changed, files_of, key_in, one_byte
from tests.support.in_process import beacon
from tests.support.report_jobs import ReportJob, store

Connection = psycopg.Connection[tuple[Any, ...]]


def test_the_files_of_a_bundle_are_what_the_commands_print(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    store(connection, ReportJob(questions=4, repeats=3, troubles=False))
    before = fingerprint(connection)
    path = tmp_path / "b.zip"
    done = beacon("bundle", JOB, "-o", str(path), url=database_url)
    assert (done.code, done.err) == (0, "")
    assert fingerprint(connection) == before
    files = files_of(path)
    assert list(files) == [*LISTED, SUMS, MANIFEST]
    beacon("export", JOB, "-o", str(tmp_path / "rows.jsonl"), url=database_url)
    assert files["executions.jsonl"] == (tmp_path / "rows.jsonl").read_bytes()
    assert json.loads(files["audit.json"]) == beacon("check-db", JOB, "--json", url=database_url).document
    assert json.loads(files["verdicts.json"]) == beacon("compare", JOB, "--json", url=database_url).document
    assert json.loads(files["costs.json"]) == beacon("costs", JOB, "--json", url=database_url).document
    assert b"Report made" not in files["report.html"]
    assert b"secret-host" not in b"".join(files.values())


def test_the_same_rows_give_the_same_bytes(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    key = key_in(tmp_path)
    bundled(connection, JOB, tmp_path / "one.zip", key=key)
    connection.execute("UPDATE executions SET hops = hops")  # they lie elsewhere now
    bundled(connection, JOB, tmp_path / "two.zip", key=key)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    piped = beacon("bundle", JOB, "-o", "-", "--sign", str(key), url=database_url).written
    beacon("bundle", JOB, "-o", str(tmp_path / "three.zip"), "--sign", str(key), url=database_url)
    assert piped == (tmp_path / "three.zip").read_bytes()


def test_the_json_of_both_commands(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    key, path = key_in(tmp_path), tmp_path / "b.zip"
    options = ("-o", str(path), "--sign", str(key), "--no-report", "--measure", "lexical", "--json")
    done = beacon("bundle", JOB, *options, url=database_url)
    data = done.document["data"]
    signed_by = data["signed_by"]
    assert done.code == 0
    assert re.fullmatch(r"ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}", signed_by)
    assert data == {
        "job_id": JOB,
        "path": str(path),
        "bytes": path.stat().st_size,
        "executions": 12,
        "manifest_sha256": data["manifest_sha256"],
        "signed_by": signed_by,
        "complete": True,
    }
    broken = changed(path, "audit.json", lambda content: one_byte(content, 5))
    done = beacon("verify", "bundle", str(broken), "--json", url="postgresql://nobody@192.0.2.1/none")
    document = done.document
    assert (done.code, document["command"], document["ok"]) == (1, "verify bundle", False)
    size = len(files_of(path)["audit.json"])
    assert size == len(files_of(broken)["audit.json"])
    [files, *_] = document["data"]["checks"]
    assert files["detail"].startswith("audit.json was changed: its SHA-256 is ")
    assert document["errors"] == [{"code": "problems_found", "message": f"files: {files['detail']}", "hint": ""}]
    assert {key: value for key, value in document["data"].items() if key != "checks"} == {
        "path": str(broken),
        "job_id": None,
        "manifest_sha256": data["manifest_sha256"],
        "signed_by": signed_by,
        "signer": None,
        "complete": None,
        "audit_ok": None,
        "not_recomputed": [],
    }
    assert [(check["name"], check["status"]) for check in document["data"]["checks"]] == [
        ("files", "fail"),
        ("signature", "warn"),
        ("job", "skip"),
        ("rows", "skip"),
        ("audit", "skip"),
        ("verdicts", "skip"),
    ]


def test_a_job_that_lacks_answers_is_refused_unless_that_is_meant(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    seed(connection)
    connection.execute("DELETE FROM executions WHERE region = 'EU'")
    path = tmp_path / "b.zip"
    done = beacon("bundle", JOB, "-o", str(path), url=database_url)
    assert (done.code, path.exists()) == (1, False)
    assert done.err == (
        f"error: job {JOB} is incomplete: 8 of 12 answers\n"
        "hint: run it again to ask what is missing; --partial makes a bundle that says it is incomplete\n"
    )
    done = beacon("bundle", JOB, "-o", str(path), "--partial", url=database_url)
    assert done.code == 0
    assert "incomplete: answers are missing, as the bundle says" in done.out
    assert b"INCOMPLETE: 8 of 12 answers." in files_of(path)["README.txt"]
    piped = beacon("bundle", JOB, "-o", "-", "--partial", url=database_url)
    digest = hashlib.sha256(files_of(path)["manifest.json"]).hexdigest()
    assert piped.written == path.read_bytes()
    assert piped.err == (
        "incomplete: answers are missing, as the bundle says\n"
        f"not signed\nto cite it: SHA-256 of its manifest {digest}\n"
    )


def test_a_reviewer_is_told_that_answers_are_missing_and_what_the_audit_found(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "whole.zip", report=False)
    whole = verify_bundle(tmp_path / "whole.zip", database=database)
    assert (whole.complete, whole.audit_ok) == (True, True)
    connection.execute("DELETE FROM executions WHERE region = 'EU'")
    bundled(connection, JOB, tmp_path / "b.zip", report=False, partial=True)
    verified = verify_bundle(tmp_path / "b.zip", database=database)
    assert (verified.exit_code, verified.complete, verified.audit_ok) == (0, False, False)
    out = io.StringIO()
    show_verified(verified)(console_on(out))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "! incomplete 8 of 12 answers" in lines
    [audit] = [line for line in lines if line.startswith("! audit")]
    assert "audit.json is the same; it is not ok: " in audit
    assert "ok: unchanged, and its rows give the same audit and verdicts, but answers are missing" in lines


def test_a_job_of_the_old_system_is_refused(legacy: Connection, legacy_database_url: str, tmp_path: Path) -> None:
    seed_legacy(legacy)
    done = beacon("bundle", JOB, "-o", str(tmp_path / "b.zip"), url=legacy_database_url)
    assert (done.code, list(tmp_path.iterdir())) == (2, [])
    assert "is in the old system's tables" in done.err


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("-o", "-", "--json"), 2, "--json prints a document on stdout, so the bundle needs a file"),
        (("-o", "missing/b.zip"), 3, "cannot write missing/b.zip"),
        (("--sign", "missing"), 2, "--sign: there is no file missing"),
        (("--sign", "."), 2, "--sign: there is no file ."),
        (("--sign", "no-key"), 2, "--sign: no-key is no private key of SSH"),
        (("--accept", "colour"), 2, "--accept: unknown 'colour'"),
    ],
)
def test_bad_input_is_reported_in_one_line(
    connection: Connection,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    seed(connection)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no-key").write_text("not a key\n")
    done = beacon("bundle", JOB, *options, "--no-report", url=database_url)
    assert (done.code, [path.name for path in tmp_path.iterdir()]) == (code, ["no-key"])
    assert told in (done.out if "--json" in options else done.err)


def test_without_ssh_keygen_nothing_is_signed(
    connection: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(connection)
    key = key_in(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    done = beacon("bundle", JOB, "-o", str(tmp_path / "b.zip"), "--sign", str(key), url=database_url)
    assert (done.code, (tmp_path / "b.zip").exists()) == (3, False)
    assert "ssh-keygen is not installed" in done.err


def test_a_key_with_a_passphrase_cannot_be_asked_for_without_a_terminal(tmp_path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", "my key"]
    subprocess.run(command, cwd=tmp_path, check=True)
    program = "from pathlib import Path; from beacon_cli.bundle.signature import signature_of as sign; "
    done = subprocess.run(
        [sys.executable, "-c", f"{program} sign(b'x', Path('my key'))"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "my key needs a passphrase, and without a terminal nobody can be asked for it" in done.stderr


def test_a_key_that_does_not_sign_comes_with_a_command_to_type(tmp_path: Path) -> None:
    key = key_in(tmp_path)
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(EnvironmentFault) as refused:
        signature_of(b"x", key)
    assert refused.value.hint == f"try it alone: echo | ssh-keygen -Y sign -f {key} -n beacon-bundle"


def commands_of(readme: str, system: str) -> list[str]:
    """Return the commands that the README gives for a system."""
    for_systems = re.findall(rf"^    {system}: +(.+)$", readme, re.MULTILINE)
    return [*for_systems, *re.findall(r"^    (ssh-keygen .+)$", readme, re.MULTILINE)]


@pytest.mark.parametrize("system", ["Linux", "macOS"])
def test_standard_tools_check_a_bundle_as_its_readme_says(connection: Connection, tmp_path: Path, system: str) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", key=key_in(tmp_path))
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(folder)
    sums, listed, signature = commands_of((folder / "README.txt").read_text(), system)

    def run(command: str) -> tuple[int, str]:
        done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def said() -> list[bool]:
        checked, named, signed = run(sums), run(listed), run(signature)
        return [
            checked == (0, "".join(f"{name}: OK\n" for name in sorted(LISTED))),
            named == (0, "1\n"),
            signed[0] == 0 and signed[1].startswith('Good "beacon-bundle" signature for author with ED25519 key'),
        ]

    assert said() == [True, True, True]
    for name, expected in (
        *((name, [False, True, True]) for name in LISTED),
        (SUMS, [False, False, True]),
        ("manifest.json", [True, False, False]),
        ("manifest.json.sig", [True, True, False]),
        ("allowed_signers", [True, True, False]),
    ):
        content = (folder / name).read_bytes()
        place = content.index(b'SUMS","sha256":"') + 20 if name == MANIFEST else len(content) // 2
        (folder / name).write_bytes(one_byte(content or b"x", place))
        assert said() == expected, name
        (folder / name).write_bytes(content)
