"""A worker process, from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import NoReturn

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.errors import ConfigError
from beacon_cli.executor.client import require_usable_network
from beacon_cli.executor.events import EventHook
from beacon_cli.fleet.gauges import observe_fleet
from beacon_cli.fleet.log import FleetLog
from beacon_cli.fleet.worker import Ending, Worker
from beacon_cli.settings import Settings
from beacon_cli.signals import held
from beacon_cli.store.journal import require_writable


def run_worker(settings: Settings, url: str, jobs: int, drain_seconds: float) -> NoReturn:
    """Work until a signal, or until the worker cannot continue.

    Raises `JournalError`, `EnvironmentFault` for certificates or a proxy that cannot be used, and the cause of the
    worker's `Ending`: `Interrupted`, `ConfigError`, `LeaseLost`, `CredentialsError`, `StoreError`.
    """
    from beacon_cli.telemetry.opened import open_telemetry

    require_writable(settings.journal_path())
    require_usable_network(_known_endpoints(settings))

    with open_telemetry() as telemetry, held() as signals:
        show: EventHook = FleetLog(sys.stderr).handle
        if telemetry is not None:
            show = telemetry.tee(show)
            observe_fleet(telemetry, url)

        async def work() -> Ending:
            return await Worker(settings, url, jobs, drain_seconds, show, telemetry).run(signals)

        ending = asyncio.run(work())
    raise ending.cause


def _known_endpoints(settings: Settings) -> list[Endpoint]:
    """Return the endpoints of the configured regions; a job that needs another region reports it itself."""
    recorded = recorded_endpoints(settings)
    found: list[Endpoint] = []
    for region in settings.vocabulary.regions.values():
        with contextlib.suppress(ConfigError):
            found += configured_endpoints(settings, [region], recorded).values()
    return found
