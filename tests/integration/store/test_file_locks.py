"""Waiting for a lock: who holds it is said, and the waiting ends."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beacon_cli.store import file_locks
from beacon_cli.store.file_locks import StillLocked, exclusive_lock

HOLD = """
import fcntl, os, signal, sys, time
file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
if sys.argv[2] == "suspended":
    os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(float(sys.argv[3]))
"""


@contextlib.contextmanager
def held_by_another(file: Path, state: str, seconds: float = 300) -> Iterator[int]:
    words = [sys.executable, "-c", HOLD, str(file), state, str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            if state == "suspended":
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_locks, "_SILENT_SECONDS", 0.1)
    monkeypatch.setattr(file_locks, "_SUSPENDED_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
@pytest.mark.fault(80, "SIGSTOP to a process that is starting the server")
def test_a_holder_that_stands_still_is_named_and_not_waited_for_long(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "lock"
    with (
        held_by_another(file, "suspended") as pid,
        caplog.at_level(logging.WARNING, "beacon_cli"),
        pytest.raises(StillLocked, match=f"process {pid} .*suspended.* is starting the server") as refused,
        exclusive_lock(file, "is starting the server"),
    ):
        pass
    assert f"kill -CONT {pid}" in refused.value.hint
    [told] = caplog.messages
    assert told.startswith(f"waiting for process {pid} (")
    assert told.endswith(", suspended), which is starting the server")


@pytest.mark.usefixtures("impatient")
def test_a_holder_that_works_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with held_by_another(file, "working", seconds=1.5), exclusive_lock(file, "is starting the server"):
        assert file.stat().st_mode & 0o777 == 0o600
