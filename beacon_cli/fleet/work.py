"""A worker process, from its first to its last moment."""

from __future__ import annotations

import asyncio
import sys
from typing import NoReturn

from beacon_cli.fleet.worker import Worker
from beacon_cli.leaving import abandon_threads
from beacon_cli.output.fleet_log import FleetLog
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted, held
from beacon_cli.store.journal import require_writable


def work(settings: Settings, url: str, jobs: int, drain_seconds: float) -> NoReturn:
    """Work until a signal. Raises `Interrupted`, `JournalError`, and what `Worker.main` raises."""
    require_writable(settings.data_path() / "journal")
    # Not asyncio.run: at its end it cancels what is left, and DBOS would hear that jobs failed which others go on with.
    loop = asyncio.new_event_loop()
    abandon_threads()
    with held() as signals:
        worker = Worker(settings, url, jobs, drain_seconds, FleetLog(sys.stderr).handle)
        code = loop.run_until_complete(worker.main(signals))
    raise Interrupted(code - 128)
