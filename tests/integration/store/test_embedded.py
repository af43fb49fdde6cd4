"""The embedded PostgreSQL as a real server: shared, restarted, and stopped by its last user."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from beacon_cli.config import load_settings
from beacon_cli.dashboard.site import Site
from beacon_cli.errors import StoreError
from beacon_cli.store import running
from beacon_cli.store.connect import connect
from beacon_cli.store.database import EMBEDDED, open_database, reviver
from beacon_cli.store.embedded import embedded_server, keep_server, restart_embedded, stop_server
from beacon_cli.store.migrate import migrate
from tests.integration.conftest import fresh_database

AS_ROOT = os.geteuid() == 0
# An account that is neither root nor PostgreSQL's own.
NOBODY = 65534


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    """A data folder whose server has run before, which makes the next start a quick one."""
    # Not pytest's tmp_path: as root the server runs as a user of its own, to which that folder is closed.
    folder = Path(tempfile.mkdtemp(prefix="beacon-embedded-"))
    folder.chmod(0o755)
    try:
        with embedded_server(folder / "data"):
            pass
        yield folder / "data"
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def data_path(initialised: Path) -> Iterator[Path]:
    """The same folder, in which no server may run before or after a test."""
    assert running.running_pid(initialised) is None
    try:
        yield initialised
        assert running.running_pid(initialised) is None
    finally:
        stop_server(initialised)


def answers(url: str) -> bool:
    with connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def kill_server(data_path: Path) -> None:
    """End the server without any order, as a crash would, and wait until it is gone."""
    pid = running.running_pid(data_path)
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    wait_until_gone(pid)


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 300
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def user_of(data_path: Path) -> subprocess.Popen[str]:
    """Another process that uses the server until its stdin ends."""
    code = f"""
import sys
from pathlib import Path
from beacon_cli.store.embedded import embedded_server
with embedded_server(Path({str(data_path)!r})):
    print("ready", flush=True)
    sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_the_last_user_stops_it_and_no_one_before(data_path: Path) -> None:
    other = user_of(data_path)
    with embedded_server(data_path) as url:
        assert answers(url)
    assert running.running_pid(data_path) is not None
    assert other.communicate(timeout=300) == ("", "")


def test_a_user_that_is_killed_does_not_count(data_path: Path) -> None:
    other = user_of(data_path)
    other.kill()
    other.communicate()
    with embedded_server(data_path) as url:
        assert answers(url)


def test_the_last_user_stops_also_a_server_that_was_restarted_by_another_process(data_path: Path) -> None:
    other = user_of(data_path)
    with embedded_server(data_path):
        first = running.running_pid(data_path)
        assert stop_server(data_path)
        third = user_of(data_path)
        assert running.running_pid(data_path) not in (None, first)
        assert third.communicate(timeout=300) == ("", "")
        assert other.communicate(timeout=300) == ("", "")
        assert running.running_pid(data_path) is not None


def test_a_server_that_goes_away_under_its_user_can_be_restarted_at_the_same_address(data_path: Path) -> None:
    with embedded_server(data_path) as url:
        first = running.running_pid(data_path)
        assert restart_embedded(data_path) == url
        assert running.running_pid(data_path) == first
        for end in (kill_server, stop_server):
            end(data_path)
            with pytest.raises(StoreError):
                connect(url)
            assert asyncio.run(asyncio.to_thread(restart_embedded, data_path)) == url
            assert answers(url)


