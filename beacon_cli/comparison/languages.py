"""Whether a text is in a language that is known, by its script and its commonest words.

The table is that of the refusals (`refusals.toml`): nothing else needs to know a text's language.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

_LOOKED_AT = 400  # characters from the start of a text
_FEW = 6  # words: a shorter text may have none of the commonest ones, such as a name or a number
_CERTAIN = 20  # words: a shorter text may be taken for one in a related language
_LEAST_SHARE = 0.1  # of the words of a longer text that are among the commonest ones
_SCRIPTS = {
    "LATIN": "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff",
    "CYRILLIC": "\u0400-\u052f",
    "ARABIC": "\u0620-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "DEVANAGARI": "\u0900-\u097f",
    "THAI": "\u0e01-\u0e7f",
    "HANGUL": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "KANA": "\u3040-\u30ff",
    "HAN": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
}
_WORD = re.compile(r"[^\W\d_](?:[^\W_]|[\u0300-\u036f\u0900-\u0903\u093a-\u094f'])*")


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the table: how a text in it says no. The patterns are as they stand in the table."""

    code: str
    name: str
    script: str
    common: frozenset[str]
    refuses: tuple[str, ...]
    hedges: str
    turns: str
    elsewhere: str
    sorry: str
    sees: str
    grave: str
    withholds: str
    advises: str


@cache
def languages() -> Mapping[str, Language]:
    """Return the known languages by their codes (ISO 639-1)."""
    return {
        code: Language(code, **{**entry, "common": frozenset(entry["common"].split()), "refuses": (*entry["refuses"],)})
        for code, entry in _table().items()
        if code != "others"
    }


def script_of(text: str) -> str | None:
    """Return the script that most letters of a text are in; None if there is no letter, or none of a known script.

    Japanese is told from Chinese by its syllables.
    """
    beginning = text[:_LOOKED_AT]
    if beginning.isascii():
        return "LATIN" if any(map(str.isalpha, beginning)) else None
    counts = Counter({script: len(pattern.findall(beginning)) for script, pattern in _letters().items()})
    if counts["KANA"]:
        counts["KANA"] += counts.pop("HAN")
    script, count = counts.most_common(1)[0]
    return script if 2 * count > sum(map(str.isalpha, beginning)) else None


def language_of(text: str) -> str | None:
    """Return the code of the known language that a text seems to be in; None if it is in another one, or too short."""
    return _read(text[:_LOOKED_AT]).language


def is_known(text: str) -> bool:
    """Return whether a text is in a known language, or has too few words to be in any."""
    return _read(text[:_LOOKED_AT]).known


def spoken_in(text: str) -> tuple[Language, ...]:
    """Return the languages in which a text may refuse: its own and English; all of its script if it is short."""
    read = _read(text[:_LOOKED_AT])
    return _candidates(read.script, read.language if read.words >= _CERTAIN else None)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was found out about a text; `words` is their number at its beginning."""

    script: str | None
    words: int
    language: str | None
    known: bool


@lru_cache(maxsize=16)  # asked several times about the same text
def _read(beginning: str) -> _Read:
    script = script_of(beginning)
    if script is None:
        return _Read(None, 0, None, known=not any(map(str.isalpha, beginning)))
    known = [code for code, language in languages().items() if language.script == script]
    if script not in _others():
        return _Read(script, 0, known[0], known=True)
    words = _WORD.findall(beginning.replace("’", "'").lower())
    count, code = max((_common(words, languages()[code].common), code) for code in known)
    others = max(_common(words, common) for common in _others()[script])
    if count and count >= others and count >= _LEAST_SHARE * len(words):
        return _Read(script, len(words), code, known=True)
    return _Read(script, len(words), None, known=len(words) < _FEW and not others)


def _common(words: Iterable[str], common: frozenset[str]) -> int:
    return sum(map(common.__contains__, words))


@cache
def _candidates(script: str | None, code: str | None) -> tuple[Language, ...]:
    everything = languages().values()
    return tuple(
        each for each in everything if each.code == "en" or (each.script == script and code in (None, each.code))
    )


@cache
def _others() -> Mapping[str, tuple[frozenset[str], ...]]:
    """Return the commonest words of the languages that are not known, by script."""
    others = _table()["others"]
    return {script: tuple(frozenset(common.split()) for common in each.values()) for script, each in others.items()}


@cache
def _letters() -> Mapping[str, re.Pattern[str]]:
    return {script: re.compile(f"[{ranges}]") for script, ranges in _SCRIPTS.items()}


@cache
def _table() -> dict[str, Any]:
    text = resources.files("beacon_cli.comparison").joinpath("refusals.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
