"""How a worker calls itself: the name of its sessions, and of the holder of its jobs."""

from __future__ import annotations

_PREFIX = "worker "


def session_name(worker_id: str) -> str:
    """Return the name by which other sessions know a worker."""
    return f"{_PREFIX}{worker_id}"


def is_worker(holder: str) -> bool:
    """Return whether the holder of a job is a worker."""
    return holder.startswith(_PREFIX)
