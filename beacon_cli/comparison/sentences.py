"""The sentences of a text."""

from __future__ import annotations

import re

MOST = 100
"""Maximum number of sentences of a text that are read."""

_SENTENCE = re.compile(
    r"(?:[^.!?。！？।؟\n]|(?<=\d)\.(?=\d)|(?<=\b[A-Z])\.(?=[A-Z]\.)|(?<=\.[A-Z])\.(?=[ ,;:]+[a-z]))+[.!?。！？।؟]*"
)  # a full stop inside a number, or of an abbreviation such as D.C., ends none
_THAI_SPACE = re.compile(r"(?<=[\u0e00-\u0e7f])[ ]+(?=[\u0e00-\u0e7f])")  # ends a clause: words have no space between
_SAYS_SOMETHING = re.compile(r"\w")


def sentences(text: str) -> list[str]:
    """Return the first 100 sentences of a text: each line, and what ends in a full stop or the like; in Thai, clauses.

    What has no letter and no digit, such as a line across the page, is left out.
    """
    parts = (part for match in _SENTENCE.finditer(text) for part in _THAI_SPACE.split(match[0]))
    return [part.strip() for part in parts if _SAYS_SOMETHING.search(part)][:MOST]
