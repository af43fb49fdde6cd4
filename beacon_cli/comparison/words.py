"""The words of a text, as they are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from beacon_cli.console.joiners import JOINER, NON_JOINER

if TYPE_CHECKING:
    from budoux import Parser

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_THAI = r"\u0e01-\u0e3a\u0e40-\u0e4e"
_LAO = r"\u0e81-\u0ecd\u0edc-\u0edf"
_BURMESE = r"\u1000-\u103f\u1050-\u108f\u109a-\u109d\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"
_KHMER = r"\u1780-\u17d3\u17dc\u17dd"
_SINGLE = _CJK + _LAO + _BURMESE + _KHMER
_STACKED = r"\u1039\u17d2"  # what a consonant has before another one that is written below it
_MARKS = ("Mn", "Mc", "Me")
_SYMBOLS = ("Sm", "Sc", "So")
_LAST = 0x1FFFF  # of the planes that contain natural text
_LAYOUT = "|~"  # of tables and the like
_EMOJI_MARKS = "\ufe0f\U0001f3fb-\U0001f3ff"  # the sign for coloured presentation, and colours of skin
_QUOTES = '"“”„‟«»‹›「」『』《》〈〉＂'
_QUESTIONS, _EXCLAMATIONS = "?？؟⁇", "!！‼"
_SAME = str.maketrans({"\u2212": "-", "’": "'", **dict.fromkeys(_QUOTES, '"'), **dict.fromkeys("？؟", "?"), "！": "!"})


@cache
def word_pattern() -> re.Pattern[str]:
    """Return the pattern that finds the words of a text; its group `thai` is a stretch of several Thai words.

    A word is a run of letters and digits with their marks (accents, vowel signs, joiners), with an apostrophe between
    letters, and with the signs inside a number, a date, a time or a version (`1,000.5`, `2024-05-01`, `10:30`,
    `1.2.3`). In other scripts without spaces between words (Chinese, Japanese, Lao, Khmer, Burmese) it is a letter with
    its marks. Symbols (`+`, `€`, an emoji of several joined ones, the sign of a number), quotation, question and
    exclamation marks are words too. Other punctuation is left out.
    """
    marks, symbols = _characters(_MARKS) + NON_JOINER + JOINER, _characters(_SYMBOLS)
    letters = rf"[^\W_{_SINGLE}{_THAI}]+"
    inside = rf"[{marks}]+|(?<=\d)[.,:/٫٬\u00a0\u202f](?=\d)|(?<=[^\W\d_])['’](?=[^\W\d_])"
    alternatives = (
        r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)",
        rf"{letters}(?:(?:{inside})(?:{letters})?)*",
        rf"(?P<thai>[{_THAI}][{_THAI}{marks}]*)",
        rf"[{_SINGLE}](?:[{marks}]*[{_STACKED}][{_SINGLE}])*[{marks}]*",
        rf"[{symbols}#%&@](?:[{_EMOJI_MARKS}]*{JOINER}[{symbols}])*",
        r"(?<![^\s(\[])-(?=\d)",
        rf"[{_QUOTES}{_QUESTIONS}{_EXCLAMATIONS}]",
    )
    return re.compile("|".join(alternatives))


def word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each word of a text begins and ends."""
    for match in word_pattern().finditer(text):
        if match["thai"] is None:
            yield match.span()
        else:
            yield from _thai_spans(match["thai"], match.start())


def words(text: str) -> list[str]:
    """Return the words of a text as they are compared: regardless of case, of the encoding of accents, and of the form
    of quotation marks."""
    return [folded(text[start:end]) for start, end in word_spans(text)]


def folded(word: str) -> str:
    """Return a word in the form in which it is compared."""
    return word.lower() if word.isascii() else unicodedata.normalize("NFC", word.casefold()).translate(_SAME)


def _thai_spans(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield where each word of a stretch of Thai begins and ends; the stretch begins at `start`."""
    for word in _thai_words(text):
        yield start, start + len(word)
        start += len(word)


@lru_cache(maxsize=4096)
def _thai_words(text: str) -> tuple[str, ...]:
    return tuple(_thai_parser().parse(text))


@cache
def _thai_parser() -> Parser:
    from budoux import load_default_thai_parser

    return load_default_thai_parser()


def _characters(categories: tuple[str, ...]) -> str:
    """Return the characters of some Unicode categories, as ranges for a regular expression."""
    codes = (
        code for code in range(_LAST) if unicodedata.category(chr(code)) in categories and chr(code) not in _LAYOUT
    )
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
