"""The rates of a Modal workspace, as they were read last: kept on this machine, so that nothing asks Modal for them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from beacon_cli.errors import EnvironmentFault
from beacon_cli.prices.rates import Quoted, Rates, kind_of
from beacon_cli.settings import Settings

_VERSION = 1
_HOUR = 3600
_MOST_BYTES = 1_000_000
_GPU = "gpu_hour_cost_"
# As `modal billing rates --json` names them, in US dollars per hour.
_OTHER = {"cpu_hour_cost": "cpu", "mem_gib_hour_cost": "memory"}


@dataclass(frozen=True, slots=True)
class WorkspaceRates:
    """What Modal said that a workspace pays per hour, by its own keys, and on which day (ISO, UTC)."""

    workspace: str
    date: str
    per_hour: Mapping[str, str]

    def rates(self) -> Rates:
        """Return what is known by name; the others are left out."""
        source = f"the rates of workspace {self.workspace}, {self.date}"
        known = {key: Quoted(float(Decimal(value)) / _HOUR, source) for key, value in self.per_hour.items()}
        return Rates(
            gpu={
                kind_of(key.removeprefix(_GPU).replace("_", "-")): quoted
                for key, quoted in known.items()
                if key.startswith(_GPU)
            },
            other={name: known[key] for key, name in _OTHER.items() if key in known},
        )


def usable_rate(key: str, value: object) -> bool:
    """Return whether an hourly rate has a known name and a believable value."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return False
    return (key.startswith(_GPU) or key in _OTHER) and number.is_finite() and 0 <= number < 100_000


def kept_rates(settings: Settings) -> WorkspaceRates | None:
    """Return the rates that were kept of the configured workspace, None if there are none, or not readable."""
    try:
        path = _path(settings)
        with path.open("rb") as file:
            kept = json.loads(file.read(_MOST_BYTES))
        found = WorkspaceRates(kept["workspace"], kept["date"], kept["per_hour"])
        usable = kept["version"] == _VERSION and all(usable_rate(*item) for item in found.per_hour.items())
    except (EnvironmentFault, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    ours = settings.modal.workspace in {None, found.workspace}
    return found if usable and ours else None


def keep_rates(settings: Settings, rates: WorkspaceRates) -> None:
    """Keep the rates in the data folder. Raises `EnvironmentFault` if they cannot be written."""
    import tempfile

    path = _path(settings)
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
            temporary = file.name
            json.dump({"version": _VERSION, **asdict(rates)}, file, indent=2)
        os.replace(temporary, path)  # noqa: PTH105 - of a name that is a text
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise EnvironmentFault(
            f"{path}: the workspace's rates cannot be kept: {error.strerror}",
            hint="make the folder writable, or set BEACON_DATA_DIR",
        ) from error


def _path(settings: Settings) -> Path:
    return settings.data_path() / "modal_rates.json"
