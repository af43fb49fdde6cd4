"""The words of one answer that no other one has: what can be told of single answers, where nothing can be tested."""

from __future__ import annotations

from collections.abc import Mapping

from beacon_cli.comparison.words import folded, word_spans

_MOST = 20


def own_words(answers: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return, for each answer, the first 20 words that are in no other one, in their order; case does not count."""
    words = {name: _words(text) for name, text in answers.items()}
    return {
        name: tuple(
            word
            for key, word in mine.items()
            if not any(key in theirs for other, theirs in words.items() if other != name)
        )[:_MOST]
        for name, mine in words.items()
    }


def _words(text: str) -> dict[str, str]:
    """Return each word as it is first written, by how it is compared."""
    found: dict[str, str] = {}
    for start, end in word_spans(text):
        found.setdefault(folded(text[start:end]), text[start:end])
    return found
