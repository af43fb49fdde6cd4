"""Answers that could not be stored at once: kept in a file, one per run, until the database has them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from beacon_cli.errors import JournalError
from beacon_cli.store.rows import Row


class Journal:
    """The journal of one run, `{folder}/{run_id}.jsonl`: a row a line. The file exists only while it holds rows."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.path = folder / f"{run_id}.jsonl"
        self.run_id = run_id

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows and wait until the disk has them. Raises `JournalError` when it cannot."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(self.path, "a", encoding="ascii", opener=_private) as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"{self.path}: answers could not be kept: {error.strerror}", hint="set BEACON_DATA_DIR"
            ) from error

    def rows(self) -> Iterator[Row]:
        """Yield the rows that were written whole; a last line cut off by a crash is left out."""
        try:
            with self.path.open(encoding="ascii") as file:
                for line in file:
                    if line.endswith("\n"):
                        yield json.loads(line)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise JournalError(f"{self.path}: not readable: {error}", hint="move it away to go on") from error

    def discard(self) -> None:
        """Remove the file: the database has what was in it."""
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
    found = [Journal(folder, path.stem) for path in sorted(folder.glob("*.jsonl"))]
    return [journal for journal in found if _first_job(journal) == job_id]


def _first_job(journal: Journal) -> str | None:
    return next((str(row["job_id"]) for row in journal.rows()), None)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
