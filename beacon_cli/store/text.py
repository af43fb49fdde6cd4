"""Text that PostgreSQL cannot hold, stored reversibly.

PostgreSQL's `text` and `jsonb` take neither NUL nor lone surrogates, and an answer may hold both. Such a text is
stored with a mark (U+E000) in front and its awkward characters written as `\\uXXXX`, backslashes doubled; any other
text is stored as it is. A text that happens to begin with the mark is escaped too, so reading back is never ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MARK = "\ue000"
"""The beginning of every escaped text."""
_AWKWARD = re.compile("[\x00\ud800-\udfff]")
_TO_ESCAPE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|u[0-9a-f]{4})")


def storable(text: str) -> str:
    """Return `text` in a form that PostgreSQL can store; `original` reverses it."""
    if not text.startswith(MARK) and _AWKWARD.search(text) is None:
        return text
    return MARK + _TO_ESCAPE.sub(_escape, text)


def original(stored: str) -> str:
    """Return the original text of `storable`."""
    if not stored.startswith(MARK):
        return stored
    return _ESCAPED.sub(_unescape, stored[1:])


def originals(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with each of its texts as `storable` was given it."""
    return {name: original(value) if isinstance(value, str) else value for name, value in row.items()}


def storable_json(value: Any) -> Any:
    """Return a JSON value with every text in it, keys included, made storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): storable_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable_json(item) for item in value]
    return value


def original_json(stored: Any) -> Any:
    """Return the original JSON value of `storable_json`."""
    if isinstance(stored, str):
        return original(stored)
    if isinstance(stored, dict):
        return {original(key): original_json(item) for key, item in stored.items()}
    if isinstance(stored, list):
        return [original_json(item) for item in stored]
    return stored


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape(match: re.Match[str]) -> str:
    return "\\" if match[1] == "\\" else chr(int(match[1][1:], 16))
