"""The distance between two answers, from 0 (the same) to 1 (nothing in common)."""

from __future__ import annotations

import itertools
import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from beacon_cli.console.joiners import JOINER, NON_JOINER

Measure = Callable[[Sequence[str]], np.ndarray]
"""Measures the distances between answers: a symmetric matrix, 0 for equal answers, at most 1."""

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
    letters = rf"[^\W_{_CJK}]+"
    return re.compile(rf"{letters}(?:[{marks}]+(?:{letters})?)*|[{_CJK}][{marks}]*|{symbol}|(?<![^\s(\[])-(?=\d)")


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


def lexical(answers: Sequence[str]) -> np.ndarray:
    """Return, for each two answers, the share of their words that are not in their longest common subsequence.

    It needs no words, but which are equal: each becomes a number, and the numbers are compared, all pairs at once.
    """
    numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    coded = [array("L", map(numbers.__getitem__, words(answer))) for answer in answers]
    return cdist(coded, coded, scorer=Indel.normalized_distance, dtype=np.float64)


MEASURES: dict[str, Measure] = {"lexical": lexical}
"""Every measure by its name. Add new ones here."""


def distances(answers: Sequence[str], measure: Measure) -> np.ndarray:
    """Return the distance of every answer from every other, as a symmetric matrix: equal answers are measured once."""
    places: dict[str, int] = {}
    index = [places.setdefault(text, len(places)) for text in answers]
    return measure(list(places))[np.ix_(index, index)]
