"""Whether an answer is a refusal, by a rule that users can read and replace."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from beacon_cli.comparison.languages import Language, is_known, spoken_in
from beacon_cli.comparison.soft_signs import withheld_by_soft_signs
from beacon_cli.comparison.words import words
from beacon_cli.console.input_file import input_name, meant_file, opened_input, reason
from beacon_cli.errors import UsageError

Label = Literal["refusal", "answer", "unknown"]

_LOOKED_AT = 300  # characters from the start of an answer, for what refuses
_READ_ON = 2_000  # characters after it, for an answer that follows
_ANSWER = 4  # words after "but" that are an answer
_UNSPACED_ANSWER = 8  # the same in Chinese and Japanese, where a word is a character
_LONG_ANSWER = 60  # words after a refusal that are an answer without "but"
_TYPOGRAPHIC = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})
_QUOTATION = re.compile(
    r""""[^"\n]{1,400}"|(?<!\w)'[^'\n]{1,400}'(?!\w)|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|«[^»\n]{1,400}»|「[^」\n]{1,400}」"""
)
_SENTENCE = re.compile(r"[^.!?;。！？；।؟\n]+")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer is. `words` are those that refuse; None if it is no refusal.

    `caveat` says that words that refuse were found, and an answer after them.
    """

    label: Label
    words: str | None = None
    caveat: bool = False


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """Tells refusals from answers. `source` names where the rule comes from. `judged` judges the texts of answers: many
    at once cost less than one by one."""

    source: str
    judged: Callable[[Sequence[str]], list[Judgement]]

    def hit(self, answer: str) -> str | None:
        """Return the words because of which an answer is a refusal; None if it is not."""
        return self.judged([answer])[0].words


def built_in_rule() -> RefusalRule:
    """Return the rule of `refusals.toml` in this package."""
    return RefusalRule("built in", lambda answers: list(map(judged_by_rules, answers)))


def rule_of_file(path: Path) -> RefusalRule:
    """Return the rule in a file or stdin: one regular expression per line, `#` begins a comment. Raises `UsageError`.

    An answer is a refusal if one of them matches in its first 300 characters.
    """
    source = input_name(path)
    try:
        with opened_input(path, "the rule for refusals") as stream:
            lines = stream.read().decode("utf-8-sig").splitlines()
    except UnicodeError as error:
        raise UsageError(f"{source}: the rule for refusals cannot be read: it is not UTF-8") from error
    except OSError as error:
        raise UsageError(
            f"{source}: the rule for refusals cannot be read: {reason(error)}", hint=meant_file(path, error).rstrip()
        ) from error
    patterns = tuple(_patterns(source, lines))

    def judged(answer: str) -> Judgement:
        beginning = answer[:_LOOKED_AT].translate(_TYPOGRAPHIC)
        found = next((match[0] for pattern in patterns if (match := pattern.search(beginning))), None)
        return Judgement("answer" if found is None else "refusal", found)

    return RefusalRule(source, lambda answers: list(map(judged, answers)))


def judged_by_rules(answer: str) -> Judgement:
    """Return what an answer is: a refusal if its beginning refuses and no answer follows, `unknown` in a language that
    is not known. docs/explanation/refusals.md has the rule in words."""
    return _judged(answer[: _LOOKED_AT + _READ_ON])


@lru_cache(maxsize=4096)  # repeats and regions often give the same answer
def _judged(beginning: str) -> Judgement:
    text = beginning.translate(_TYPOGRAPHIC)
    spoken = _without_quotations(text)
    spoken_languages = spoken_in(beginning)
    for language in spoken_languages:
        if (refusal := _refusal(spoken, language)) is not None:
            start, end = refusal
            answered = _is_answered(spoken[end:], language)
            return Judgement("answer", caveat=True) if answered else Judgement("refusal", text[start:end])
    for language in spoken_languages:
        if (withheld := withheld_by_soft_signs(spoken, language)) is not None:
            start, end = withheld
            return Judgement("refusal", text[start:end])
    return Judgement("answer" if is_known(beginning) else "unknown")


def _refusal(text: str, language: Language) -> tuple[int, int] | None:
    """Return where the beginning of a text refuses first, unless it only gives no exact figure."""
    hits = (match.span() for pattern in _compiled(language.refuses) for match in pattern.finditer(text[:_LOOKED_AT]))
    hedges = _pattern(language.hedges)
    return min((hit for hit in hits if not hedges.search(_sentence_around(text, hit))), default=None)


def _is_answered(rest: str, language: Language) -> bool:
    """Return whether what follows a refusal is an answer after all: after a turn such as "but", or at length."""
    least = _UNSPACED_ANSWER if language.script in ("HAN", "KANA") else _ANSWER
    turn = _pattern(language.turns).search(rest)
    if turn is not None and _substance(rest[turn.end() :], language) >= least:
        return True
    return _substance(rest, language) >= _LONG_ANSWER


def _substance(text: str, language: Language) -> int:
    """Return the number of words in sentences that neither refuse nor only offer something else."""
    empty = (_pattern(language.elsewhere), *_compiled(language.refuses))
    sentences = (match[0] for match in _SENTENCE.finditer(text))
    return sum(len(words(sentence)) for sentence in sentences if not any(each.search(sentence) for each in empty))


def _sentence_around(text: str, hit: tuple[int, int]) -> str:
    start = max(text.rfind(mark, 0, hit[0]) for mark in ".!?;。！？；।؟\n") + 1
    end = _SENTENCE.match(text, hit[1])
    return text[start : end.end() if end else hit[1]]


def _without_quotations(text: str) -> str:
    """Return a text of the same length with its quotations blank, unless it is little more than a quotation."""
    spoken = _QUOTATION.sub(lambda match: " " * len(match[0]), text)
    return spoken if spoken == text or len(words(spoken)) > 1 else text


@cache
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(map(_pattern, patterns))


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _patterns(source: str, lines: Iterable[str]) -> Iterator[re.Pattern[str]]:
    found = False
    for number, line in enumerate(lines, 1):
        if not (text := line.strip()) or text.startswith("#"):
            continue
        try:
            yield re.compile(text, re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise UsageError(f"{source}:{number}: not a regular expression: {error}") from error
        found = True
    if not found:
        raise UsageError(f"{source}: the rule for refusals has no pattern")
