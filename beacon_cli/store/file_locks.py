"""Locks between processes. Their files are private: a process that can open a file can lock it forever."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from beacon_cli.errors import StoreError

if TYPE_CHECKING:
    import fasteners

_SILENT_SECONDS = 2.0
# A suspended process will not release the lock; a working one may be creating a database on a slow disk.
_SUSPENDED_SECONDS = 10.0
_WORKING_SECONDS = 120.0
# struct flock: https://man7.org/linux/man-pages/man2/fcntl.2.html, and macOS's <sys/fcntl.h>.
_FLOCK, _TYPE, _PID = ("qqihh", 3, 2) if sys.platform == "darwin" else ("hhqqi", 0, 4)

_log = logging.getLogger(__name__)


class StillLocked(StoreError):
    """Another process held a lock for longer than the maximum wait."""


@contextlib.contextmanager
def exclusive_lock(file: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock; `what` describes what its holder does.

    After two seconds the holder is logged. Raises `StillLocked` after two minutes, or after ten seconds if the holder
    is suspended, and `OSError` if the file cannot be created.
    """
    import fasteners

    _make_private(file)
    lock = fasteners.InterProcessLock(file)
    try:
        if not lock.acquire(timeout=_SILENT_SECONDS):
            _wait_for(lock, file, what)
        yield
    finally:
        if lock.acquired:
            lock.release()
        elif lock.lockfile is not None:
            lock.lockfile.close()


@contextlib.contextmanager
def brief_lock(file: Path, seconds: float) -> Iterator[None]:
    """Hold a lock that is never held for long, without logging. Raises `OSError` if it is not free within `seconds`."""
    import fasteners

    _make_private(file)
    lock = fasteners.InterProcessLock(file)
    if not lock.acquire(timeout=seconds):
        raise OSError(errno.EAGAIN, f"another process has kept {file} locked for {seconds:.0f} s")
    try:
        yield
    finally:
        lock.release()


def _wait_for(lock: fasteners.InterProcessLock, file: Path, what: str) -> None:
    began = time.monotonic() - _SILENT_SECONDS
    _log.warning("waiting for %s, which %s", _holder(file)[0], what)
    while not lock.acquire(timeout=1.0):
        holder, suspended = _holder(file)
        waited = time.monotonic() - began
        if waited > (_SUSPENDED_SECONDS if suspended else _WORKING_SECONDS):
            pid = holder.split()[1] if holder.startswith("process") else "PID"
            hint = f"resume it (kill -CONT {pid}) or end it (kill {pid})" if suspended else "end it, or wait longer"
            raise StillLocked(f"{holder} {what}, and has not finished for {waited:.0f} s", hint=hint)


def _holder(file: Path) -> tuple[str, bool]:
    """Return a description of the lock's holder, and whether that process is suspended."""
    import psutil

    pid = _holding_pid(file)
    if not pid:
        return "another process", False
    try:
        process = psutil.Process(pid)
        suspended = process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
        return f"process {pid} ({process.name()}{', suspended' if suspended else ''})", suspended
    except psutil.Error:
        return f"process {pid}", False


def _holding_pid(file: Path) -> int:
    """Return the id of the process that holds the lock; 0 if there is none, or none visible from here."""
    import fcntl

    request = [0] * 5
    request[_TYPE] = fcntl.F_WRLCK
    with file.open("rb+") as opened:
        answer = struct.unpack(_FLOCK, fcntl.fcntl(opened, fcntl.F_GETLK, struct.pack(_FLOCK, *request)))
    return max(0, int(answer[_PID])) if answer[_TYPE] != fcntl.F_UNLCK else 0


def shared_lock(file: Path) -> fasteners.InterProcessReaderWriterLock:
    """Return a lock that many readers can hold, or one writer. Raises `OSError` if its file cannot be created."""
    import fasteners

    _make_private(file)
    return fasteners.InterProcessReaderWriterLock(file)


def _make_private(file: Path) -> None:
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask is
    finally:
        os.close(descriptor)
