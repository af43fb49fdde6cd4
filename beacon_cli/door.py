"""The one door for everything that others wrote: answers of endpoints, headers, and the errors of libraries.

In this order, it is bounded in bytes, decoded, bounded in values and depth, parsed, and freed of our credentials in any
spelling. Only then is it passed on to rows, events and messages. Everything here is hostile input.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from beacon_cli.console.redaction import Redactor, known_secrets

MAX_BODY_BYTES = 8 * 1024 * 1024
"""The largest answer that is read."""

MAX_LISTING_BYTES = 1024 * 1024
"""The largest answer of `models` and `health` that is read."""

MAX_VALUES = 100_000
"""The maximum number of values in one JSON answer: as Python objects they take many times their bytes."""

MAX_DEPTH = 64
"""The maximum depth of a JSON answer."""

LONGEST_NAME = 200
"""Maximum characters of an id, a name, a revision or an error message that are kept; longer ones end in …"""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Which of the first four bytes are zero, in a text that begins with two ASCII characters.
_ZEROS: dict[tuple[bool, ...], str] = {
    (True, True, True, False): "utf-32-be",
    (False, True, True, True): "utf-32-le",
    (True, False, True, False): "utf-16-be",
    (False, True, False, True): "utf-16-le",
}
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class Unreadable(ValueError):
    """A body that is not JSON, or is not accepted; the text says why. It may have been cut off in transit."""

    may_be_cut_off = True


class TooMuch(Unreadable):
    """A body with too many values."""

    may_be_cut_off = False


class TooDeep(Unreadable):
    """A body that is nested too deep."""

    may_be_cut_off = False


@dataclass(frozen=True, slots=True)
class Door:
    """Lets input in. `secrets` must never come out again."""

    secrets: Redactor = field(default_factory=known_secrets)

    def text(self, value: str, limit: int = LONGEST_NAME) -> str:
        """Return a text on one line, without secrets, at most `limit` characters; `…` marks where it was cut."""
        return bounded(" ".join(self.secrets.clean(value).split()), limit)

    def name(self, value: object) -> str | None:
        """Return a text without secrets, cut to the maximum length; None for anything that is not text."""
        if not isinstance(value, str):
            return None
        return bounded(self.secrets.clean(value))

    def excerpt(self, body: bytes | bytearray, limit: int = LONGEST_NAME) -> str:
        """Return the beginning of a body, on one line. Secrets are removed before it is cut."""
        return self.text(_decoded(body, "replace"), limit)

    def document(self, body: bytes | bytearray) -> Any:
        """Return the JSON value in a body, its texts and keys without secrets. Raises `Unreadable`."""
        try:
            text = _decoded(body, "surrogatepass")
            require_few_values(text)
            value = _DECODER.decode(text)
        except TooMuch:
            raise
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
            raise Unreadable(f"it is not JSON ({type(error).__name__})") from None
        if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
            raise TooDeep(f"it is nested more than {MAX_DEPTH} deep")
        return self.secrets.clean_value(value) if self.secrets.finds_in(text) else value


def bounded(text: str, limit: int = LONGEST_NAME) -> str:
    """Return a text of at most `limit` characters; `…` marks where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _decoded(body: bytes | bytearray, errors: str) -> str:
    """Return a body as text, in any of Unicode's encodings."""
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return body.decode(encoding, errors)
    zeros = tuple(byte == 0 for byte in body[:4])
    return body.decode(_ZEROS.get(zeros, "utf-8"), errors)


def require_few_values(text: str, most: int = MAX_VALUES) -> None:
    """Raise `TooMuch` for a JSON text of more than `most` values, counted before any value is created."""
    if len(text) > most and _marks(text) > most and _marks(_STRING.sub("", text)) > most:
        raise TooMuch(f"it holds more than {most:,} values")


def _marks(text: str) -> int:
    """Return how many values a JSON text may have: one after each of these characters."""
    return sum(map(text.count, "[{,"))


def _depth(value: object) -> int:
    """Return how deep a JSON value is nested, without recursion: it may be deeper than Python's stack."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return depth


def refuse_constant(name: str) -> float:
    """Raise `ValueError` for what Python reads and JSON does not have: `NaN`, `Infinity` and `-Infinity`."""
    raise ValueError(f"{name} is not JSON")


def finite(literal: str) -> float:
    """Return a number. Raises `ValueError` for one that is too large, which programs read differently."""
    if math.isinf(number := float(literal)):
        raise ValueError(f"{literal} is not a number that JSON allows")
    return number


_DECODER = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite)
