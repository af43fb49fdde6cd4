"""A worker process, from its first to its last moment."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import NoReturn

from beacon_cli.deployment.record import recorded_endpoints
from beacon_cli.errors import ConfigError
from beacon_cli.executor.client import require_usable_network
from beacon_cli.executor.endpoints import Endpoint, configured_endpoints
from beacon_cli.fleet.worker import Worker
from beacon_cli.leaving import abandon_threads
from beacon_cli.output.fleet_log import FleetLog
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted, held
from beacon_cli.store.journal import require_writable
from modal_deployment.regions import REGIONS


def work(settings: Settings, url: str, jobs: int, drain_seconds: float) -> NoReturn:
    """Work until a signal.

    Raises `Interrupted`, `JournalError`, `EnvironmentFault` for certificates or a proxy that cannot be used, and what
    `Worker.main` raises.
    """
    require_writable(settings.journal_path())
    require_usable_network(_known_endpoints(settings))
    # Not asyncio.run: at its end it cancels what is left, and DBOS would hear that jobs failed which others go on with.
    loop = asyncio.new_event_loop()
    abandon_threads()
    with held() as signals:
        worker = Worker(settings, url, jobs, drain_seconds, FleetLog(sys.stderr).handle)
        code = loop.run_until_complete(worker.main(signals))
    raise Interrupted(code - 128)


def _known_endpoints(settings: Settings) -> list[Endpoint]:
    """Return the endpoints of the regions that are configured; a job that wants another is told so itself."""
    recorded = recorded_endpoints(settings)
    found: list[Endpoint] = []
    for region in REGIONS.values():
        with contextlib.suppress(ConfigError):
            found += configured_endpoints(settings, [region], recorded).values()
    return found
