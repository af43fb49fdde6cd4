"""`beacon db`, and the embedded server behind every command: signals at any moment, closed pipes, other users."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.acceptance.conftest import Beacon


@pytest.fixture
def beacon(lone_beacon: Beacon) -> Beacon:
    """With a server of its own: these tests end it, and hurt it."""
    return lone_beacon


def postmaster_file(beacon: Beacon) -> Path:
    """Return the file that exists while a server runs."""
    return beacon.data / "pg18" / "postmaster.pid"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.002)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return process.returncode, err


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_the_server_starts_leaves_none_running(beacon: Beacon, signum: signal.Signals) -> None:
    """To the whole process group, as a terminal sends it."""
    waits = "ALTER TABLE jobs RENAME TO kept; CREATE VIEW jobs AS SELECT kept.* FROM kept, pg_sleep(600)"
    assert beacon("db", "psql", "-qc", waits).returncode == 0, "the command must not be over before the signal"
    for later in (0.0, 0.03, 0.06):
        process = beacon.start("check-db", "nothing", start_new_session=True)
        wait_for(postmaster_file(beacon))
        time.sleep(later)
        os.killpg(process.pid, signum)
        assert ended(process)[0] == 128 + signum
        assert not postmaster_file(beacon).exists()


def test_a_signal_at_the_very_first_start_leaves_no_server(beacon: Beacon) -> None:
    process = beacon.start("check-db", "nothing", start_new_session=True)
    wait_for(beacon.data / "postgresql.starting")
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process)[0] == 130
    assert not postmaster_file(beacon).exists()
    assert beacon("check-db", "nothing").returncode == 1


def test_a_signal_during_a_query_ends_the_command_and_leaves_no_server(beacon: Beacon) -> None:
    lock = beacon.start("db", "psql", "-qc", "BEGIN; LOCK TABLE jobs; SELECT pg_sleep(60)", stderr=subprocess.DEVNULL)
    wait_until_asked(beacon, "pg_sleep")
    process = beacon.start("check-db", "nothing")
    wait_until_asked(beacon, "FROM jobs")
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (143, "error: interrupted\n")
    lock.terminate()
    lock.communicate(timeout=300)
    assert not postmaster_file(beacon).exists()


def test_a_signal_while_the_server_is_stopped_lets_it_stop(beacon: Beacon) -> None:
    """The server cannot stop while one of its processes is suspended."""
    process = beacon.start("db", "psql", "-qc", "SELECT pg_sleep(60)")
    wait_until_asked(beacon, "pg_sleep")
    with connected(beacon) as suspended, connected(beacon) as other:
        os.kill(suspended.info.backend_pid, signal.SIGSTOP)
        with suppress(psycopg.errors.AdminShutdown):  # the server may begin to stop before it replies
            other.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")
        deadline = time.monotonic() + 300
        while not stopping(postmaster_file(beacon)):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        os.kill(suspended.info.backend_pid, signal.SIGCONT)
    assert ended(process)[0] == 143
    assert not postmaster_file(beacon).exists()


def stopping(file: Path) -> bool:
    """Whether the server of this file was told to stop: the last line of its file is its state."""
    try:
        return file.read_text().rstrip().endswith("stopping")
    except FileNotFoundError:
        return False


def test_a_command_after_a_killed_first_start_works(beacon: Beacon) -> None:
    process = beacon.start("check-db", "nothing", stderr=subprocess.DEVNULL)
    data = beacon.data
    wait_for(data)
    deadline = time.monotonic() + 300
    while not list(data.glob("p*/PG_VERSION")):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert beacon("check-db", "nothing").returncode == 1
    deadline = time.monotonic() + 300
    while list(data.glob("postgresql.new-*")):  # what was killed may have had an initdb at work
        assert time.monotonic() < deadline
        assert beacon("check-db", "nothing").returncode == 1


def test_no_command_warns_of_a_missing_runtime_folder(beacon: Beacon) -> None:
    assert "XDG_RUNTIME_DIR" not in beacon.variables()
    for arguments in (("db", "url"), ("db", "psql", "-c", "SELECT 1"), ("db", "dump"), ("db", "stop")):
        done = beacon(*arguments)
        assert done.returncode == 0
        assert "Warning" not in done.stderr


def test_a_dump_that_nobody_reads_ends_with_141_and_one_to_a_full_disk_with_a_reason(beacon: Beacon) -> None:
    beacon("db", "migrate")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        assert ended(beacon.start("db", "dump", stdout=pipe)) == (141, "")
    with Path("/dev/full").open("w") as full:
        code, err = ended(beacon.start("db", "dump", stdout=full))
    assert code == 3
    assert "No space left on device" in err
    assert not postmaster_file(beacon).exists()


def test_psql_says_its_code_and_ends_with_the_command(beacon: Beacon) -> None:
    assert beacon("db", "psql", "-qc", "SELECT nothing").returncode == 1
    process = beacon.start("db", "psql", "-qc", "SELECT pg_sleep(60)")
    wait_until_asked(beacon, "pg_sleep")
    process.terminate()
    assert ended(process)[0] == 143
    assert not postmaster_file(beacon).exists()


def test_ctrl_c_in_psql_cancels_its_query(beacon: Beacon) -> None:
    process = beacon.start("db", "psql", "-qc", "SELECT pg_sleep(60)", start_new_session=True)
    wait_until_asked(beacon, "pg_sleep")
    os.killpg(process.pid, signal.SIGINT)
    code, err = ended(process)
    assert code == 1
    assert "canceling statement due to user request" in err
    assert not postmaster_file(beacon).exists()


def connected(beacon: Beacon) -> psycopg.Connection[TupleRow]:
    """Return a connection to the embedded server, which does not keep it running."""
    folder = postmaster_file(beacon).parent
    return psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)


def wait_until_asked(beacon: Beacon, query: str) -> None:
    """Wait until the embedded server carries out a query with these words."""
    wait_for(postmaster_file(beacon))
    wait_for(postmaster_file(beacon).parent / ".s.PGSQL.5432")
    deadline = time.monotonic() + 300
    asking = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()"
    while time.monotonic() < deadline:
        try:
            with connected(beacon) as connection:
                if connection.execute(asking, [f"%{query}%"]).fetchone() != (0,):
                    return
        except psycopg.OperationalError:  # it is starting
            pass
        time.sleep(0.02)
    raise AssertionError(f"nobody asked {query}")
