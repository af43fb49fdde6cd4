"""The words of an answer that another one does not have."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from rapidfuzz.distance import Indel

from beacon_cli.comparison.words import word_spans, words


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, and whether its words are unique to it."""

    text: str
    own: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """The words, by number, that two texts have in common in the same order, and their share of both texts."""

    reference: frozenset[int]
    text: frozenset[int]
    share: float


def shared_words(reference: str, text: str) -> Shared:
    """Return the longest common subsequence of the words of two texts, regardless of case and punctuation."""
    ours, theirs = words(reference), words(text)
    common = [code for code in Indel.opcodes(ours, theirs) if code.tag == "equal"]
    in_reference = frozenset(place for code in common for place in range(code.src_start, code.src_end))
    in_text = frozenset(place for code in common for place in range(code.dest_start, code.dest_end))
    count = len(ours) + len(theirs)
    return Shared(in_reference, in_text, 2 * len(in_text) / count if count else 1.0)


def pieces(text: str, shared: Collection[int]) -> tuple[Piece, ...]:
    """Return a text in pieces: words that are not shared are its own; all pieces together are `text`."""
    return tuple(_pieces(text, shared))


def _pieces(text: str, shared: Collection[int]) -> Iterator[Piece]:
    done = 0
    for start, end in _own_stretches(text, shared):
        if start > done:
            yield Piece(text[done:start], own=False)
        yield Piece(text[start:end], own=True)
        done = end
    if done < len(text):
        yield Piece(text[done:], own=False)


def _own_stretches(text: str, shared: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield the positions of words that are not shared, neighbours together."""
    stretch: tuple[int, int] | None = None
    for number, (start, end) in enumerate(word_spans(text)):
        if number not in shared:
            stretch = (stretch[0] if stretch else start, end)
        elif stretch:
            yield stretch
            stretch = None
    if stretch:
        yield stretch
