"""A turn in a region that is never paused, for tests of a single cell."""

from __future__ import annotations

from beacon_cli.executor.region_state import RegionState
from beacon_cli.executor.turns import Line, Turn, nobody


def open_turn() -> Turn:
    return Turn(Line("us", RegionState.open(1), 0.0, lambda: None, nobody), is_check=False)
