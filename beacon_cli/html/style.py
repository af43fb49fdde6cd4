"""The one style of all pages."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources


@cache
def style() -> str:
    """Return the style sheet."""
    return resources.files("beacon_cli.html").joinpath("templates", "page.css").read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    """Return the source by which a content security policy allows exactly this style or script.

    https://www.w3.org/TR/CSP3/#grammardef-hash-source
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
