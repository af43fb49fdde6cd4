"""Looks at everything at the same time, each part in a thread of its own: one that hangs or breaks stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beacon_cli.checkup.condition import Checkup, Condition, failure
from beacon_cli.checkup.configuration import configured
from beacon_cli.checkup.control_plane import look_at_modal
from beacon_cli.checkup.database import look_at_database
from beacon_cli.checkup.folders import look_at_folders
from beacon_cli.checkup.machine import look_at_machine, look_at_program
from beacon_cli.checkup.packages import look_at_extras
from beacon_cli.checkup.ports import look_at_ports
from beacon_cli.checkup.regions import look_at_endpoints
from beacon_cli.checkup.ways import look_at_ways
from beacon_cli.errors import BeaconError
from beacon_cli.faults import explained
from beacon_cli.settings import Settings

LONGEST_SECONDS = 20.0
"""How long the whole takes at most; what has no result by then has failed."""

Look = Callable[[], Sequence[Condition]]


def examined(config: Path | None, database_url: str | None) -> Checkup:
    """Look at everything, without changing anything. `config` and `database_url` are the flags, if given.

    It takes at most `LONGEST_SECONDS`.
    """
    settings, first = configured(config)
    parts: dict[str, Look] = {"program": look_at_program, "machine": look_at_machine, "extras": look_at_extras}
    if settings is not None:
        parts |= _parts_of(settings, database_url)
    found = results_of(parts, LONGEST_SECONDS)
    if settings is None:
        unknown = "not looked at, because the configuration cannot be used"
        skipped = {"data": "data_folder", "database": "database", "network": "proxy", "endpoints": "endpoints"}
        found |= {part: [Condition(name, "skipped", unknown)] for part, name in skipped.items()}
    order = ("data", "database", "network", "endpoints", "modal", "extras", "machine", "ports")
    later = [condition for name in order for condition in found.get(name, ())]
    return Checkup((*found["program"], first, *later))


def _parts_of(settings: Settings, database_url: str | None) -> dict[str, Look]:
    return {
        "data": lambda: look_at_folders(settings, database_url),
        "database": lambda: look_at_database(settings, database_url),
        "network": lambda: look_at_ways(settings),
        "endpoints": lambda: look_at_endpoints(settings),
        "modal": lambda: look_at_modal(settings),
        "ports": lambda: look_at_ports(settings),
    }


@dataclass(slots=True)
class _Part:
    """A part that is being looked at in a thread, which ends with the process."""

    name: str
    look: Look
    conditions: Sequence[Condition] = ()

    def run(self) -> None:
        try:
            self.conditions = self.look()
        except BeaconError as error:
            self.conditions = [failure(self.name, error)]
        except Exception as error:
            self.conditions = [failure(self.name, explained(error))]


def results_of(parts: Mapping[str, Look], seconds: float) -> dict[str, Sequence[Condition]]:
    """Return what each part found within so many seconds for all; a part that found nothing by then has failed."""
    end = time.monotonic() + seconds
    started = []
    for name, look in parts.items():
        part = _Part(name, look)
        thread = threading.Thread(target=part.run, name=f"doctor {name}", daemon=True)
        thread.start()
        started.append((part, thread))
    found: dict[str, Sequence[Condition]] = {}
    for part, thread in started:
        thread.join(max(0.0, end - time.monotonic()))
        late = Condition(
            part.name, "failed", f"no result within {seconds:g} s", "something hangs: --verbose shows what"
        )
        found[part.name] = [late] if thread.is_alive() else part.conditions
    return found
