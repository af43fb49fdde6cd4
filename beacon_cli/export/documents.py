"""JSON documents as the endpoint sent them. They stay text: numbers keep their digits, and no depth is too much."""

from __future__ import annotations

import json
import re

from beacon_cli.store.text import MARK, original_json

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def original_document(stored: str) -> str:
    """Return the JSON text of a document whose texts were made storable, with NUL and lone surrogates as escapes."""
    if MARK not in stored:
        return stored
    try:
        return json.dumps(original_json(json.loads(stored)))
    except (ValueError, RecursionError):  # from another system: nothing in it was made storable
        return stored


def ascii_document(document: str) -> str:
    """Return the same JSON in ASCII. Other characters occur only inside strings, where they can be escapes."""
    return document if document.isascii() else _BEYOND_ASCII.sub(_escaped, document)


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
