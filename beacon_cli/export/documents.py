"""JSON documents as the endpoint sent them. They stay texts: numbers keep their digits, and nothing is too deep."""

from __future__ import annotations

import json
import re

from beacon_cli.store.text import MARK, original_json

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def original_document(stored: str) -> str:
    """Return the JSON text of a document whose texts were made storable; NUL and lone surrogates are escapes in it."""
    if MARK not in stored:
        return stored
    try:
        return json.dumps(original_json(json.loads(stored)))
    except (ValueError, RecursionError):  # of another system: nothing in it was made storable
        return stored


def ascii_document(document: str) -> str:
    """Return the same JSON in ASCII. Whatever is beyond stands inside a string, where it can be an escape."""
    return document if document.isascii() else _BEYOND_ASCII.sub(_escaped, document)


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
