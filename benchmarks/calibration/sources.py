"""Where simulated answers come from: prose in several languages, short answers, thoughts, noise, and mixtures."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

# {a|b|c|d}: four words of which a region that words it as usual takes one of two, and one that does not the others.
_CLAUSES = Path(__file__).with_name("clauses")
# Eight ways to say the same in a line: paraphrases. The words to choose from in a clause are only near in meaning.
# The lines of contraries.txt contradict those of english.txt, in four ways.
_STATEMENTS = Path(__file__).with_name("statements")
_STATEMENTS_SAID = 6  # statements of an answer
_STOPS = {"english": ". ", "german": ". ", "spanish": ". ", "arabic": ". ", "chinese": "。", "thai": " "}
_SHORT = ("4", "4.", "Four", "The answer is 4.", "2 + 2 equals 4.", "2+2 = 4", "It is 4", "The sum of 2 and 2 is 4.")
_OTHER_SHORT = ("5", "I cannot answer that.", "The answer is 22.", "Nobody knows.")
_REFUSAL = "I'm sorry, but I can't discuss this topic. Is there something else that I can help you with?"
_LONGEST_LOOP = 200
_LIMIT = 24  # words of an answer that is cut off: about two of six clauses
_FLIPPED = 0.05  # of answers at temperature 0, those that numerics make another one
BLOCKED = "\0blocked"
"""Stands for a cell whose prompt the provider did not have answered."""


class Source(Protocol):
    """A distribution of answers."""

    def answer(self, chance: random.Random) -> str:
        """Return one answer, drawn with `chance`."""
        ...


@dataclass(frozen=True)
class Prose:
    """Clauses in about one order, some left out, with synonyms; a share `reworded` of the words is chosen elsewhere."""

    clauses: tuple[tuple[str | tuple[str, ...], ...], ...]
    reworded: float = 0.0
    omitted: float = 0.15
    swapped: float = 0.25
    stop: str = ". "

    def answer(self, chance: random.Random) -> str:
        """Return the clauses as sentences."""
        chosen = [clause for clause in self.clauses if chance.random() >= self.omitted] or [self.clauses[0]]
        for place in range(len(chosen) - 1):
            if chance.random() < self.swapped:
                chosen[place], chosen[place + 1] = chosen[place + 1], chosen[place]
        return self.stop.join(self._said(clause, chance) for clause in chosen) + self.stop.rstrip()

    def _said(self, clause: Sequence[str | tuple[str, ...]], chance: random.Random) -> str:
        return "".join(part if isinstance(part, str) else self._word(part, chance) for part in clause)

    def _word(self, synonyms: tuple[str, ...], chance: random.Random) -> str:
        half = len(synonyms) // 2
        return chance.choice(synonyms[half:] if chance.random() < self.reworded else synonyms[:half])


@dataclass(frozen=True)
class Short:
    """One of a few short answers, most of them the same."""

    answers: tuple[str, ...]
    weights: tuple[float, ...]

    def answer(self, chance: random.Random) -> str:
        """Return one of them."""
        return chance.choices(self.answers, self.weights)[0]


@dataclass(frozen=True)
class Heavy:
    """The answers of another source, of which some are cut off, and some are something else entirely."""

    source: Source
    cut: float = 0.12
    wild: float = 0.08

    def answer(self, chance: random.Random) -> str:
        """Return an answer, or what became of it."""
        words = self.source.answer(chance).split()
        fate = chance.random()
        if fate < self.cut:
            return " ".join(words[: max(1, int(len(words) * chance.uniform(0.05, 0.6)))])
        if fate < self.cut + self.wild:
            return " ".join(chance.choices(words[:4], k=chance.randint(1, _LONGEST_LOOP)))
        return " ".join(words)


@dataclass(frozen=True)
class Prefixed:
    """The answers of another source, each with the same beginning."""

    source: Source
    prefix: str

    def answer(self, chance: random.Random) -> str:
        """Return an answer with its beginning."""
        return f"{self.prefix} {self.source.answer(chance)}"


@dataclass(frozen=True)
class Cut:
    """The answers of another source, cut off after so many words."""

    source: Source
    words: int

    def answer(self, chance: random.Random) -> str:
        """Return the beginning of an answer."""
        return " ".join(self.source.answer(chance).split()[: self.words])


@dataclass(frozen=True)
class Thinking:
    """The answers of another source, each after a thought of its own."""

    source: Source
    thoughts: Source

    def answer(self, chance: random.Random) -> str:
        """Return a thought between its marks, and an answer."""
        return f"<think>{self.thoughts.answer(chance)}</think>\n\n{self.source.answer(chance)}"


@dataclass(frozen=True)
class Constant:
    """The same answer always; none at all if it is empty."""

    text: str

    def answer(self, _: random.Random) -> str:
        """Return it."""
        return self.text


@dataclass(frozen=True)
class Mixture:
    """Answers of `other` with a probability of `share`, else of `source`."""

    source: Source
    other: Source
    share: float

    def answer(self, chance: random.Random) -> str:
        """Return an answer of one of the two."""
        return (self.other if chance.random() < self.share else self.source).answer(chance)


@dataclass(frozen=True)
class Question:
    """What answers to one question are like: as usual, and, to a size from 0 to 1, not as usual."""

    usual: Source
    planted: Callable[[float], Source]


def reworded(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted are other words for the same."""
    usual = _prose(chance)[0]
    return Question(usual, lambda size: replace(usual, reworded=size))


