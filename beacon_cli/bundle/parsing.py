"""Reads the JSON of a bundle, which anybody may have written, with a limit on what it may take in memory."""

from __future__ import annotations

import json
from typing import Any

from beacon_cli.door import MAX_VALUES, finite, refuse_constant, require_few_values

MOST_IN_A_DOCUMENT = 10_000_000
"""The maximum number of values in a document: those of a comparison of 100,000 questions."""
MOST_IN_A_LINE = 4 * MAX_VALUES
"""The maximum number of values in a line: an answer and its receipt, each of the largest size, and some more."""


def parsed(content: bytes, most: int) -> Any:
    """Return the JSON value in some bytes.

    Raises `ValueError` for anything else, for more than `most` values, and for what other programs may read differently
    from this one: an object that has a key twice, and numbers that JSON does not have, or that are too large.
    """
    text = content.decode()
    require_few_values(text, most)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=refuse_constant, parse_float=finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it has a key twice")
    return found
