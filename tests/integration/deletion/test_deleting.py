"""What `delete` and `prune` delete, what they refuse, and what others see meanwhile."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.deletion.candidates import Chosen, named_jobs
from beacon_cli.deletion.delete import Deleted, delete_jobs
from beacon_cli.errors import JobLocked
from beacon_cli.fleet.cancel import cancel_job
from beacon_cli.records.kept_ids import forget_ids, keep_id, kept_ids
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import connect, open_async
from beacon_cli.store.job_locks import TRY_LOCK
from beacon_cli.store.journal import Journal
from beacon_cli.store.session import Session
from beacon_cli.store.settle import settle
from tests.integration.fleet.conftest import Submit, queue_url, submit
from tests.integration.fleet.test_job_queue import take
from tests.support.audit_jobs import JOB, START, add_execution, add_run, fingerprint, seed_legacy
from tests.support.in_process import Done, beacon
from tests.support.locks import wait_for_a_lock
from tests.support.two_jobs import OTHER, copy, end, seed_two, stored
from tests.support.vocabulary import REGIONS

__all__ = ("queue_url", "submit")

ROOT = Path(__file__).parents[3]
NOTHING = {"jobs": 0, "rows": 0, "answers": 0, "bytes": 0}

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the commands here."""
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path))
    return tmp_path


def chosen(url: str, *job_ids: str) -> Chosen:
    with connect(url, read_only=True) as connection:
        return named_jobs(connection, job_ids, regions=REGIONS)


def deleted(url: str, jobs: Chosen, data: Path) -> Deleted:
    return delete_jobs(url, jobs.jobs, data / "journal")


@contextmanager
def held(url: str, job_id: str, name: str = "process 7 on host-b") -> Iterator[None]:
    """Hold a job as a run does."""
    with asyncio.Runner() as runner:
        session = runner.run(Session.open(url, job_id, name=name))
        try:
            yield
        finally:
            runner.run(session.close())


async def settled(url: str, folder: Path, notify: Callable[[str], None]) -> None:
    """Store what is in journals, as a run or a worker does."""
    connection = await open_async(address_of(url, statement_timeout="30s"))
    try:
        await settle(connection, folder, notify)
    finally:
        await connection.close()


def errors(done: Done) -> list[tuple[str, str]]:
    return [(error["code"], error["message"]) for error in done.document["errors"]]


def test_a_job_goes_from_every_table_and_no_other_does(connection: Connection, database_url: str) -> None:
    seed_two(connection)
    other = stored(connection, OTHER)
    assert all(stored(connection, JOB).values())
    done = beacon("delete", JOB, "--yes", url=database_url)
    assert (done.code, done.err) == (0, "")
    assert not any(stored(connection, JOB).values())
    assert stored(connection, OTHER) == other
    heading, _, row, last = done.out.splitlines()
    assert heading.split() == ["job", "status", "last", "active", "rows", "answers", "size"]
    assert row.split()[:6] == [JOB, "completed", "2026-01-02", "03:05", "13", "12"]
    assert last.startswith("deleted: 1 job with 13 rows (12 answers), about ")
    assert last.endswith("; PostgreSQL reuses the space")


def test_the_json_written_out_by_hand(connection: Connection, database_url: str) -> None:
    seed_two(connection)
    before = fingerprint(connection)
    planned = beacon("delete", OTHER, JOB, JOB, "--dry-run", "--json", url=database_url)
    assert fingerprint(connection) == before
    document = planned.document
    sizes = [job.pop("bytes") for job in document["data"]["jobs"]]
    assert min(sizes) > 0
    at = "2026-01-02T03:05:35+00:00"
    assert document == {
        "schema_version": 1,
        "command": "delete",
        "ok": True,
        "data": {
            "dry_run": True,
            "before": None,
            "jobs": [
                {"job_id": JOB, "status": "completed", "active_at": at, "rows": 13, "answers": 12},
                {"job_id": OTHER, "status": "completed", "active_at": at, "rows": 12, "answers": 12},
            ],
            "total": {"jobs": 2, "rows": 25, "answers": 24, "bytes": sum(sizes)},
            "in_use": [],
            "deleted": [],
            "journals": [],
        },
        "errors": [],
    }
    data = beacon("delete", OTHER, "--yes", "--json", url=database_url).document["data"]
    assert (data["dry_run"], data["deleted"], data["total"]["rows"]) == (False, [OTHER], 12)