def paraphrased(chance: random.Random, language: str = "english") -> Question:
    """Return a question answered in six statements; what is planted are the same statements, paraphrased."""
    usual = _statements(chance, language)
    return Question(usual, lambda size: replace(usual, reworded=size))


def paraphrased_in_german(chance: random.Random) -> Question:
    """Return the same in German."""
    return paraphrased(chance, "german")


def contradicted(chance: random.Random) -> Question:
    """Return a question answered in six statements; what is planted are answers that say the contrary of the first."""
    usual = _statements(chance, "english")
    contrary = replace(usual, clauses=((_contrary(usual.clauses[0]),), *usual.clauses[1:]))
    return Question(usual, lambda size: Mixture(usual, contrary, size))


def withheld(chance: random.Random) -> Question:
    """Return a question answered in six statements; what is planted are answers that leave out the first one."""
    usual = _statements(chance, "english")
    less = replace(usual, clauses=usual.clauses[1:])
    return Question(usual, lambda size: Mixture(usual, less, size))


def replaced(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted are answers that say something else."""
    usual, other = _prose(chance)
    return Question(usual, lambda size: Mixture(usual, other, size))


def heavy(chance: random.Random) -> Question:
    """Return the same with noise of heavy tails."""
    usual, other = map(Heavy, _prose(chance))
    return Question(usual, lambda size: Mixture(usual, other, size))


def scattered(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted is more noise around the same answer."""
    usual = _prose(chance)[0]
    return Question(usual, lambda size: Heavy(usual, cut=size / 2, wild=size / 2))


def prefixed(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted is a beginning of every answer, whatever the size."""
    usual = _prose(chance)[0]
    return Question(usual, lambda _: Prefixed(usual, "As an AI model:"))


def halved(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted are answers of half of its sentences."""
    usual = _prose(chance)[0]
    half = replace(usual, clauses=usual.clauses[: len(usual.clauses) // 2])
    return Question(usual, lambda size: Mixture(usual, half, size))


def resaid(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted is another first sentence, in a share of the answers."""
    usual, other = _prose(chance)
    changed = replace(usual, clauses=(other.clauses[0], *usual.clauses[1:]))
    return Question(usual, lambda size: Mixture(usual, changed, size))


def refused(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted are refusals."""
    usual = _prose(chance)[0]
    return Question(usual, lambda size: Mixture(usual, Constant(_REFUSAL), size))


def silent(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted are answers without text."""
    usual = _prose(chance)[0]
    return Question(usual, lambda size: Mixture(usual, Constant(""), size))


def short(chance: random.Random) -> Question:
    """Return a question answered in a few words; what is planted are other answers."""
    answers = tuple(chance.sample(_SHORT, 4))
    usual = Short(answers, tuple(sorted((chance.expovariate(1) ** 2 for _ in answers), reverse=True)))
    other = Short(_OTHER_SHORT, (8, 4, 2, 1))
    return Question(usual, lambda size: Mixture(usual, other, size))


def negated(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted is one word that makes the first sentence its contrary."""
    usual = replace(_prose(chance)[0], omitted=0.0, swapped=0.0)
    denied = replace(usual, clauses=(("it is not true that ", *usual.clauses[0]), *usual.clauses[1:]))
    said = replace(usual, clauses=(("it is true that ", *usual.clauses[0]), *usual.clauses[1:]))
    return Question(said, lambda size: Mixture(said, denied, size))


def renumbered(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted is another number in one sentence."""
    prose = replace(_prose(chance)[0], omitted=0.0)
    usual, other = (
        replace(prose, clauses=(*prose.clauses, (f"about {number} people were killed",))) for number in ("2,600", "200")
    )
    return Question(usual, lambda size: Mixture(usual, other, size))


def translated(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted are answers in another language."""
    usual, other = _prose(chance)[0], _prose(chance, "german")[0]
    return Question(usual, lambda size: Mixture(usual, other, size))


def multilingual(chance: random.Random) -> Question:
    """Return a question answered in one of six languages; what is planted are answers that say something else."""
    usual, other = _prose(chance, chance.choice(list(_STOPS)))
    return Question(usual, lambda size: Mixture(usual, other, size))


def thai(chance: random.Random) -> Question:
    """Return a question answered in Thai; what is planted is another first sentence."""
    usual, other = _prose(chance, "thai")
    changed = replace(usual, clauses=(other.clauses[0], *usual.clauses[1:]))
    return Question(usual, lambda size: Mixture(usual, changed, size))


def thinking(chance: random.Random) -> Question:
    """Return a question whose answers come after a thought; what is planted are answers that say something else."""
    usual, other = _prose(chance)
    thoughts = _prose(chance)[0]
    return Question(Thinking(usual, thoughts), lambda size: Thinking(Mixture(usual, other, size), thoughts))


def cut_off(chance: random.Random) -> Question:
    """Return a question whose answers are all cut off; what is planted are answers that say something else."""
    usual, other = _prose(chance)
    return Question(Cut(usual, _LIMIT), lambda size: Cut(Mixture(usual, other, size), _LIMIT))


def reluctant(chance: random.Random) -> Question:
    """Return a question that is refused in three of ten cases; what is planted are more refusals."""
    usual = Mixture(_prose(chance)[0], Constant(_REFUSAL), 0.3)
    return Question(usual, lambda size: Mixture(usual, Constant(_REFUSAL), size))


def greedy(chance: random.Random) -> Question:
    """Return a question with one answer, as at temperature 0, of which numerics make another one now and then.

    What is planted are other answers.
    """
    prose = _prose(chance)
    said, flipped, other = (Constant(source.answer(chance)) for source in (prose[0], prose[0], prose[1]))
    usual = Mixture(said, flipped, _FLIPPED)
    return Question(usual, lambda size: Mixture(usual, other, size))


def blocked(chance: random.Random) -> Question:
    """Return a question answered in prose; what is planted are prompts that the provider blocks."""
    usual = _prose(chance)[0]
    return Question(usual, lambda size: Mixture(usual, Constant(BLOCKED), size))


KINDS: dict[str, Callable[[random.Random], Question]] = {
    kind.__name__: kind
    for kind in (
        *(reworded, replaced, heavy, scattered, short, prefixed, resaid, refused, silent),
        *(paraphrased, paraphrased_in_german, contradicted, withheld),
        *(halved, negated, renumbered, translated, multilingual, thai, thinking, cut_off, reluctant, greedy, blocked),
    )
}


def _prose(chance: random.Random, language: str = "english") -> tuple[Prose, Prose]:
    """Return two sources that have no clause in common."""
    written = _lines(_CLAUSES, language)
    clauses = [_parsed(clause, chance) for clause in chance.sample(written, len(written))]
    half, stop = len(clauses) // 2, _STOPS[language]
    return Prose(tuple(clauses[:half]), stop=stop), Prose(tuple(clauses[half:]), stop=stop)


def _statements(chance: random.Random, language: str) -> Prose:
    """Return a source of six statements, each of which is usually said in four of eight ways."""
    chosen = chance.sample(_lines(_STATEMENTS, language), _STATEMENTS_SAID)
    ways = (line.split("|") for line in chosen)
    return Prose(tuple((tuple(chance.sample(each, len(each))),) for each in ways), stop=" ")


def _contrary(statement: Sequence[str | tuple[str, ...]]) -> tuple[str, ...]:
    """Return four ways, twice each, to say the contrary of an English statement."""
    lines = zip(_lines(_STATEMENTS, "english"), _lines(_STATEMENTS, "contraries"), strict=True)
    return next(tuple(contrary.split("|")) * 2 for line, contrary in lines if statement[0][0] in line.split("|"))


@cache
def _lines(folder: Path, language: str) -> list[str]:
    return (folder / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def _parsed(clause: str, chance: random.Random) -> tuple[str | tuple[str, ...], ...]:
    """Return a clause as texts and synonyms; those of a slot are in an order of their own for each question."""
    pieces = enumerate(re.split("[{}]", clause))
    return tuple(tuple(chance.sample(part.split("|"), 4)) if number % 2 else part for number, part in pieces)
