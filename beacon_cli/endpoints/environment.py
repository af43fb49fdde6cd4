"""Which Modal environment a command means."""

from __future__ import annotations

import os

from beacon_cli.settings import Settings


def environment_name(settings: Settings, wanted: str | None = None) -> str:
    """Return the Modal environment that a command means; empty for the workspace's own default."""
    return wanted or settings.modal.environment or os.environ.get("MODAL_ENVIRONMENT") or ""
