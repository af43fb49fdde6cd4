"""Answers that could not be stored immediately: kept in a file, one per run, until the database has them.

A journal is removed only when all its rows are in the database: a reader leaves the file in place, stores its rows, and
removes it if nothing was added meanwhile. So it may be read any number of times, by any process, and a reader may be
killed at any time.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beacon_cli.console.formatting import quantity
from beacon_cli.errors import JournalError
from beacon_cli.executor.execution import ANSWERED
from beacon_cli.store.file_locks import brief_lock
from beacon_cli.store.rows import COLUMNS, KEY, SUPERSEDES, Row

FREE_MEGABYTES = 64
"""Required free space on the journal's disk before the first question: the journal holds little more than the answers
in flight when the database is lost."""

# A process that is suspended while it holds the lock must not stop the others forever.
_LOCK_SECONDS = 5.0
# `.taken` is how earlier versions named a journal that was being stored.
_NAME = re.compile(r"(?P<run>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?:jsonl|taken)")
# What rows of journals lack that version 0.2 or an earlier one wrote.
_OF_EARLIER_VERSIONS = {"arm": 0}
_HINT = "check the disk, or set BEACON_DATA_DIR to a folder on another one"


class Journal:
    """The journal of one run, `{folder}/{run_id}.jsonl`: one row per line. The file exists only while it has rows."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.path = folder / f"{run_id}.jsonl"

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows and wait until they are on disk. Raises `JournalError` if that fails; then no row is kept."""
        data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        with _explained(self.path, "answers could not be written"):
            _make_private(self.path.parent)
            with _locked(self.path.parent), open(self.path, "a+b", buffering=0, opener=_private) as file:
                _write(file, data)

    def discard(self) -> None:
        """Remove the file: the database has everything that this run wrote into it. Raises `JournalError`."""
        with _explained(self.path, "cannot be removed"):
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """The contents of a journal when it was read: complete rows of one run.

    `damaged` is the number of lines that are not rows; an incomplete last line after a crash is not counted.
    """

    path: Path
    run_id: str
    job_id: str
    rows: tuple[Row, ...]
    size: int
    damaged: int

    @property
    def answers(self) -> int:
        """The number of rows that are answers."""
        return sum(row["status"] in ANSWERED for row in self.rows)

    def remove(self) -> bool:
        """Remove the journal, whose rows are stored; return False if it has grown, or has unreadable lines.

        Raises `JournalError`.
        """
        if self.damaged:
            return False
        with _explained(self.path, "cannot be removed"), _locked(self.path.parent):
            if self.path.exists() and self.path.stat().st_size != self.size:
                return False
            self.path.unlink(missing_ok=True)
            return True

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"file": str(self.path), "job_id": self.job_id, "run_id": self.run_id, "answers": self.answers}

    def __str__(self) -> str:
        """Return `4 answers of job demo are kept in FILE`."""
        verb = "is" if self.answers == 1 else "are"
        return f"{quantity(self.answers, 'answer')} of job {self.job_id} {verb} kept in {self.path}"


@dataclass(frozen=True, slots=True)
class Found:
    """The contents of the journal folder: journals, and a remark about everything else."""

    journals: tuple[Kept, ...] = ()
    remarks: tuple[str, ...] = ()

    def as_data(self) -> list[dict[str, Any]]:
        """Return the journals as JSON."""
        return [kept.as_data() for kept in self.journals]


def _make_private(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)  # whatever the umask is


def require_writable(folder: Path) -> None:
    """Raise `JournalError` unless answers can be kept in `folder`: checked before the first answer is paid for."""
    try:
        _make_private(folder)
        with _locked(folder), tempfile.TemporaryFile(dir=folder):
            pass
        require_room(folder)
    except OSError as error:
        raise JournalError(
            f"the journal folder {folder} is not writable: {error.strerror}",
            hint="set BEACON_DATA_DIR to another folder",
        ) from error


def require_room(folder: Path) -> None:
    """Raise `JournalError` if too little is free on the disk of a folder, and `OSError` if it cannot be found out."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < FREE_MEGABYTES:
        raise JournalError(
            f"the disk of the journal folder {folder} is full: {free} MB are free, {FREE_MEGABYTES} MB are needed for"
            " answers that cannot be stored immediately",
            hint="free space there, or set BEACON_DATA_DIR to a folder on another disk",
        )


def look(folder: Path) -> Found:
    """Return the contents of the folder. Unreadable files and other files are named in remarks; nothing is raised."""
    journals: list[Kept] = []
    foreign: list[str] = []
    remarks: list[str] = []
    for path in _listed(folder):
        try:
            kept = _read(path)
        except FileNotFoundError:  # just stored and removed by another process
            continue
        except OSError as error:
            remarks.append(f"{path} is not readable ({error.strerror}): it is left unchanged, and may contain answers")
            continue
        if kept is None:
            foreign.append(path.name)
            continue
        journals.append(kept)
        if kept.damaged:
            lines = quantity(kept.damaged, "line")
            remarks.append(f"{path} has {lines} that cannot be read: it is left unchanged; check it, then remove it")
    if foreign:
        named = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
        remarks.append(f"{folder} contains files that Beacon did not write: {named}; they are left unchanged")
    return Found(tuple(journals), tuple(remarks))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _read(path: Path) -> Kept | None:
    """Return the contents of a journal, None if it is not one."""
    name = _NAME.fullmatch(path.name)
    if name is None or not stat.S_ISREG(path.lstat().st_mode):
        return None
    data = path.read_bytes()
    lines = data.split(b"\n")[:-1]  # text after the last line break was cut off by a crash
    read = [_row(line, name["run"]) for line in lines if line]
    rows = tuple(row for row in read if row is not None)
    if not rows and any(line for line in lines):
        return None
    job_id = str(rows[0]["job_id"]) if rows else ""
    return Kept(path, name["run"], job_id, rows, size=len(data), damaged=len(read) - len(rows))


def _row(line: bytes, run_id: str) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or row.get("run_id") != run_id:
        return None
    row = {**_OF_EARLIER_VERSIONS, **row}
    if any(row.get(name) is None for name in KEY):
        return None
    return {name: row.get(name) for name in (*COLUMNS, SUPERSEDES)}


def _write(file: Any, data: bytes) -> None:
    """Append to a journal; an incomplete line from a crash or a full disk is ended first."""
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        data = data if file.read(1) == b"\n" else b"\n" + data
    try:
        if file.write(data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        file.truncate(size)
        raise


def _locked(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Exclude other processes that write to a journal of this folder, or remove one."""
    return brief_lock(folder.with_name(f"{folder.name}.lock"), _LOCK_SECONDS)


@contextlib.contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(f"{path}: {what}: {error.strerror}", hint=_HINT) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
