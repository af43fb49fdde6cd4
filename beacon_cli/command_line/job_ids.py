"""The ids of stored jobs for completion: fast, or none. It starts no server, migrates nothing and never fails."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

# If completion waited for an unreachable database, the terminal would seem to hang.
_SECONDS = 1.0


def stored_job_ids(config: str | None, database_url: str | None, beginning: str) -> list[tuple[str, str]]:
    """Return ids that begin like this, newest first, each with the time when its job was made, if known.

    They come from the database that is named or configured, else from the embedded server while it runs, else from
    the list that runs keep next to it (see `stored_jobs/kept_ids.py`).
    """
    from beacon_cli.config import load_settings
    from beacon_cli.records.kept_ids import kept_ids
    from beacon_cli.store.database import named_url
    from beacon_cli.store.running import running_url

    with contextlib.suppress(Exception):  # no command was run yet: the command will report the error
        settings = load_settings(Path(config) if config else None)
        url = named_url(settings, database_url) or running_url(settings.data_path())
        if url is None:
            return [(job_id, "") for job_id in kept_ids(settings.data_path()) if job_id.startswith(beginning)]
        with _at_most(_SECONDS):
            return _from_database(url, beginning)
    return []


def _from_database(url: str, beginning: str) -> list[tuple[str, str]]:
    from beacon_cli.records.newest_jobs import newest_jobs
    from beacon_cli.store.connect import connect

    with connect(url, read_only=True, statement_timeout=f"{_SECONDS:.0f}s") as connection:
        return [(job.id, job.made) for job in newest_jobs(connection, beginning)]


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End the process, which has nothing to lose, if the block takes longer."""
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