def test_one_unknown_job_and_none_is_deleted(connection: Connection, database_url: str) -> None:
    seed_two(connection)
    before = fingerprint(connection)
    done = beacon("delete", JOB, "bias-demo", "@last", "--yes", "--json", url=database_url)
    assert done.code == 1
    assert errors(done) == [
        ("job_not_found", "no job 'bias-demo' in this database"),
        ("job_not_found", "no job '@last' in this database"),
    ]
    hints = [error["hint"] for error in done.document["errors"]]
    assert hints[0].startswith(f"did you mean {JOB}?")
    assert hints[1] == "a job is deleted by its full id"
    assert done.document["data"]["deleted"] == []
    assert fingerprint(connection) == before


@pytest.mark.parametrize("arguments", [["delete", JOB], ["prune", "--older-than", "1d"], ["delete", JOB, "--json"]])
def test_a_script_has_to_say_yes(connection: Connection, database_url: str, arguments: list[str]) -> None:
    seed_two(connection)
    before = fingerprint(connection)
    done = beacon(*arguments, url=database_url)
    assert done.code == 2
    assert "nothing was changed: with" in done.err + done.out
    assert "add --yes, or look first with --dry-run" in done.err + done.out
    assert fingerprint(connection) == before


def test_a_job_that_is_run_is_refused_with_all_that_were_named(connection: Connection, database_url: str) -> None:
    seed_two(connection)
    before = fingerprint(connection)
    with held(database_url, JOB):
        done = beacon("delete", OTHER, JOB, "--yes", "--json", url=database_url)
    assert done.code == 1
    assert errors(done) == [("job_in_use", f"job {JOB} is being run by process 7 on host-b")]
    assert fingerprint(connection) == before


def test_a_run_that_begins_after_the_look_keeps_its_job(connection: Connection, database_url: str, data: Path) -> None:
    seed_two(connection)
    both = chosen(database_url, JOB, OTHER)
    with held(database_url, JOB):
        gone = deleted(database_url, both, data)
    assert [job.job_id for job in gone.jobs] == [OTHER]
    assert [problem.message for problem in gone.problems] == [f"job {JOB} is being run by process 7 on host-b"]
    assert all(stored(connection, JOB).values())


def test_a_job_that_was_run_after_the_look_stays(connection: Connection, database_url: str, data: Path) -> None:
    seed_two(connection)
    look_before = chosen(database_url, JOB)
    add_run(connection, START + timedelta(days=1))
    gone = deleted(database_url, look_before, data)
    assert [problem.message for problem in gone.problems] == [f"job {JOB} was run since it was looked at"]
    assert all(stored(connection, JOB).values())


def test_no_run_begins_while_a_job_is_deleted(connection: Connection, database_url: str) -> None:
    seed_two(connection)

    async def run() -> None:
        await Session.open(database_url, JOB)

    with connect(database_url, name="process 1 on host-a, to delete it") as deleting, deleting.transaction():
        deleting.execute(TRY_LOCK, {"job": JOB})
        with pytest.raises(JobLocked, match="is being deleted by process 1 on host-a, since"):
            asyncio.run(run())
        done = beacon("delete", JOB, "--yes", "--json", url=database_url)
        assert errors(done) == [("job_in_use", f"job {JOB} is being deleted by process 1 on host-a")]
        assert done.document["errors"][0]["hint"] == ""
        lines = beacon("jobs", url=database_url).out.splitlines()
        assert f"{JOB} is being deleted by process 1 on host-a" in lines
        pruned = beacon("prune", "--older-than", "1d", "--dry-run", url=database_url)
        assert f"job {JOB} is being deleted by process 1 on host-a" in pruned.out.splitlines()


def test_an_id_like_an_option_goes_after_two_dashes(connection: Connection, database_url: str) -> None:
    seed_two(connection)
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status) VALUES ('-nightly', '{}', 'x', 'lane', 'failed')"
    )
    refused = beacon("delete", "-nightly", "--yes", url=database_url)
    assert (refused.code, "an id that begins with - goes after --" in refused.err) == (2, True)
    done = beacon("delete", "--yes", "--json", "--", "-nightly", url=database_url)
    assert (done.code, done.document["data"]["deleted"]) == (0, ["-nightly"])


def test_of_two_that_delete_the_same_one_finds_nothing(connection: Connection, database_url: str, data: Path) -> None:
    seed_two(connection)
    first, second = chosen(database_url, JOB), chosen(database_url, JOB)
    assert deleted(database_url, first, data).problems == []
    [problem] = deleted(database_url, second, data).problems
    assert (problem.code, problem.message) == ("job_not_found", f"job {JOB} was deleted by another process")


