"""The distance between two answers, from 0 (the same) to 1 (nothing in common)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import numpy as np
from rapidfuzz.distance import Indel

from beacon_cli.console.joiners import JOINER, NON_JOINER

Distance = Callable[[str, str], float]
"""A measure of distance between two answers: symmetric, 0 for equal answers, at most 1."""

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = ("Mn", "Mc", "Me")
_SYMBOLS = ("Sm", "Sc", "So")
_LAST = 0x1FFFF  # of the planes that contain natural text
_LAYOUT = "|~"  # of tables and the like
_EMOJI_MARKS = "\ufe0f\U0001f3fb-\U0001f3ff"  # the sign for coloured presentation, and colours of skin


@cache
def word_pattern() -> re.Pattern[str]:
    """Return the pattern that finds the words of a text.

    A word is a run of letters and digits with their marks (accents, vowel signs, joiners); in scripts without spaces
    between words (Chinese, Japanese), a character; and a symbol (`+`, `€`, `✅`, an emoji of several joined ones, the
    sign of a number). Punctuation is left out.
    """
    marks, symbols = _characters(_MARKS) + NON_JOINER + JOINER, _characters(_SYMBOLS)
    symbol = rf"[{symbols}#%&@](?:[{_EMOJI_MARKS}]*{JOINER}[{symbols}])*"
    return re.compile(rf"[{_CJK}][{marks}]*|(?:[^\W_{_CJK}][{marks}]*)+|{symbol}|(?<![^\s(\[])-(?=\d)")


def words(text: str) -> list[str]:
    """Return the words of a text as they are compared: regardless of case and of the encoding of accents."""
    return [folded(word) for word in word_pattern().findall(text)]


def folded(word: str) -> str:
    """Return a word in the form in which it is compared."""
    return word.lower() if word.isascii() else unicodedata.normalize("NFC", word.casefold()).replace("\u2212", "-")


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


def lexical(one: str, other: str) -> float:
    """Return the share of the words of both answers that are not in their longest common subsequence."""
    return Indel.normalized_distance(_kept_words(one), _kept_words(other))


@lru_cache(maxsize=1024)  # about the number of answers to one question: each is compared with all others
def _kept_words(text: str) -> tuple[str, ...]:
    return tuple(words(text))


MEASURES: dict[str, Distance] = {"lexical": lexical}
"""Every measure by its name. Add new ones here."""


def distances(answers: Sequence[str], measure: Distance) -> np.ndarray:
    """Return the distance of every answer from every other, as a symmetric matrix."""
    different = list(dict.fromkeys(answers))
    matrix = np.zeros((len(different), len(different)))
    for row, one in enumerate(different):
        for column in range(row):
            matrix[row, column] = matrix[column, row] = measure(one, different[column])
    places = {text: place for place, text in enumerate(different)}
    index = [places[text] for text in answers]
    return matrix[np.ix_(index, index)]
