"""A list of the jobs in the embedded database, next to it: completion reads it while the server does not run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

_FILE = "job-ids"
_MOST_BYTES = 64 * 1024
_KEPT = 500


def keep_id(data_path: Path, job_id: str) -> None:
    """Add a job that runs. Errors of writing are ignored."""
    path = data_path / _FILE
    with contextlib.suppress(OSError):
        if path.exists() and path.stat().st_size > _MOST_BYTES:
            path.write_text("".join(f"{kept}\n" for kept in reversed(kept_ids(data_path)[:_KEPT])), encoding="utf-8")
        with open(path, "a", encoding="utf-8", opener=_private) as file:
            file.write(f"{job_id}\n")


def forget_ids(data_path: Path, job_ids: Collection[str]) -> None:
    """Remove jobs that are deleted. Errors of writing are ignored."""
    with contextlib.suppress(OSError):
        left = [kept for kept in kept_ids(data_path) if kept not in job_ids]
        if (path := data_path / _FILE).exists():
            path.write_text("".join(f"{kept}\n" for kept in reversed(left)), encoding="utf-8")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def kept_ids(data_path: Path) -> list[str]:
    """Return the jobs that were run, the last one first; none if there is no list."""
    try:
        lines = (data_path / _FILE).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    return list(dict.fromkeys(reversed(lines)))