def test_viewers_of_the_dashboard_start_a_lost_server_again_once(
    data_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEACON_DATA_DIR", str(data_path))
    settings = load_settings(None)
    with open_database(settings, EMBEDDED) as url:
        site = Site(settings, url, revive=reviver(settings, EMBEDDED))
        kill_server(data_path)
        with closing(site), ThreadPoolExecutor(4) as viewers:
            opened = list(viewers.map(lambda _: site.connect(), range(4)))
        for connection in opened:
            with connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_named_database_is_not_for_the_dashboard_to_start() -> None:
    assert reviver(load_settings(None), "postgresql://db.example/shop") is None


def test_a_kept_server_outlives_its_users_until_it_is_stopped(data_path: Path) -> None:
    url = keep_server(data_path)
    with embedded_server(data_path) as same:
        assert same == url
    assert answers(url)
    assert stop_server(data_path)
    assert not stop_server(data_path)


def test_the_process_id_of_a_server_that_went_down_may_be_another_programs_now(data_path: Path) -> None:
    """As in a container that was restarted."""
    with embedded_server(data_path):
        left = (running.server_folder(data_path) / "postmaster.pid").read_text().splitlines()
    pid_file = running.server_folder(data_path) / "postmaster.pid"
    pid_file.write_text("\n".join([str(os.getpid()), *left[1:]]) + "\n")
    assert not stop_server(data_path)
    with embedded_server(data_path) as url:
        assert answers(url)


def test_stopping_where_no_server_ever_was_makes_nothing(tmp_path: Path) -> None:
    assert not stop_server(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_initialisation_left_is_removed(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="beacon-embedded-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        left = folder / "postgresql.new-1"
        left.mkdir()
        (left / "PG_VERSION").write_text("18\n")
        with embedded_server(folder) as url:
            assert answers(url)
        assert not left.exists()


@pytest.mark.fault(80, "SIGKILL to the server where nobody reaps its zombie")
def test_a_server_that_was_killed_is_found_although_nobody_reaps_it(data_path: Path) -> None:
    """As where Beacon, or a plain script, is process 1 of a container: the killed server stays a zombie."""
    code = f"""
import ctypes, os, signal, sys
from pathlib import Path
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans become ours, and we never wait for them
from beacon_cli.store import postmaster, running
from beacon_cli.store.embedded import embedded_server, restart_embedded
folder = Path({str(data_path)!r})
with embedded_server(folder) as url:
    pid = running.running_pid(folder)
    os.kill(pid, signal.SIGKILL)
    while running.running_pid(folder): pass
    assert restart_embedded(folder) == url
    print(pid, running.running_pid(folder), Path(f"/proc/{{pid}}/stat").read_text().split()[2])
"""
    began = time.monotonic()
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    killed, started, state = said.stdout.split()
    assert killed != started
    assert state == "Z"
    assert time.monotonic() - began < 45, "a server that does not end is given up after 60 s"


@pytest.mark.parametrize("text", ["", "123", "²", "99999999\n/elsewhere\n"])
def test_a_file_that_a_killed_server_left_half_written_is_no_obstacle(data_path: Path, text: str) -> None:
    (running.server_folder(data_path) / "postmaster.pid").write_text(text)
    with embedded_server(data_path) as url:
        assert answers(url)


def test_a_server_that_is_still_starting_is_waited_for(data_path: Path) -> None:
    """As after a kill of the process that was starting it."""
    code = f"""
import os, threading
from pathlib import Path
from beacon_cli.store import postmaster, running
threading.Thread(target=postmaster.start, args=[Path({str(data_path)!r})]).start()
while running.Postmaster.of(running.server_folder(Path({str(data_path)!r}))) is None: pass
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    with embedded_server(data_path) as url:
        assert answers(url)


@pytest.mark.parametrize("how", ["emptied", "removed"])
def test_a_server_whose_file_was_taken_away_is_ended_and_another_started(data_path: Path, how: str) -> None:
    """As by a program that cleans folders for temporary files."""
    keep_server(data_path)
    file = running.server_folder(data_path) / "postmaster.pid"
    first = running.running_pid(data_path)
    assert first is not None
    if how == "emptied":
        file.write_text("")
    else:
        file.unlink()
    with embedded_server(data_path) as url:
        assert answers(url)
        assert running.running_pid(data_path) != first
    wait_until_gone(first)
    keep_server(data_path)
    file.unlink()
    assert stop_server(data_path)
    assert not stop_server(data_path)


def test_a_socket_that_was_cleaned_away_comes_back(data_path: Path) -> None:
    url = keep_server(data_path)
    (running.server_folder(data_path) / ".s.PGSQL.5432").unlink()
    with embedded_server(data_path) as same:
        assert same == url
        assert answers(url)
    stop_server(data_path)


def test_a_long_path_has_its_socket_in_a_private_folder_with_the_same_address_each_time(data_path: Path) -> None:
    long = data_path.parent / ("x" * 200)
    try:
        with embedded_server(long) as url:
            assert answers(url)
            sockets = Path(str(conninfo_to_dict(url)["host"]))
            assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
            assert sockets.stat().st_uid == running.server_folder(long).stat().st_uid
            stop_server(long)
            assert not sockets.exists()
            assert restart_embedded(long) == url
        assert not sockets.exists()
        sockets.mkdir()  # somebody else was faster
        sockets.chmod(0o777)
        with embedded_server(long) as other:
            assert conninfo_to_dict(other)["host"] != str(sockets)
    finally:
        sockets.rmdir()
        shutil.rmtree(long)


@pytest.mark.skipif(not AS_ROOT, reason="only root can give folders to others")
def test_root_uses_no_data_folder_that_others_can_change(data_path: Path) -> None:
    victim = data_path.parent / "victim"
    victim.write_text("kept")
    victim.chmod(0o644)
    theirs = data_path.parent / "theirs"
    theirs.mkdir()
    for name in ("postgresql.starting", "postgresql.kept", "postgresql.socket"):
        (theirs / name).symlink_to(victim)
    spoils: list[Callable[[], None]] = [partial(os.chown, theirs, NOBODY, NOBODY), partial(theirs.chmod, 0o777)]
    for spoil in spoils:
        spoil()
        with pytest.raises(StoreError, match="is not safe: other users may write in"), embedded_server(theirs):
            pass
        with pytest.raises(StoreError, match="is not safe"):
            keep_server(theirs)
        os.chown(theirs, 0, 0)
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("kept", 0o644)
    shutil.rmtree(theirs)


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
@pytest.mark.parametrize("call", ["stop_server", "keep_server"])
def test_another_users_folder_is_a_clear_error(data_path: Path, call: str) -> None:
    code = f"""
import os, sys
from pathlib import Path
from beacon_cli.errors import StoreError
from beacon_cli.store import embedded
import fasteners, psutil  # which {NOBODY} may not be allowed to read
os.setuid({NOBODY})
try:
    embedded.{call}(Path({str(data_path)!r}))
except StoreError as error:
    print(error.message, error.hint, sep="\\n")
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    message, hint = said.splitlines()
    assert "Permission denied" in message
    assert "another user" in hint


def test_migrating_a_database_that_cannot_be_written_says_so(empty_database_url: str) -> None:
    read_only = make_conninfo(empty_database_url, options="-c default_transaction_read_only=on")
    with pytest.raises(StoreError, match="the database is read-only"):
        migrate(read_only)


def test_migrating_as_a_role_that_may_not_create_says_so(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        try:
            with pytest.raises(StoreError, match="lacks a privilege: it may not create tables"):
                migrate(make_conninfo(url, user="reader"))
        finally:
            connection.execute("DROP ROLE reader")
