"""Do answers differ between regions more than inside one? Distances, tests, rates, verdicts."""

from __future__ import annotations

from beacon_cli.extras import require

require("report", "scipy", "rapidfuzz", "budoux")
