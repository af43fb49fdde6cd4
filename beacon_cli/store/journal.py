"""Answers that could not be stored at once: kept in a file, one per run, until the database has them."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from beacon_cli.errors import JournalError
from beacon_cli.store.rows import Row

_TAKEN = ".taken"


class Journal:
    """The journal of one run, `{folder}/{run_id}.jsonl`: a row a line. The file exists only while it holds rows."""

    def __init__(self, folder: Path, run_id: str, suffix: str = ".jsonl") -> None:
        self.path = folder / f"{run_id}{suffix}"
        self.run_id = run_id

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows and wait until the disk has them. Raises `JournalError` when it cannot: none of them is kept."""
        data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        with _explained(self.path, "answers could not be kept"):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(self.path, "ab", buffering=0, opener=_private) as file:
                size = file.tell()
                try:
                    if file.write(data) < len(data):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(size)
                    raise

    def take(self) -> None:
        """Move the file aside to store it: a run that is still alive somewhere then begins another."""
        if self.path.suffix != _TAKEN:
            with _explained(self.path, "not movable"):
                self.path = self.path.rename(self.path.with_suffix(_TAKEN))

    def rows(self) -> Iterator[Row]:
        """Yield the rows that were written whole; a line cut off by a crash is left out. Raises `JournalError`."""
        with _explained(self.path, "not readable"), self.path.open("rb") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def discard(self) -> None:
        """Remove the file: the database has what was in it. Raises `JournalError`."""
        with _explained(self.path, "not removable"):
            self.path.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Raise `JournalError` unless answers could be kept in `folder`: found out before the first one is paid for."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise JournalError(
            f"the journal folder {folder} is not writable: {error.strerror}",
            hint="set BEACON_DATA_DIR to another",
        ) from error


def leftovers(folder: Path, job_id: str) -> list[Journal]:
    """Return the journals that runs of this job left behind."""
    found = [
        Journal(folder, path.stem, path.suffix)
        for path in sorted(folder.iterdir())
        if path.suffix in {".jsonl", _TAKEN}
    ]
    return [journal for journal in found if next((row["job_id"] for row in journal.rows()), None) == job_id]


@contextlib.contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"{path}: {what}: {error.strerror}", hint="see to the disk, or set BEACON_DATA_DIR to another"
        ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