def test_what_the_fleet_has_is_refused_until_it_is_cancelled(queue_url: str, submit: Submit, data: Path) -> None:
    submit("waits")
    early = chosen(queue_url, "waits")
    assert [problem.message for problem in early.refused] == ["job waits is in the queue of the fleet"]
    take(queue_url)  # by a worker that dies at once
    assert errors(beacon("delete", "waits", "--yes", "--json", url=queue_url)) == [
        ("job_in_use", "job waits is in the queue of the fleet")
    ]
    cancel_job(queue_url, "waits", regions=REGIONS)
    late = chosen(queue_url, "waits")
    submit("waits")
    assert [problem.code for problem in deleted(queue_url, late, data).problems] == ["job_in_use"]
    cancel_job(queue_url, "waits", regions=REGIONS)
    assert beacon("delete", "waits", "--yes", url=queue_url).code == 0
    assert beacon("jobs", url=queue_url).out == "no jobs yet\n"
    submit("waits")  # the same id, anew
    assert chosen(queue_url, "waits").refused


def test_an_answer_that_is_being_stored_goes_too_and_others_go_on(
    connection: Connection, database_url: str, data: Path
) -> None:
    run = seed_two(connection)
    both = chosen(database_url, JOB)
    results: list[Deleted] = []
    with psycopg.connect(database_url) as journal:  # as `settle` does, which needs no lock on the job
        add_execution(journal, run, "late", "m", "US", at=START)
        deleting = threading.Thread(target=lambda: results.append(deleted(database_url, both, data)))
        deleting.start()
        wait_for_a_lock(database_url)
        connection.execute("SET lock_timeout = '1s'")
        end(connection, START + timedelta(days=1), job_id=OTHER)
        assert beacon("jobs", url=database_url).code == 0
        journal.commit()
    deleting.join(300)
    assert [job.job_id for job in results[0].jobs] == [JOB]
    assert not any(stored(connection, JOB).values())


def test_a_fault_half_way_says_what_is_gone(connection: Connection, database_url: str) -> None:
    seed_two(connection)
    connection.execute(
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF OLD.id = '{OTHER}' THEN RAISE 'not this one'; END IF; RETURN OLD; END $$".encode()
    )
    connection.execute("CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()")
    done = beacon("delete", JOB, OTHER, "--yes", "--json", url=database_url)
    assert done.code == 3
    assert done.document["data"]["deleted"] == [JOB]
    assert done.document["errors"][0]["hint"].endswith("; 1 of 2 jobs had been deleted by then")
    assert all(stored(connection, OTHER)[table] for table in ("jobs", "questions", "executions"))


class TestJournals:
    def row(self, run: str) -> dict[str, Any]:
        cell = {"question_id": "math_basic", "model_id": "m", "region": "US", "repeat": 0, "arm": 0}
        return {"job_id": JOB, "run_id": run, **cell, "status": "completed", "response": "Kept."}

    def test_those_of_the_job_go_and_it_never_comes_back(
        self, connection: Connection, database_url: str, data: Path
    ) -> None:
        run = seed_two(connection)
        [[other]] = connection.execute("SELECT id::text FROM runs WHERE job_id = %s LIMIT 1", [OTHER]).fetchall()
        journals = data / "journal"
        journal, kept = Journal(journals, run), Journal(journals, other)
        journal.append([self.row(run)])
        kept.append([{**self.row(other), "job_id": OTHER}])
        contents = journal.path.read_bytes()
        planned = beacon("delete", JOB, "--dry-run", "--json", url=database_url)
        entry = {"file": str(journal.path), "job_id": JOB, "run_id": run, "answers": 1}
        assert planned.document["data"]["journals"] == [{**entry, "removed": False}]
        shown = beacon("delete", JOB, "--dry-run", url=database_url).out
        assert f"1 answer of job {JOB} is kept in {journal.path}; it would go, too" in shown
        done = beacon("delete", JOB, "--yes", "--json", url=database_url)
        assert done.document["data"]["journals"] == [{**entry, "removed": True}]
        assert list(journals.iterdir()) == [kept.path]
        journal.path.write_bytes(contents)  # as on another machine
        kept.discard()
        said: list[str] = []
        asyncio.run(settled(database_url, journals, said.append))
        assert "or the job was deleted; remove the file if it is not needed" in said[0]
        assert not any(stored(connection, JOB).values())
        assert journal.path.exists()

    def test_one_with_lines_that_nobody_can_read_stays_and_is_named(
        self, connection: Connection, database_url: str, data: Path
    ) -> None:
        run = seed_two(connection)
        journal = Journal(data / "journal", run)
        journal.append([self.row(run)])
        with journal.path.open("a") as file:
            file.write("{\n")
        done = beacon("delete", JOB, "--yes", url=database_url)
        assert done.code == 0
        assert f"the journal {journal.path} of job {JOB} stays: remove it if it is not needed" in done.out
        assert journal.path.exists()


