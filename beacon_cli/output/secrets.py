"""Keeping secrets out of whatever is printed about an error."""

from __future__ import annotations

import os
import re
import tomllib
import traceback
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_NAMES = (
    *("BEACON_PROXY_KEY", "BEACON_PROXY_SECRET", "BEACON_PROXY_KEY_OLD", "BEACON_PROXY_SECRET_OLD"),
    *("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "HF_TOKEN", "PGPASSWORD"),
)
_PROXY_NAMES = tuple(name for key in ("HTTP", "HTTPS", "ALL") for name in (f"{key}_PROXY", f"{key}_PROXY".lower()))
_URL_NAMES = ("BEACON_DATABASE_URL", "DATABASE_URL", *_PROXY_NAMES)
_MODAL_KEYS = ("token_id", "token_secret")
# Up to the last @ of a word: a password may hold one that is not percent-encoded.
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)(\S+)(?=@)")
_KEYWORD_PASSWORD = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)")
# A shorter value is a part of too many innocent words.
_SHORTEST = 6


def redacted(text: str) -> str:
    """Return `text` without the values of known secrets, and without passwords in database URLs."""
    secrets = _secrets()
    for value in sorted(secrets, key=len, reverse=True):  # one may begin with another
        if len(value) >= _SHORTEST:
            text = text.replace(value, secrets[value])
    return _KEYWORD_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1***", text))


def redacted_traceback() -> str:
    """Return the traceback of the error being handled, redacted; never the values of variables."""
    return redacted(traceback.format_exc())


def _secrets() -> dict[str, str]:
    """Return what must not be shown, and what is shown instead."""
    secrets = {os.environ.get(name, "").strip(): "***" for name in _NAMES}
    config = os.environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml"
    secrets |= dict.fromkeys(_modal_tokens(config, os.environ.get("HOME", "")), "***")
    for name in _URL_NAMES:
        url = os.environ.get(name, "").strip()
        for pattern in (_URL_PASSWORD, _KEYWORD_PASSWORD):
            if match := pattern.search(url):
                password = match[2].strip("'")
                secrets |= {password: "***", unquote(password): "***"}
        if "@" in url or "password" in url:  # else there is nothing in it to hide
            secrets[url] = f"${name}"
    return secrets


@lru_cache(maxsize=4)
def _modal_tokens(path: str, _home: str) -> tuple[str, ...]:
    """Return the tokens of every profile in Modal's own file; none where there is no such file, or it is broken."""
    try:
        profiles = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: no home folder, or too deep
        return ()
    return tuple(_tokens(profiles))


def _tokens(profiles: Mapping[str, Any]) -> Iterator[str]:
    for profile in profiles.values():
        if isinstance(profile, dict):
            yield from (value for key in _MODAL_KEYS if isinstance(value := profile.get(key), str))
