"""Databases that hold wrong rows, go away, are of another version, or are locked."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.acceptance.conftest import Beacon
from tests.acceptance.faults.test_stops import LABELS, aftermath, begin, ended, finish, run_arguments
from tests.support.audit_jobs import fingerprint
from tests.support.fleet import until
from tests.support.hostile_endpoints import write_job
from tests.support.invariant import Aftermath, assert_invariant
from tests.support.regions_server import Regions, regions_server


@pytest.fixture
def beacon(lone_beacon: Beacon) -> Beacon:
    """With a server of its own: these tests end it, and hurt it."""
    return lone_beacon


PROMPTS = [f"Question {n}?" for n in range(6)]


@pytest.fixture
def regions(hurt: Beacon) -> Iterator[Regions]:
    with regions_server(Regions(latency=0.15)) as served:
        hurt.environment |= served.environment()
        yield served


@pytest.fixture
def job(hurt: Beacon) -> str:
    return write_job(hurt, PROMPTS, regions="[US, EU, ASIA]", models="[llama3.2-1b, qwen2.5-1.5b]")


def stop_postgres(beacon: Beacon, signum: int) -> None:
    """End the embedded server as its administrator, or the kernel, would."""
    file = beacon.data / "pg18" / "postmaster.pid"
    pid = int(file.read_text().splitlines()[0])
    os.kill(pid, signum)
    deadline = time.monotonic() + 300
    while Path(f"/proc/{pid}/exe").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.fault(13, "SIGQUIT (pg_ctl stop -m immediate) to the server in mid-run")
def test_a_server_that_goes_away_in_mid_run_costs_no_answer(hurt: Beacon, regions: Regions, job: str) -> None:
    hurt("db", "url")
    regions.answers = 6
    process = begin(hurt, job)
    until(lambda: sum(regions.seen.values()) == 12, 300)
    stop_postgres(hurt, signal.SIGQUIT)
    regions.answers = None
    done = ended(process)
    assert done.returncode == 0, done.stderr
    assert "the database is back" in done.stderr
    assert set(regions.seen.values()) == {1}, "a cell was asked twice"
    assert_invariant(aftermath(hurt, done))


@pytest.mark.fault(14, "SIGKILL to the server while a job is resumed")
def test_a_server_that_is_killed_during_a_resume_strands_nothing(hurt: Beacon, regions: Regions, job: str) -> None:
    hurt("db", "url")
    regions.answers = 6
    process = begin(hurt, job)
    until(lambda: sum(regions.seen.values()) == 12, 300)
    process.send_signal(signal.SIGINT)
    first = ended(process)
    assert first.returncode == 130
    regions.answers = 18  # 6 more than it was asked so far
    process = begin(hurt, job)
    until(lambda: sum(regions.seen.values()) == 24, 300)
    stop_postgres(hurt, signal.SIGKILL)
    regions.answers = None
    done = ended(process)
    assert done.returncode == 0, done.stderr
    assert_invariant(aftermath(hurt, first, done))


@pytest.mark.fault(79, "a database in LATIN1, one in SQL_ASCII")
@pytest.mark.fault(67, "a role that may only read")
def test_a_database_that_cannot_be_used_is_refused_before_anything_is_asked(
    hurt: Beacon, regions: Regions, job: str
) -> None:
    url = hurt.json("db", "url")[1]["data"]["url"]
    with psycopg.connect(url, autocommit=True) as admin:
        for encoding in ("LATIN1", "SQL_ASCII"):
            admin.execute(f"CREATE DATABASE {encoding} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0".encode())
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    refusals = {
        make_conninfo(url, dbname="latin1"): "the database latin1 has the encoding LATIN1",
        make_conninfo(url, dbname="sql_ascii"): "the database sql_ascii has the encoding SQL_ASCII",
        make_conninfo(url, user="reader"): "the database role reader lacks a privilege: INSERT on questions",
    }
    for given, refusal in refusals.items():
        done = hurt("run", job, "--database-url", given)
        assert done.returncode == 3, done.stderr
        assert refusal in done.stderr
    assert regions.seen == {}
    assert hurt("jobs", "--database-url", make_conninfo(url, user="reader")).returncode == 0


def test_the_embedded_server_is_out_of_reach_of_another_projects_variables(beacon: Beacon) -> None:
    assert beacon("jobs").returncode == 0
    own = dict(beacon.environment)
    for variable in ("PGPORT=1", "PGHOSTADDR=192.0.2.1", "PGSERVICE=nowhere", "PGOPTIONS=-csearch_path=x"):
        beacon.environment = {**own, **dict([variable.split("=", 1)])}
        done = beacon("db", "psql", "-Atc", "SELECT count(*) FROM jobs")
        assert (done.returncode, done.stdout) == (0, "0\n"), (variable, done.stderr)


CAN_MOUNT = os.name == "posix" and os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def database_on_a_small_disk(beacon: Beacon) -> Iterator[Path]:
    """Yield the embedded database's folder on a tmpfs of its own; the journal stays where it is."""
    beacon("db", "url")
    beacon("db", "stop")
    folder = beacon.data / "pg18"
    aside = folder.rename(beacon.folder / "aside")
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        said = mounted.stderr.decode().strip()
        assert "permi" in said.lower(), said
        pytest.skip(f"root may not mount a tmpfs here: {said}")
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(folder)], check=True)
        yield folder
        beacon("db", "stop")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.fault(16, "a tmpfs of 150 MB under the database, filled up in mid-run")
