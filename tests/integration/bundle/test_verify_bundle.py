"""What `verify bundle` says of a bundle: as it was written, changed, forged, signed by others."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli import __version__
from beacon_cli.bundle.keys import LARGEST_FILE
from beacon_cli.bundle.names import EVERY, SIGNED
from beacon_cli.bundle.verify import Database, VerifiedBundle, verify_bundle
from beacon_cli.errors import EnvironmentFault, UsageError
from beacon_cli.store.text import storable, storable_json
from tests.support.audit_jobs import JOB, seed
from tests.support.bundles import bundled, changed, failed, files_of, forged, key_in, one_byte, packed, with_list
from tests.support.in_process import beacon
from tests.support.report_jobs import ReportJob, store

Connection = psycopg.Connection[tuple[Any, ...]]
TROUBLED = ReportJob(questions=8, repeats=3)
EARLIER_VERSIONS = sorted((Path(__file__).parents[1] / "runs" / "earlier_versions").glob("*.sql"))
HOSTILE = "\x00\ud800\ue000\\u0000\x1b[31m<b>"


def never() -> Any:
    raise AssertionError("nothing is computed from files that were changed")


def statuses(verified: VerifiedBundle) -> dict[str, str]:
    return {check.name: check.status for check in verified.checks}


def signed(connection: Connection, folder: Path, **contents: Any) -> tuple[Path, Path]:
    """Write a signed bundle, and return it and its key."""
    seed(connection)
    key = key_in(folder)
    bundled(connection, JOB, folder / "b.zip", key=key, **contents)
    return folder / "b.zip", key


def test_the_rows_of_a_bundle_give_the_same_audit_and_verdicts(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    store(connection, TROUBLED)
    document = {"success": True, "region": "us", "large": 10**30, "small": 1.50, HOSTILE: [HOSTILE, None]}
    connection.execute(
        "UPDATE executions SET response = %s, output_data = %s, thought = 'a thought', tokens = 7"
        " WHERE (question_id, region, repeat) = (%s, 'US', 0)",
        [storable(HOSTILE), json.dumps(storable_json(document)), next(iter(TROUBLED.texts()))],
    )
    connection.execute("UPDATE questions SET tags = '{control,t2}' WHERE position = 1")
    names = "id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, arm, created_at"
    for run in ("min", "max"):
        connection.execute(
            f"INSERT INTO superseded_executions ({names}, superseded_by) SELECT {names},"
            f" (SELECT {run}(id::text)::uuid FROM runs) FROM executions WHERE status = 'failed'".encode()
        )
    bundled(connection, JOB, tmp_path / "b.zip", partial=True)
    verified = verify_bundle(tmp_path / "b.zip", database=database)
    assert failed(verified) == {}
    assert statuses(verified) == {
        "files": "pass",
        "signature": "warn",
        "job": "pass",
        "rows": "pass",
        "audit": "warn",
        "incomplete": "warn",
        "verdicts": "pass",
    }
    assert (verified.exit_code, verified.job_id) == (0, JOB)
    audit = json.loads(files_of(tmp_path / "b.zip")["audit.json"])
    assert audit["data"]["superseded"] == 2


def test_a_bundle_from_stdin_gives_the_same(
    connection: Connection, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET response = 'I am sorry, I cannot say.'")  # what it finds is in an order
    bundled(connection, JOB, tmp_path / "b.zip")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "b.zip").read_bytes())))
    verified = verify_bundle(Path("-"), database=database)
    assert (verified.path, failed(verified)) == ("<stdin>", {})


@pytest.mark.parametrize("version", EARLIER_VERSIONS, ids=lambda path: path.stem)
def test_a_job_that_an_earlier_version_stored_gives_the_same(
    empty_database_url: str, database: Database, tmp_path: Path, version: Path
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(version.read_bytes())
    assert beacon("db", "migrate", url=empty_database_url).code == 0
    path = tmp_path / "b.zip"
    written = beacon("bundle", "operators", "--partial", "--no-report", "-o", str(path), url=empty_database_url)
    assert (written.code, written.err) == (0, "")
    verified = verify_bundle(path, database=database)
    assert (failed(verified), verified.exit_code) == ({}, 0)
    only_hashed = ["README.txt", "job.json", "costs.json", "versions.json"]
    assert [line.partition(":")[0] for line in verified.not_recomputed] == only_hashed


def test_each_file_in_which_one_byte_was_changed_is_named(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    bundle, _ = signed(connection, tmp_path)
    files = files_of(bundle)
    assert sorted(files) == sorted(EVERY)
    for name, content in files.items():
        signature = name in SIGNED  # it is not listed: the rows are as they were, and read
        for place in {0, len(content) // 2, len(content) - 1} if content and not signature else {len(content) // 2}:
            path = changed(bundle, name, lambda content, at=place: one_byte(content or b"x", at))  # type: ignore[misc]
            verified = verify_bundle(path, database=database if signature else never)
            assert verified.exit_code == 1
            assert name in " ".join(failed(verified).values()), (name, place)


def test_any_changed_byte_of_an_unsigned_manifest_is_found(connection: Connection, tmp_path: Path) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    content = files_of(tmp_path / "b.zip")["manifest.json"]
    for place in range(len(content)):
        path = changed(tmp_path / "b.zip", "manifest.json", lambda content, at=place: one_byte(content, at))  # type: ignore[misc]
        assert "manifest.json" in failed(verify_bundle(path, database=never))["files"], place


@pytest.mark.parametrize("name", ["job.json", "SHA256SUMS", "manifest.json"])
def test_a_missing_file_is_named(connection: Connection, tmp_path: Path, name: str) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    files = files_of(tmp_path / "b.zip")
    del files[name]
    verified = verify_bundle(packed(tmp_path / "less.zip", files), database=never)
    assert failed(verified)["files"] == f"{name} is missing"


def test_a_file_that_the_manifest_does_not_list_is_named(connection: Connection, tmp_path: Path) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    more = packed(tmp_path / "more.zip", {**files_of(tmp_path / "b.zip"), "report.html": b"<p>"})
    assert failed(verify_bundle(more, database=never)) == {"files": "report.html is not in the manifest"}


def replaced(old: str, new: str) -> Any:
    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return change


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        (
            "audit.json",
            '"rows": 12',
            '"rows": 13',
            {"audit": "audit.json is not what its rows give: data.rows: stored 13, computed 12"},
        ),
        (
            "verdicts.json",
            '"complete": true',
            '"complete": false',
            {"verdicts": "verdicts.json is not what its rows give: data.complete: stored false, computed true"},
        ),
        (
            "verdicts.json",
            '"verdicts": {',
            '"verdicts": {"better": 1,',
            {"verdicts": "verdicts.json is not what its rows give: data.verdicts.better: only stored"},
        ),
        (
            "executions.jsonl",
            '"answer_text": "What',
            '"answer_text": "That',
            {
                "rows": "executions.jsonl, line 1: answer_text: stored"
                ' "That llama3.2-1b has to say in US of math_basic.", computed'
                ' "What llama3.2-1b has to say in US of math_basic."'
            },
        ),
        (
            "executions.jsonl",
            '"repeat": 0',
            '"repeat": "many"',
            {
                "rows": 'executions.jsonl cannot be read back: invalid input syntax for type integer: "many"',
            },
        ),
        (
            "executions.jsonl",
            '{"schema',
            '["schema',
            {"rows": "executions.jsonl, line 1: it is not JSON that can be read"},
        ),
        (
            "executions.jsonl",
            '{"schema',
            '{"status": "failed", "schema',
            {"rows": "executions.jsonl, line 1: it is not JSON that can be read"},
        ),
        (
            "questions.jsonl",
            "Why?",
            "Whom?",
            {"job": "questions.jsonl has other questions than the job, by the SHA-256 in job.json"},
        ),
        ("job.json", '"spec_sha256": "', '"spec_sha256": "0', {"job": "job.json: spec_sha256 is not that of its spec"}),
        (
            "job.json",
            '"label": "EU"',
            '"label": "UE"',
            {"rows": "job.json: job bias-demo-1 stores region eu as EU, but here its label is UE"},
        ),
        (
            "job-file.json",
            '"repeats": 1',
            '"repeats": 2',
            {"job": "job-file.json is not the job in job.json: repeats: stored 2, computed 1"},
        ),
        (
            "job-file.json",
            '"repeats": 1',
            '"repeats": 2, "repeats": 1',
            {"rows": "job-file.json is not a JSON document"},
        ),
        (
            "costs.json",
            '"schema_version": 1',
            '"schema_version": 1, "schema_version": 1',
            {"rows": "costs.json is not a JSON document that can be read"},
        ),
        ("costs.json", '"schema_version": 1', '"x": NaN', {"rows": "costs.json is not a JSON document"}),
        ("costs.json", '"schema_version": 1', '"x": 1e999', {"rows": "costs.json is not a JSON document"}),
        ("versions.json", '"beacon": "', '"beacon": "", "beacon": "', {"rows": "versions.json is not a JSON document"}),
        ("questions.jsonl", '{"id"', '7 {"id"', {"rows": "questions.jsonl, line 1: it is not JSON that can be read"}),
        ("job.json", '"batching": "question"', '"batching": "x"', {"rows": "job.json cannot be read back"}),
        ("job.json", '"aliases": [', '"aliases": 5, "b": [', {"rows": "job.json: the job in it cannot be read"}),
        (
            "job.json",
            '"refusal_rule": "built in',
            '"refusal_rule": "my own',
            {
                "rows": "job.json: the answers cannot be compared as it says:"
                " refusals were found by a rule that is not built in: my own"
            },
        ),
        ("job.json", '"models": [', '"models": [7], "m": [', {"rows": "job.json: the job in it cannot be read"}),
        (
            "job.json",
            '"by": "region"',
            '"by": ["x"]',
            {"verdicts": "verdicts.json is not what its rows give: data.by: "},
        ),
        (
            "job.json",
            '"schema_version": 1',
            '"schema_version": 2',
            {"rows": "job.json is of another version than 1, which this program reads"},
        ),
    ],
)
def test_what_a_forger_changed_is_found_by_computing_it_anew(
    connection: Connection,
    database: Database,
    tmp_path: Path,
    name: str,
    old: str,
    new: str,
    found: dict[str, str],
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    verified = verify_bundle(forged(tmp_path / "b.zip", name, replaced(old, new)), database=database)
    assert statuses(verified)["files"] == "pass"
    assert verified.exit_code == 1
    [(check, detail)] = failed(verified).items()
    [(expected, beginning)] = found.items()
    assert (check, detail[: len(beginning)]) == (expected, beginning)


def test_a_question_that_was_asked_with_another_text_is_named(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET prompt = 'Why?'")
    connection.execute("UPDATE executions SET prompt = 'Whom?' WHERE question_id = 'greatest_leader' AND region = 'EU'")
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    told = failed(verify_bundle(tmp_path / "b.zip", database=database))
    assert told == {"job": "questions.jsonl: greatest_leader was asked with another text"}


@pytest.mark.parametrize("sums", [b"", b"0" * 64 + b"  job.json\n"])
def test_a_list_of_hashes_that_is_not_that_of_the_manifest_is_named(
    connection: Connection, tmp_path: Path, sums: bytes
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    path = with_list(tmp_path / "forged.zip", files_of(tmp_path / "b.zip"), sums)
    told = failed(verify_bundle(path, database=never))
    assert told == {"files": "SHA256SUMS does not list the files as manifest.json does"}


def test_a_difference_is_told_with_the_versions_that_wrote_and_read_the_bundle(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    older = forged(tmp_path / "b.zip", "versions.json", replaced(f'"beacon": "{__version__}"', '"beacon": "0.0.1"'))
    assert failed(verify_bundle(older, database=database)) == {}
    other = forged(older, "audit.json", replaced('"rows": 12', '"rows": 13'))
    told = failed(verify_bundle(other, database=database))["audit"]
    assert told.endswith(f"computed 12; it was written by beacon 0.0.1, and this is {__version__}")


def test_whether_a_time_was_in_the_future_is_told_and_not_computed_anew(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET completed_at = now() + interval '1 day' WHERE region = 'US'")
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    later = forged(tmp_path / "b.zip", "audit.json", replaced("4 rows in the future", "3 rows in the future"))
    verified = verify_bundle(later, database=database)
    assert statuses(verified)["audit"] == "fail"
    assert [told for told in verified.not_recomputed if told.startswith("audit.json: timestamps depends on when")]


def test_without_a_signer_the_key_is_told_and_that_nobody_asked_whose_it_is(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    bundle, key = signed(connection, tmp_path, report=False)
    verified = verify_bundle(bundle, database=database)
    shown = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True).stdout
    [check] = [check for check in verified.checks if check.name == "signature"]
    assert (check.status, verified.signer, verified.exit_code) == ("warn", None, 0)
    assert shown.split()[1] in check.detail
    assert "whose key that is was not asked" in check.detail


def test_a_signer_is_a_public_key_or_a_file_of_allowed_signers(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    bundle, key = signed(connection, tmp_path, report=False)
    public = Path(f"{key}.pub")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"# ours\nann@example.org,bob@example.org {public.read_text()}")
    assert verify_bundle(bundle, public, database=database).exit_code == 0
    verified = verify_bundle(bundle, allowed, database=database)
    assert (statuses(verified)["signature"], verified.signer) == ("pass", "ann@example.org")
    other = Path(f"{key_in(tmp_path, 'other')}.pub")
    allowed.write_text(f"# both of them\n{other.read_text()}{public.read_text()}")
    assert verify_bundle(bundle, allowed, database=database).signer == "author"


def test_an_unknown_key_is_told_apart_from_a_bad_signature(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    bundle, key = signed(connection, tmp_path, report=False)
    other = Path(f"{key_in(tmp_path, 'other')}.pub")
    unknown = verify_bundle(bundle, other, database=database)
    assert failed(unknown)["signature"] == f"signed with {unknown.key}, which other.pub does not name"
    assert unknown.key is not None

    files = files_of(bundle)
    bundled(connection, JOB, tmp_path / "second.zip", key=key, partial=True)
    files["manifest.json.sig"] = files_of(tmp_path / "second.zip")["manifest.json.sig"]
    bad = verify_bundle(packed(tmp_path / "bad.zip", files), other, database=database)
    assert failed(bad) == {"signature": "manifest.json or manifest.json.sig was changed: they do not match"}
    assert bad.key is None


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ('namespaces="git"', 'key is not permitted for use in signature namespace "beacon-bundle"'),
        ('valid-before="20200101"', "key has expired: "),
    ],
)
def test_a_key_that_is_not_accepted_is_told_with_the_reason_and_the_line(
    connection: Connection, database: Database, tmp_path: Path, condition: str, reason: str
) -> None:
    bundle, key = signed(connection, tmp_path, report=False)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"# ours\nann {condition} {Path(f'{key}.pub').read_text()}")
    verified = verify_bundle(bundle, allowed, database=database)
    told = f"signed with {verified.key}, which is not accepted: allowed, line 2: {reason}"
    assert failed(verified)["signature"][: len(told)] == told
    assert verified.signer is None


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("key", "key is a private key", "name {folder}/key.pub"),
        ("lonely", "lonely is a private key", "ssh-keygen -y -f {folder}/lonely > {folder}/lonely.pub"),
        ("notes", "notes holds no public key", "name a public key"),
        ("empty", "empty holds no public key", "name a public key"),
        ("missing.pub", "cannot read {folder}/missing.pub: no such file or directory", "name a public key"),
        ("binary", "cannot read {folder}/binary: it is not text", "name a public key"),
        ("large", "large is too large for a file of keys", "name a public key"),
    ],
)
def test_a_file_of_signers_without_a_public_key_is_a_wrong_use(
    tmp_path: Path, name: str, message: str, hint: str
) -> None:
    key = key_in(tmp_path)
    (tmp_path / "lonely").write_bytes(key.read_bytes())
    (tmp_path / "notes").write_text("ann ssh-ed25519 AAAA\n# ann " + Path(f"{key}.pub").read_text())
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(UsageError) as refused:
        verify_bundle(tmp_path / "never-opened.zip", tmp_path / name, database=never)
    assert message.format(folder=tmp_path) in refused.value.message
    assert hint.format(folder=tmp_path) in refused.value.hint


def test_an_unsigned_bundle_fails_only_where_a_signer_is_named(
    connection: Connection, database: Database, tmp_path: Path
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    public = Path(f"{key_in(tmp_path)}.pub")
    assert failed(verify_bundle(tmp_path / "b.zip", public, database=database)) == {"signature": "it is not signed"}


def test_without_ssh_keygen_the_rest_is_checked_and_the_exit_code_is_3(
    connection: Connection, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, _ = signed(connection, tmp_path, report=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    verified = verify_bundle(bundle, database=database)
    assert (statuses(verified)["signature"], statuses(verified)["verdicts"], verified.exit_code) == ("skip", "pass", 3)
    assert isinstance(verified.error, EnvironmentFault)
    assert "ssh-keygen is not installed" in verified.error.message


def test_why_a_fleet_ended_the_job_is_not_in_its_rows(
    connection: Connection, tmp_path: Path, database: Database
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    ended = forged(tmp_path / "b.zip", "audit.json", replaced('"reason": null', '"reason": "why"'))
    verified = verify_bundle(ended, database=database)
    assert failed(verified) == {}
    assert any(line.endswith("which its rows do not say: why") for line in verified.not_recomputed)