class TestRights:
    @pytest.fixture
    def granted(self, connection: Connection, queue_url: str) -> Iterator[str]:
        """The database with the roles of deploy/grants.sql; the URL ends where the user's name begins."""
        connection.execute((ROOT / "deploy" / "grants.sql").read_text().encode())
        roles = "beacon_worker", "beacon_reader", "beacon_deleter"
        for role in roles:
            connection.execute(f"ALTER ROLE {role} LOGIN".encode())
        seed_two(connection)
        yield queue_url
        for role in roles:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())

    @pytest.mark.parametrize("role", ["beacon_worker", "beacon_reader"])
    def test_who_runs_or_reads_jobs_deletes_none(self, connection: Connection, granted: str, role: str) -> None:
        before = stored(connection, JOB)
        done = beacon("delete", JOB, "--yes", url=granted.replace("postgres@", f"{role}@"))
        assert done.code == 3
        assert f"the database role {role} lacks a privilege: DELETE on jobs" in done.err
        assert stored(connection, JOB) == before

    def test_the_grants_for_deleting_are_enough(self, connection: Connection, granted: str) -> None:
        url = granted.replace("postgres@", "beacon_deleter@")
        assert beacon("prune", "--older-than", "1d", "--dry-run", url=url).code == 0
        done = beacon("delete", JOB, "--yes", url=url)
        assert (done.code, done.err) == (0, "")
        assert not any(stored(connection, JOB).values())
        assert beacon("prune", "--older-than", "1d", "--yes", url=url).code == 0
        assert not any(stored(connection, OTHER).values())

    def test_who_cannot_see_the_queue_deletes_nothing(self, connection: Connection, granted: str) -> None:
        connection.execute("REVOKE USAGE ON SCHEMA beacon_queue FROM beacon_deleter")
        done = beacon("delete", JOB, "--yes", url=granted.replace("postgres@", "beacon_deleter@"))
        assert done.code == 3
        assert "the database role beacon_deleter lacks a privilege: SELECT on the tables of the schema" in done.err
        assert all(stored(connection, JOB).values())


def test_jobs_of_the_old_system_are_never_deleted(legacy: Connection, legacy_database_url: str) -> None:
    seed_legacy(legacy)
    before = fingerprint(legacy)
    for arguments in (["delete", JOB], ["prune", "--older-than", "1d"]):
        done = beacon(*arguments, "--yes", url=legacy_database_url)
        assert done.code == 3
        assert "belongs to the old system; Beacon only reads it" in done.err
    assert fingerprint(legacy) == before


