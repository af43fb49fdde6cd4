"""The fleet as metrics: jobs in the queue, calls of all workers, and workers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from beacon_cli.errors import StoreError
from beacon_cli.store.connect import connect_readonly, translated
from beacon_cli.store.queries import query

if TYPE_CHECKING:
    from beacon_cli.telemetry.telemetry import Reading, Telemetry

_GAUGES = {
    "beacon.fleet.jobs": ("{job}", "Jobs in the queue, by state."),
    "beacon.fleet.calls": ("{call}", "Calls of all workers, by region and state."),
    "beacon.fleet.workers": ("{worker}", "Workers that are not known to be lost, by state."),
}
_SAME_SECONDS = 1.0  # all gauges are read together


def observe_fleet(telemetry: Telemetry, url: str) -> None:
    """Report the fleet that the database at `url` shows as metrics; nothing while it is unreachable."""
    look = _Look(url)
    for name, (unit, description) in _GAUGES.items():
        telemetry.observe(name, unit, description, partial(look.reading, name))


@dataclass(slots=True)
class _Look:
    """The last look at the fleet. Only the thread that reads metrics uses it."""

    url: str
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    read_at: float = -_SAME_SECONDS

    def reading(self, name: str) -> Reading:
        """Return the numbers of one gauge."""
        if time.monotonic() >= self.read_at + _SAME_SECONDS:
            self.rows = self._read()
            self.read_at = time.monotonic()
        return {
            tuple((f"beacon.{key}", value) for key, value in (("state", state), ("region", region)) if value): number
            for gauge, state, region, number in self.rows
            if gauge == name
        }

    def _read(self) -> list[tuple[Any, ...]]:
        try:
            with connect_readonly(self.url) as connection, translated():
                return connection.execute(query("fleet", "gauges")).fetchall()
        except StoreError:
            return []
