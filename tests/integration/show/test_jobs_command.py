"""`beacon jobs` as a program: what it lists, who runs what, its JSON."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from beacon_cli.records.recent_jobs import recent_jobs
from beacon_cli.store.session import Session
from tests.support.audit_jobs import JOB, SPEC, START, fingerprint, seed, seed_legacy
from tests.support.in_process import beacon
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]
US = f"process {os.getpid()} on {socket.gethostname()}"


def finished(connection: Connection, status: str = "completed") -> None:
    """Set how the seeded job ended: after one run of 90 s."""
    connection.execute(
        "UPDATE jobs SET status = %s, created_at = %s, started_at = %s, completed_at = %s",
        [status, START, START, START + timedelta(seconds=90)],
    )
    connection.execute("UPDATE runs SET ended_at = started_at + interval '90 seconds'")


def add_jobs(connection: Connection, count: int, status: str = "failed") -> None:
    """Store jobs without a row, each newer than the one before."""
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status, created_at)"
        " SELECT 'other-' || n, %s, 'x', 'lane', %s, %s + make_interval(hours => n) FROM generate_series(1, %s) n",
        [json.dumps({**SPEC, "name": None, "repeats": 3}), status, START, count],
    )


def test_jobs_are_listed_with_how_far_they_are(connection: Connection, database_url: str) -> None:
    seed(connection)
    finished(connection, "partial")
    connection.execute("UPDATE executions SET status = 'failed' WHERE region = 'EU'")
    before = fingerprint(connection)
    done = beacon("jobs", url=database_url)
    assert (done.code, done.err) == (0, "")
    heading, _, line = done.out.splitlines()
    assert heading.split() == ["job", "status", "answered", "asked", "created", "took", "batching", "name"]
    assert " ".join(line.split()) == (
        "bias-demo-1 partial 8/12 2 questions × 2 models × 3 regions 2026-01-02 03:04:05 UTC 1m 30s question Bias demo"
    )
    assert fingerprint(connection) == before


def test_a_narrow_terminal_gets_a_table_that_fits(connection: Connection, database_url: str) -> None:
    seed(connection)
    finished(connection)
    lines = beacon("jobs", url=database_url, columns=80).out.splitlines()
    assert lines[2].split()[:8] == ["bias-demo-1", "completed", "12/12", "2×2×3×1", "01-02", "03:04", "1m", "30s"]
    connection.execute("UPDATE jobs SET spec = jsonb_set(spec, '{questions,count}', '16666')")
    lines = beacon("jobs", url=database_url, columns=70).out.splitlines()
    assert lines[2].split()[-4:] == ["01-02", "03:04", "1m", "30s"]
    assert max(map(len, lines)) <= 70


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_ids_are_never_broken_and_no_line_is_too_long(connection: Connection, database_url: str, columns: int) -> None:
    seed(connection)
    finished(connection)
    generated = "a-study-with-a-long-name-20260102-030405-5f3a"
    connection.execute("INSERT INTO jobs SELECT %s, spec, spec_sha256, batching, status FROM jobs", [generated])
    out = beacon("jobs", url=database_url, columns=columns).out
    assert generated in out
    assert max(map(len, out.splitlines())) <= columns


def test_the_json_written_out_by_hand(connection: Connection, database_url: str) -> None:
    seed(connection)
    finished(connection)
    add_jobs(connection, 2)
    done = beacon("jobs", "--json", url=database_url)
    assert (done.code, done.err) == (0, "")
    document = done.document
    assert [job["id"] for job in document["data"].pop("jobs")[:2]] == ["other-2", "other-1"]
    assert document == {
        "schema_version": 1,
        "command": "jobs",
        "ok": True,
        "data": {"more": False, "journals": []},
        "errors": [],
    }
    first, last = beacon("jobs", "--json", url=database_url).document["data"]["jobs"][1:]
    assert last == {
        "id": JOB,
        "name": "Bias demo",
        "status": "completed",
        "holder": None,
        "batching": "question",
        "questions": 2,
        "models": 2,
        "regions": 3,
        "repeats": 1,
        "controls": [],
        "answered": 12,
        "blocked": 0,
        "expected": 12,
        "created_at": "2026-01-02T03:04:05+00:00",
        "started_at": "2026-01-02T03:04:05+00:00",
        "completed_at": "2026-01-02T03:05:35+00:00",
        "seconds": 90.0,
        "eta_seconds": None,
        "reason": None,
    }
    assert (first["name"], first["answered"], first["expected"], first["seconds"]) == (None, 0, 36, None)


def test_a_failure_in_json_written_out_by_hand(database_url: str) -> None:
    done = beacon("jobs", "--status", "runing", "--json", url=database_url)
    assert done.code == 2
    assert done.document == {
        "schema_version": 1,
        "command": "jobs",
        "ok": False,
        "data": {},
        "errors": [
            {
                "code": "usage",
                "message": "unknown status 'runing'",
                "hint": "did you mean running? use one of: queued, running, interrupted, completed, partial, failed, "
                "cancelled, set_aside, resumable",
            }
        ],
    }
    assert beacon("jobs", "--limit", "0", url=database_url).code == 2


def test_the_newest_come_first_and_the_limit_says_that_there_are_more(
    connection: Connection, database_url: str
) -> None:
    add_jobs(connection, 21)
    data = beacon("jobs", "--json", url=database_url).document["data"]
    assert ([job["id"] for job in data["jobs"]], data["more"]) == ([f"other-{n}" for n in range(21, 1, -1)], True)
    data = beacon("jobs", "--limit", "21", "--json", url=database_url).document["data"]
    assert (len(data["jobs"]), data["more"]) == (21, False)
    assert beacon("jobs", "--limit", "3", url=database_url).out.endswith(
        "There are older jobs. To list them: beacon jobs --limit N\n"
    )


def test_one_status_can_be_asked_for(connection: Connection, database_url: str) -> None:
    add_jobs(connection, 2)
    seed(connection)
    finished(connection)
    connection.execute("UPDATE jobs SET status = 'failed' WHERE id <> %s", [JOB])
    data = beacon("jobs", "--status", "completed", "--json", url=database_url).document["data"]
    assert [job["id"] for job in data["jobs"]] == [JOB]
    assert beacon("jobs", "--status", "cancelled", url=database_url).out == "no job is cancelled\n"


def test_what_can_be_resumed_can_be_asked_for(connection: Connection, database_url: str) -> None:
    seed(connection)
    finished(connection)
    for status in ("partial", "failed", "cancelled", "running"):
        connection.execute(
            "INSERT INTO jobs (id, spec, spec_sha256, batching, status) SELECT %s, spec, 'x', batching, %s FROM jobs"
            " LIMIT 1",
            [status, status],
        )
    data = beacon("jobs", "--status", "resumable", "--json", url=database_url).document["data"]
    assert {job["id"]: job["status"] for job in data["jobs"]} == {
        "partial": "partial",
        "failed": "failed",
        "cancelled": "cancelled",
        "running": "interrupted",
    }


def test_a_job_that_nobody_runs_is_interrupted_and_says_how_to_go_on(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("UPDATE jobs SET status = 'running'")
    done = beacon("jobs", url=database_url)
    assert " interrupted " in done.out
    assert done.out.endswith(
        f"{JOB} was interrupted, and is not running. To resume it: beacon run JOB_FILE --job-id {JOB}\n"
    )
    assert [job.id for job in recent_jobs(connection, 9, "interrupted", regions=REGIONS).jobs] == [JOB]
    assert recent_jobs(connection, 9, "running", regions=REGIONS).jobs == ()


def test_a_job_that_is_run_names_its_holder_and_how_long(
    connection: Connection, database_url: str, postgres_url: str
) -> None:
    seed(connection)
    connection.execute("UPDATE jobs SET status = 'running'")
    connection.execute("UPDATE runs SET started_at = now() - interval '1 hour'")
    connection.execute("DELETE FROM executions WHERE region = 'ASIA'")

    async def list_while_it_is_held() -> None:
        session = await Session.open(database_url, JOB)
        elsewhere = await Session.open(postgres_url, "other-1")  # another database of the server: not ours
        try:
            [job] = recent_jobs(connection, 9, "running", regions=REGIONS).jobs
            assert (job.status, job.holder) == ("running", US)
            assert job.seconds is not None
            assert 3600 <= job.seconds < 3700
            assert job.eta_seconds == pytest.approx(job.seconds / 2, abs=1)  # two of three regions took that long
            out = beacon("jobs", url=database_url).out
            assert f"{JOB} is being run by {US}, about 30m 00s left. To watch it: beacon show {JOB} --follow" in out
            add_jobs(connection, 1, "running")
            assert [job.id for job in recent_jobs(connection, 9, "interrupted", regions=REGIONS).jobs] == ["other-1"]
        finally:
            await session.close()
            await elsewhere.close()

    asyncio.run(list_while_it_is_held())


def test_only_the_listed_jobs_are_counted_and_by_their_index(connection: Connection) -> None:
    seed(connection)
    finished(connection)
    add_jobs(connection, 1)

    def reads() -> tuple[Any, ...]:
        connection.execute("SELECT pg_stat_force_next_flush()")
        query = "SELECT seq_scan, idx_scan, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'executions'"
        [row] = connection.execute(query).fetchall()
        return row

    before = reads()
    assert recent_jobs(connection, 1, regions=REGIONS).more
    unlisted = reads()
    assert (unlisted[0], unlisted[2]) == (before[0], before[2])
    recent_jobs(connection, 2, regions=REGIONS)
    listed = reads()
    assert listed[0] == before[0], "the whole table was read"
    assert listed[1] > unlisted[1]


def test_a_role_that_may_only_select_can_list(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on".encode())
    assert beacon("jobs", url=database_url).code == 0


def test_hostile_names_are_made_visible(connection: Connection, database_url: str) -> None:
    hostile = "\x1b]52;c;aGk=\x07[bold]\u202e"
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status) VALUES (%s, %s, 'x', 'lane', 'running')",
        [hostile, json.dumps({"name": hostile, "models": 3, "questions": "x"})],
    )
    done = beacon("jobs", url=database_url)
    assert done.code == 0
    assert "[bold]" in done.out
    assert "0/?" in done.out
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)


def test_a_database_without_jobs_is_no_error_and_one_without_tables_is(
    database_url: str, empty_database_url: str
) -> None:
    done = beacon("jobs", url=database_url)
    assert (done.code, done.out, done.err) == (0, "no jobs yet\n", "")
    assert beacon("jobs", "--json", url=database_url).document["data"] == {"jobs": [], "more": False, "journals": []}
    done = beacon("jobs", url=empty_database_url)
    assert (done.code, done.out) == (3, "")
    assert "has no Beacon tables yet" in done.err
    assert "beacon db migrate" in done.err


def test_the_old_systems_jobs_are_listed_as_far_as_they_say(legacy: Connection, legacy_database_url: str) -> None:
    seed_legacy(legacy)
    legacy.execute("UPDATE jobs SET status = 'running', created_at = '2026-01-02 03:04:05'")
    legacy.execute("INSERT INTO jobs (jobspec_id, jobspec_data, status) VALUES ('empty', '[]', 'queued')")
    data = beacon("jobs", "--json", url=legacy_database_url).document["data"]
    assert data["more"] is False
    assert [job["id"] for job in data["jobs"]] == ["empty", JOB]
    job = data["jobs"][1]
    assert (job["status"], job["holder"], job["batching"], job["name"]) == ("running", None, None, None)
    assert [job[name] for name in ("questions", "models", "regions", "repeats")] == [2, 2, 3, 1]
    assert (job["answered"], job["expected"], job["seconds"]) == (12, 12, 2.1)
    assert job["created_at"] == "2026-01-02T03:04:05+00:00"
    assert (data["jobs"][0]["answered"], data["jobs"][0]["expected"]) == (0, None)
    listed = beacon("jobs", "--status", "queued", "--json", url=legacy_database_url).document["data"]["jobs"]
    assert [job["id"] for job in listed] == ["empty"]
