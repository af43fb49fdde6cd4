"""Whether Modal credentials exist, without importing the SDK."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path


def has_credentials() -> bool:
    """Return whether a token is in the environment, or in a profile of the SDK's own file (`~/.modal.toml`)."""
    if os.environ.get("MODAL_TOKEN_ID") and os.environ.get("MODAL_TOKEN_SECRET"):
        return True
    if os.environ.get("MODAL_OAUTH_REFRESH_TOKEN"):
        return True
    path = Path(os.environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml")
    try:
        profiles = tomllib.loads(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return False
    return any(
        isinstance(profile, dict) and bool(profile.get("token_id") or profile.get("oauth_refresh_token"))
        for profile in profiles.values()
    )
