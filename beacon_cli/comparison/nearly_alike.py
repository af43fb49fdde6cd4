"""Sentences that share nearly all words but say something else: another number, a negation, another name.

A measure of distance hardly sees such a difference: it is one word of twenty.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from rapidfuzz.distance import Indel

from beacon_cli.comparison.languages import language_of, spoken_in
from beacon_cli.comparison.sentences import sentences
from beacon_cli.comparison.words import folded, word_spans, words
from beacon_cli.console.printable import excerpt

Kind = Literal["number", "negation", "name"]

NEAR = 0.3
"""Maximum share of the words of two sentences that may differ."""

_MOST_WORDS = 4  # of one sentence that the other does not have
_MOST_FOUND = 10
_DIGIT = re.compile(r"\d")
_EVERY_NOUN_IS_CAPITAL = "de"


@dataclass(frozen=True, slots=True)
class NearlyAlike:
    """Two sentences, what tells them apart, and the words that only one of them has, with the names among these."""

    kinds: tuple[Kind, ...]
    one: str
    other: str
    only_one: tuple[str, ...]
    only_other: tuple[str, ...]
    names_one: tuple[str, ...] = ()
    names_other: tuple[str, ...] = ()

    def pointed_at(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what to show of each sentence: its name, if nothing else tells them apart, else the differing words.

        A sentence without a name of its own shows its differing words.
        """
        if self.kinds != ("name",):
            return self.only_one, self.only_other
        return self.names_one or self.only_one, self.names_other or self.only_other


def nearly_alike(one: str, other: str) -> tuple[NearlyAlike, ...]:
    """Return each sentence of an answer that has a near twin in the other one with another number, negation or name.

    Negations are known in the languages of the refusals; names are words with a capital letter inside a sentence, so
    they are not told in German, nor in scripts without capital letters. The first 100 sentences are read.
    """
    others = [_Sentence.read(text) for text in sentences(other)]
    negations = _negations(one)
    names = language_of(one) != _EVERY_NOUN_IS_CAPITAL
    pairs = ((mine, _nearest(mine, others)) for mine in map(_Sentence.read, sentences(one)))
    found = (_told_apart(mine, twin, negations, names=names) for mine, twin in pairs if twin is not None)
    return tuple(each for each in found if each is not None)


def marks(answer: str) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
    """Return, for each sentence of an answer, its numbers, and how often it has each kind of negation.

    Sentences that share nearly all words, but not these, say something else.
    """
    negations = _negations(answer)
    return {
        sentence: (
            tuple(word for word in words(sentence) if _DIGIT.search(word)),
            tuple(_count(each, sentence) for each in negations),
        )
        for sentence in sentences(answer)
    }


@dataclass(frozen=True, slots=True)
class NearlyAlikeGroups:
    """Sentences of two groups that are nearly alike; `groups` are in the order of `found.one` and `found.other`."""

    groups: tuple[str, str]
    found: NearlyAlike

    def line(self) -> str:
        """Return it for people, on one line."""
        one, other = (f"“{excerpt(' '.join(words), 40)}”" for words in self.found.pointed_at())
        groups = " and ".join(excerpt(name, 40) for name in self.groups)
        return f"{groups} share nearly all of a sentence, but not its {' and '.join(self.found.kinds)}: {one}, {other}"


def between_groups(answers: Mapping[str, str]) -> tuple[NearlyAlikeGroups, ...]:
    """Return what `nearly_alike` finds between an answer of each group and one of each other, at most ten."""
    pairs = itertools.combinations(answers, 2)
    found = (
        NearlyAlikeGroups(pair, each) for pair in pairs for each in nearly_alike(*(answers[name] for name in pair))
    )
    return tuple(itertools.islice(found, _MOST_FOUND))


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    words: tuple[str, ...]
    folded: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> _Sentence:
        words = tuple(text[start:end] for start, end in word_spans(text))
        return cls(text, words, tuple(map(folded, words)))

    def names(self, places: Sequence[int]) -> tuple[str, ...]:
        """Return the words at these places that begin with a capital letter, but not because the sentence begins.

        The letters of an abbreviation are one word: `D.C.`
        """
        capital = [self.words[place] for place in places if place > 0 and self.words[place][:1].isupper()]
        joined = re.sub(r"\b(\w)(?: (\w)\b)+", lambda letters: letters[0].replace(" ", ".") + ".", " ".join(capital))
        return tuple(joined.split())


def _nearest(mine: _Sentence, others: Sequence[_Sentence]) -> _Sentence | None:
    """Return the sentence with the most words in common; None if it has too few of them, or all."""
    near = min(others, key=lambda each: Indel.normalized_distance(mine.folded, each.folded), default=None)
    if near is None or not 0 < Indel.normalized_distance(mine.folded, near.folded) <= NEAR:
        return None
    return near


def _told_apart(
    one: _Sentence, other: _Sentence, negations: Sequence[re.Pattern[str]], *, names: bool
) -> NearlyAlike | None:
    codes = [code for code in Indel.opcodes(one.folded, other.folded) if code.tag != "equal"]
    only_one = tuple(place for code in codes for place in range(code.src_start, code.src_end))
    only_other = tuple(place for code in codes for place in range(code.dest_start, code.dest_end))
    if max(len(only_one), len(only_other)) > _MOST_WORDS:
        return None
    mine, theirs = tuple(one.words[place] for place in only_one), tuple(other.words[place] for place in only_other)
    tests: dict[Kind, Callable[[], bool]] = {
        "number": lambda: any(map(_DIGIT.search, (*mine, *theirs))),
        "negation": lambda: any(_count(each, one.text) != _count(each, other.text) for each in negations),
        "name": lambda: names and bool(one.names(only_one) or other.names(only_other)),
    }
    kinds = tuple(kind for kind, test in tests.items() if test())
    if not kinds:
        return None
    return NearlyAlike(kinds, one.text, other.text, mine, theirs, one.names(only_one), other.names(only_other))


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))


def _negations(text: str) -> tuple[re.Pattern[str], ...]:
    codes = [language.code for language in spoken_in(text)]
    return tuple(_patterns()[code] for code in codes)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    text = resources.files("beacon_cli.comparison").joinpath("negations.toml").read_text(encoding="utf-8")
    return {code: re.compile(pattern, re.IGNORECASE) for code, pattern in tomllib.loads(text).items()}
