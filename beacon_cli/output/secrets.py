"""Keeping secrets out of whatever is printed about an error."""

from __future__ import annotations

import os
import re
import traceback

_NAMES = (
    *("BEACON_PROXY_KEY", "BEACON_PROXY_SECRET", "BEACON_PROXY_KEY_OLD", "BEACON_PROXY_SECRET_OLD"),
    *("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "HF_TOKEN", "PGPASSWORD"),
)
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]+(@)")
_KEYWORD_PASSWORD = re.compile(r"(password\s*=\s*)('[^']*'|\S+)")


def redacted(text: str) -> str:
    """Return `text` without the values of secret variables, and without passwords in database URLs."""
    for name in _NAMES:
        if value := os.environ.get(name):
            text = text.replace(value, "***")
    for name in ("BEACON_DATABASE_URL", "DATABASE_URL"):
        if value := os.environ.get(name):
            text = text.replace(value, f"${name}")
    return _KEYWORD_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1***\2", text))


def redacted_traceback() -> str:
    """Return the traceback of the error being handled, redacted; never the values of variables."""
    return redacted(traceback.format_exc())
