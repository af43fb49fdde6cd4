"""Whether a text is in a language that is known, by its script and its commonest words.

The table is that of the refusals (`refusals.toml`): nothing else needs to know a text's language.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_LOOKED_AT = 1_000  # characters from the start of a text
_FEW = 6  # words: a shorter text may have none of the commonest ones, such as a name or a number
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
    counts = Counter({script: len(pattern.findall(beginning)) for script, pattern in _letters().items()})
    if counts["KANA"]:
        counts["KANA"] += counts.pop("HAN")
    script, count = counts.most_common(1)[0]
    return script if 2 * count > sum(map(str.isalpha, beginning)) else None


def language_of(text: str) -> str | None:
    """Return the code of the known language that a text seems to be in; None if it is in another one, or too short."""
    if (script := script_of(text)) is None:
        return None
    known = [language for language in languages().values() if language.script == script]
    if len(known) == 1 and script not in _table()["others"]:
        return known[0].code
    words = _words(text)
    code, count = _best({language.code: language.common for language in known}, words)
    _, others = _best({name: frozenset(common.split()) for name, common in _table()["others"][script].items()}, words)
    return code if count and count >= others and count >= _LEAST_SHARE * len(words) else None


def is_known(text: str) -> bool:
    """Return whether a text is in a known language, or has too few words to be in any."""
    if language_of(text) is not None:
        return True
    if script_of(text) is None:
        return not any(map(str.isalpha, text[:_LOOKED_AT]))
    words = _words(text)
    commonest = [frozenset(common.split()) for common in _table()["others"].get(script_of(text), {}).values()]
    return len(words) < _FEW and not any(word in common for common in commonest for word in words)


def _best(common: Mapping[str, Collection[str]], words: Collection[str]) -> tuple[str, int]:
    return max(((code, sum(word in these for word in words)) for code, these in common.items()), key=lambda best: best[1])


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text[:_LOOKED_AT].replace("’", "'"))]


@cache
def _letters() -> Mapping[str, re.Pattern[str]]:
    return {script: re.compile(f"[{ranges}]") for script, ranges in _SCRIPTS.items()}


@cache
def _table() -> dict[str, dict[str, dict[str, str]]]:
    text = resources.files("beacon_cli.comparison").joinpath("refusals.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
