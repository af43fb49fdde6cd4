"""Tells the joiners that a script or an emoji needs from those that only hide something in a text.

Sources: Unicode Standard Annex #31, section 2.3.1 (contexts A1, A2 and B); Unicode Technical Standard #51, section 1.4
(emoji ZWJ sequences); for the Bengali ya-phalaa after ra, the Unicode Standard, section 12.2.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

NON_JOINER, JOINER = "\u200c", "\u200d"
_REACH = 8  # characters on either side that are looked at: a letter rarely has more than two marks
_CURSIVE = frozenset({"ARABIC", "SYRIAC", "MANDAIC", "NKO", "MONGOLIAN", "ADLAM", "HANIFI", "MANICHAEAN", "SOGDIAN"})
_VIRAMA = 9  # the canonical combining class of viramas

_EMOJI = r"[\u2194-\u21aa\u2300-\u27bf\u2900-\u2bff\U0001f000-\U0001faff]"
_EMOJI_BEFORE = rf"{_EMOJI}\ufe0f?\Z"
# Characters as `_kind` names them: L letter, V virama, M another mark.
_LETTER_BEFORE = r"LM*\Z"
_LETTER_AFTER = r"M*L"
_VIRAMA_BEFORE = r"L[MV]*VM*\Z"


def is_needed(text: str, place: int) -> bool:
    """Return whether the joiner or non-joiner at `place` changes how the characters around it are written.

    A non-joiner is needed between two letters of a cursive script, and after a virama before a letter; a joiner after a
    virama, between a letter and a virama, and inside an emoji. Unicode's data on which letters join is not at hand, so
    a non-joiner counts as needed after every letter of a cursive script, also after those that never join.
    """
    before, after = text[max(0, place - _REACH) : place], text[place + 1 : place + 1 + _REACH]
    kinds_before, kinds_after = "".join(map(_kind, before)), "".join(map(_kind, after))
    if text[place] == NON_JOINER:
        letter = re.match(_LETTER_AFTER, kinds_after)
        return letter is not None and (
            re.search(_VIRAMA_BEFORE, kinds_before) is not None or _same_cursive_script(before, after[letter.end() - 1])
        )
    if re.search(_VIRAMA_BEFORE, kinds_before):
        return not kinds_after.startswith(("M", "V"))
    if kinds_after.startswith("VL") and re.search(_LETTER_BEFORE, kinds_before):
        return True
    return bool(re.search(_EMOJI_BEFORE, before) and re.match(_EMOJI, after))


def _same_cursive_script(before: str, letter: str) -> bool:
    """Return whether the last letter of `before` is of the cursive script of `letter`."""
    script = _script(letter)
    base = next((character for character in reversed(before) if _kind(character) != "M"), "")
    return script in _CURSIVE and base != "" and _kind(base) == "L" and _script(base) == script


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    if unicodedata.combining(character) == _VIRAMA:
        return "V"
    category = unicodedata.category(character)[0]
    return category if category in "LM" else "-"


def _script(letter: str) -> str:
    """Return the first word of a letter's name, which for the scripts here is that of its script."""
    return unicodedata.name(letter, "").partition(" ")[0]