@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a tmpfs wants root and the program mount")
def test_a_full_disk_stops_the_asking_and_costs_no_answer(hurt: Beacon, regions: Regions) -> None:
    regions.padding = 20_000
    with database_on_a_small_disk(hurt) as disk:
        questions = [f"Question {n}?" for n in range(60)]
        job = write_job(hurt, questions, regions="[US, EU, ASIA]", models="[llama3.2-1b, qwen2.5-1.5b]")
        process = begin(hurt, job)
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        stopped = ended(process)
        document = json.loads(stopped.stdout)
        assert stopped.returncode == 3, stopped.stderr
        assert "full" in document["errors"][0]["message"]
        assert sum(regions.seen.values()) < 360, "it went on asking"
        answered = {(text, model, LABELS[region]) for text, model, region in regions.answered}
        filler.unlink()
        regions.latency = 0
        done = hurt(*run_arguments(hurt, job))
        assert done.returncode == 0, done.stderr
        assert "that an earlier run had kept" in done.stderr
        after = aftermath(hurt, stopped, done)
        after.answered = answered
        assert_invariant(after)


@pytest.mark.fault(18, "a migration taken out of the list of those applied, and one too many in it")
def test_tables_of_another_version_are_refused(hurt: Beacon, regions: Regions, job: str) -> None:
    url = hurt("db", "url").stdout.strip()
    hurt.environment["BEACON_DATABASE_URL"] = url
    done = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM _yoyo_migration")
        for spoil in (
            "DELETE FROM _yoyo_migration",
            "INSERT INTO _yoyo_migration SELECT 'x', '9999-of-the-future', now() FROM kept LIMIT 1",
        ):
            connection.execute(spoil.encode())
            for arguments in (("run", job), ("check-db", "hurt")):
                done.append(hurt(*arguments, "--json"))
                (error,) = json.loads(done[-1].stdout)["errors"]
                assert (done[-1].returncode, error["code"]) == (3, "schema"), (arguments, error)
            connection.execute("TRUNCATE _yoyo_migration")
            connection.execute("INSERT INTO _yoyo_migration SELECT * FROM kept")
    assert "beacon db migrate" in done[0].stdout
    assert not regions.seen
    assert_invariant(Aftermath(hurt.folder, url, done))


@pytest.mark.fault(19, "LOCK TABLE in ACCESS EXCLUSIVE mode by another session")
def test_a_locked_table_is_told_after_a_time_limit(hurt: Beacon, regions: Regions, job: str) -> None:
    finish_of = finish(hurt, job)
    url = hurt("db", "url").stdout.strip()
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE executions IN ACCESS EXCLUSIVE MODE")
        done = hurt("check-db", "hurt", "--json")
    assert done.returncode == 3
    assert "locked by another session" in done.stdout
    assert_invariant(aftermath(hurt, finish_of, done))


OTHER = "job_id, run_id, 'other', model_id, region, repeat, status, response, queued_at, started_at, completed_at"
CELL = "model_id = 'llama3.2-1b' AND region = 'US'"
COLUMNS = "job_id, run_id, question_id, model_id, region, repeat, status, response, queued_at, started_at, completed_at"
SPOILT = {
    "no_duplicates": f"INSERT INTO executions ({COLUMNS}) SELECT {COLUMNS} FROM executions"
    f" WHERE question_id = 'q0' AND {CELL}",
    "complete": f"DELETE FROM executions WHERE question_id = 'q1' AND {CELL}",
    "no_unexpected": f"INSERT INTO executions ({COLUMNS}) SELECT {OTHER}"
    f" FROM executions WHERE question_id = 'q2' AND {CELL}",
    "timestamps": f"UPDATE executions SET completed_at = now() + interval '1 h' WHERE question_id = 'q3' AND {CELL}",
    "question_id": f"UPDATE executions SET question_id = '' WHERE question_id = 'q4' AND {CELL}",
}


@pytest.mark.fault(6, "rows doubled (without the unique index), deleted, added, of the future, without a label")
def test_check_db_names_what_is_wrong_and_writes_nothing(hurt: Beacon, regions: Regions, job: str) -> None:
    finish(hurt, job)
    url = hurt("db", "url").stdout.strip()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX executions_cell")
        for statement in SPOILT.values():
            connection.execute(statement.encode())
        before = fingerprint(connection)
        done = hurt("check-db", "hurt", "--json")
        assert fingerprint(connection) == before
        connection.execute(f"DELETE FROM executions WHERE question_id = 'q0' AND {CELL}".encode())
    assert done.returncode == 1
    checks = {check["name"]: check["status"] for check in json.loads(done.stdout)["data"]["checks"]}
    assert {name for name in SPOILT if checks[name] != "fail"} == set()
    assert len(json.loads(done.stdout)["errors"]) >= 1
    assert_invariant(Aftermath(hurt.folder, url, [done]))
