"""Makes hostile text safe to print: an answer of a model may contain anything."""

from __future__ import annotations

import unicodedata

from beacon_cli.console.joiners import JOINER, NON_JOINER, is_needed

# Cc: C0 and C1 controls (ESC, OSC …); Cf: bidi overrides, zero-width marks; Cs: lone surrogates; Co/Cn:
# unassigned; Zl/Zp: line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """Return `text` with each character that could control a terminal or is invisible as an escape, such as `\\x1b`.

    Joiners stay where a script or an emoji needs them.
    """
    if text.isascii() and text.isprintable():
        return text
    if JOINER not in text and NON_JOINER not in text:
        return "".join(map(_visible, text))
    return "".join(
        character if character in (JOINER, NON_JOINER) and is_needed(text, place) else _visible(character)
        for place, character in enumerate(text)
    )


def excerpt(text: str, limit: int = 80) -> str:
    """Return the start of `text` on one line, printable, at most `limit` characters, with `…` where cut."""
    return cut(printable(" ".join(text.lstrip()[: 4 * limit].split())), limit)


def cut(line: str, limit: int) -> str:
    """Return a printable line, at most `limit` characters long, with `…` where it was cut."""
    return line if len(line) <= limit else line[: limit - 1].rstrip(JOINER + NON_JOINER) + "…"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    if character == "\n":
        return "\n"
    if character == "\t":
        return "    "
    return character.encode("unicode_escape").decode("ascii")
