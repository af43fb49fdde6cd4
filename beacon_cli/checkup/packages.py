"""The extras: packages that only some commands need."""

from __future__ import annotations

from beacon_cli.checkup.condition import Condition
from beacon_cli.extras import has_extra, how_to_install

EXTRAS = {
    "local": "models on this machine (run --local, serve)",
    "report": "compare and report",
    "dashboard": "dashboard",
    "semantic": "the measure semantic, and refusals in many languages",
    "parquet": "export to Parquet",
    "fleet": "submit, worker, queue and cancel",
}
"""What each extra is for."""


def look_at_extras() -> list[Condition]:
    """Return which extras are installed, and how to install each of the others."""
    return [_extra(name, purpose) for name, purpose in EXTRAS.items()]


def _extra(name: str, purpose: str) -> Condition:
    if has_extra(name):
        return Condition(f"extra.{name}", "ok", f"installed: {purpose}")
    return Condition(f"extra.{name}", "warning", f"not installed: {purpose}", how_to_install(name))
