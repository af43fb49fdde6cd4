"""Which names may stand for a secret, wherever people write names with values: parameters, headers, queries of URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from beacon_cli.console.redaction import is_credential

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Anywhere in a name.
_SECRET_PARTS = re.compile(r"secret|passw|passphrase|credential|cookie|bearer|authoriz|authentic|signature")
_SECRET_WORDS = frozenset({"auth", "oauth", "jwt", "pwd", "pass", "sig", "hmac", "apikey", "accesskey", "xapikey"})
# As the last word: `api_key`, `keyId`, but not `max_tokens` or `token_budget`.
_SECRET_ENDS = frozenset({"key", "keys", "token"})
_SECRET_COMPOUNDS = re.compile(r"(?:api|access|auth|secret|private|account|subscription|license)-?_?(?:key|token|code)")
# Parameters of models and servers that end like a secret: special tokens, and what a cache goes by.
_ORDINARY = frozenset(
    {
        *("eos_token", "bos_token", "pad_token", "unk_token", "stop_token", "start_token", "end_token"),
        *("prompt_cache_key", "cache_key"),
    }
)
# As a whole name: Azure's functions take `?code=`.
_SECRET_NAMES = frozenset({"code", "keyid", "pw"})


def may_hold_secret(name: str) -> bool:
    """Return whether a name is like those of keys, passwords, tokens and signatures."""
    lowered = name.lower()
    if lowered in _ORDINARY:
        return False
    if lowered in _SECRET_NAMES or is_credential(name) or _SECRET_PARTS.search(lowered):
        return True
    words = [word.lower() for word in _WORDS.findall(name)]
    ends = bool(words) and words[-1] in _SECRET_ENDS
    return ends or not _SECRET_WORDS.isdisjoint(words) or _SECRET_COMPOUNDS.search(lowered) is not None


def secret_named_in(value: object) -> str | None:
    """Return the first name in a JSON value, at any depth, that may stand for a secret; None if there is none.

    What stands under a name is a secret only if it is a text, a number, or a list of these: a schema may describe a
    field that is called `password`.
    """
    if isinstance(value, dict):
        named = (
            str(name) if may_hold_secret(str(name)) and _is_plain(item) else secret_named_in(item)
            for name, item in value.items()
        )
        return next(filter(None, named), None)
    return _first(value) if isinstance(value, list) else None


def secret_in_query(url: str) -> str | None:
    """Return the first name in the query of a URL that may stand for a secret."""
    names = (name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return next(filter(may_hold_secret, names), None)


def _first(values: Iterable[object]) -> str | None:
    return next(filter(None, map(secret_named_in, values)), None)


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_is_plain, value))
    return isinstance(value, str | int | float) and not isinstance(value, bool)
