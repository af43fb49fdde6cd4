"""Makes hostile text safe to print: an answer of a model may contain anything."""

from __future__ import annotations

import unicodedata

# Cc: C0 and C1 controls (ESC, OSC …); Cf: bidi overrides, zero-width marks; Cs: lone surrogates; Co/Cn:
# unassigned; Zl/Zp: line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """Return `text` with each character that could control a terminal as an escape (`\\x1b`, `\\u202e`)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def excerpt(text: str, limit: int = 80) -> str:
    """Return the start of `text` on one line, printable, at most `limit` characters, with `…` where cut."""
    line = printable(" ".join(text.lstrip()[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    if character == "\n":
        return "\n"
    if character == "\t":
        return "    "
    return character.encode("unicode_escape").decode("ascii")