class TestPrune:
    def test_goes_by_what_a_job_did_last(self, connection: Connection, database_url: str) -> None:
        seed_two(connection)
        changes = {
            "run-again": "UPDATE runs SET started_at = %s, ended_at = NULL WHERE job_id = %s",
            "ended": "UPDATE runs SET ended_at = %s WHERE job_id = %s",
            "answered": "UPDATE executions SET completed_at = %s WHERE job_id = %s",
            "stored": "UPDATE jobs SET created_at = %s WHERE id = %s",
        }
        for job_id, change in changes.items():
            copy(connection, job_id)
            connection.execute("UPDATE runs SET ended_at = NULL WHERE job_id = 'answered'")
            connection.execute(change.encode(), [datetime.now(UTC) - timedelta(days=1), job_id])
        copy(connection, "endless")
        connection.execute("UPDATE jobs SET completed_at = 'infinity' WHERE id = 'endless'")
        done = beacon("prune", "--older-than", "2d", "--yes", "--json", url=database_url)
        assert done.code == 0
        assert sorted(done.document["data"]["deleted"]) == [JOB, OTHER]
        left = connection.execute("SELECT id FROM jobs ORDER BY id").fetchall()
        assert left == [("answered",), ("ended",), ("endless",), ("run-again",), ("stored",)]

    def test_what_is_in_use_stays_and_is_named(self, connection: Connection, database_url: str) -> None:
        seed_two(connection)
        with held(database_url, JOB):
            data = beacon("prune", "--older-than", "1d", "--dry-run", "--json", url=database_url).document["data"]
            assert [job["job_id"] for job in data["in_use"]] == [JOB]
            done = beacon("prune", "--older-than", "2026-03-01", "--yes", url=database_url)
        assert done.code == 0
        assert f"job {JOB} is being run by process 7 on host-b: it stays" in done.out.splitlines()
        assert all(stored(connection, JOB).values())
        assert not any(stored(connection, OTHER).values())

    def test_nothing_that_old_is_no_error(self, connection: Connection, database_url: str) -> None:
        seed_two(connection)
        done = beacon("prune", "--older-than", "2026-01-02T03:05", "--dry-run", url=database_url)
        said = "nothing to delete: no job was last active before 2026-01-02 03:05 UTC\n"
        assert (done.code, done.out) == (0, said)
        data = beacon("prune", "--older-than", "2026-01-02", "--yes", "--json", url=database_url).document["data"]
        assert data == {
            "dry_run": False,
            "before": "2026-01-02T00:00:00+00:00",
            "jobs": [],
            "total": NOTHING,
            "in_use": [],
            "deleted": [],
            "journals": [],
        }

    @pytest.mark.parametrize(
        "text", ["90", "2999-01-01", "yesterday", "", "1e9d", "99999999999d", "0001-01-01T00:00+05:00"]
    )
    def test_a_time_that_cannot_be_meant_is_refused(self, database_url: str, text: str) -> None:
        done = beacon("prune", "--older-than", text, "--yes", url=database_url)
        assert done.code == 2
        assert done.err.startswith("error: --older-than: ")

    @pytest.mark.parametrize("age", ["0s", "0d", "0.0000001s", "59s"])
    def test_an_age_that_would_be_all_jobs_is_refused(
        self, connection: Connection, database_url: str, age: str
    ) -> None:
        seed_two(connection)
        before = fingerprint(connection)
        done = beacon("prune", "--older-than", age, "--yes", url=database_url)
        assert done.code == 2
        assert f"--older-than: '{age}' is less than a minute ago, which would be all jobs" in done.err
        assert fingerprint(connection) == before

    @pytest.mark.parametrize("age", ["90D", "1w", "1 d"])
    def test_a_refused_age_lists_the_units(self, database_url: str, age: str) -> None:
        assert "the units are s, m, h and d" in beacon("prune", "--older-than", age, "--yes", url=database_url).err

    def test_a_year_has_four_digits(self, database_url: str) -> None:
        done = beacon("prune", "--older-than", "0001-01-01", "--dry-run", url=database_url)
        assert done.out == "nothing to delete: no job was last active before 0001-01-01 00:00 UTC\n"


def test_a_long_list_is_cut_for_people_alone(connection: Connection, database_url: str) -> None:
    seed_two(connection)
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status, created_at)"
        " SELECT 'many-' || n, '{}', 'x', 'lane', 'failed', %s FROM generate_series(1, 120) n",
        [START],
    )
    done = beacon("prune", "--older-than", "1d", "--dry-run", url=database_url, columns=80)
    assert "… and 22 jobs more; --json lists all of them" in done.out
    assert max(map(len, done.out.splitlines()[:103])) <= 80
    assert (
        len(beacon("prune", "--older-than", "1d", "--yes", "--json", url=database_url).document["data"]["deleted"])
        == 122
    )


def test_a_deleted_job_is_no_longer_completed(data: Path) -> None:
    forget_ids(data, ["one"])
    assert list(data.iterdir()) == []
    for job_id in ("one", "two", "one", "three"):
        keep_id(data, job_id)
    forget_ids(data, ["one"])
    assert kept_ids(data) == ["three", "two"]


def test_the_documented_vacuum_names_every_table_that_holds_texts_of_a_job(database_url: str) -> None:
    page = (ROOT / "docs/reference/deleting.md").read_text(encoding="utf-8")
    [(statement, names)] = re.findall(r"'(VACUUM FULL ([\w, ]+))'", page)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())
        holding = connection.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = current_schema()"
            " AND column_name IN ('spec', 'text', 'prompt', 'response')"
        ).fetchall()
    assert {name for (name,) in holding} == set(names.split(", "))
