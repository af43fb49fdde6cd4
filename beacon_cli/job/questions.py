"""A job's questions: what an id, a text and a tag may be, and the digest by which two sets are told apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from beacon_cli.console.printable import excerpt
from beacon_cli.job.lanes import Question
from modal_deployment.limits import MAX_PROMPT_CHARACTERS

MAX_ID = 255
MAX_TAG = 64
MAX_TAGS = 20
# Tags stand between blanks or commas in files of questions and in exports.
_TAG = re.compile(r"[^\s,]+")


class QuestionSource(Protocol):
    """A job's questions in order; they can be iterated more than once."""

    @property
    def count(self) -> int:
        """The number of questions."""

    @property
    def sha256(self) -> str:
        """The SHA-256 over all ids, texts and tags in order: equal for a list and a file of the same questions."""

    def __iter__(self) -> Iterator[Question]: ...


def id_problem(question_id: str) -> str:
    """Return why a text cannot be a question's id, or an empty text."""
    if not question_id:
        return "a question's id must not be empty"
    if len(question_id) > MAX_ID:
        return f"a question's id must have at most {MAX_ID} characters, not {len(question_id)}"
    if question_id != question_id.strip():
        return "a question's id must not start or end with white space"
    return "" if question_id.isprintable() else "a question's id must contain only printable characters"


def text_problem(text: str) -> str:
    """Return why a text cannot be asked, or an empty text."""
    if len(text) > MAX_PROMPT_CHARACTERS:
        return f"a question's text must not be longer than {MAX_PROMPT_CHARACTERS} characters, and this has {len(text)}"
    return "" if text.strip() else "a question's text must not be empty"


def tags_problem(tags: Sequence[str]) -> str:
    """Return why these cannot be the tags of a question, or an empty text."""
    if len(tags) > MAX_TAGS:
        return f"a question must have at most {MAX_TAGS} tags, and this has {len(tags)}"
    if len(set(tags)) < len(tags):
        repeated = next(tag for tag in tags if tags.count(tag) > 1)
        return f'the tag "{excerpt(repeated, 40)}" is repeated'
    return next(filter(None, map(_tag_problem, tags)), "")


def _tag_problem(tag: str) -> str:
    if len(tag) > MAX_TAG:
        return f"a tag must have at most {MAX_TAG} characters, not {len(tag)}"
    if _TAG.fullmatch(tag) and tag.isprintable():
        return ""
    return f'a tag must be printable, without white space and commas, and "{excerpt(tag, 40)}" is not'


@dataclass(frozen=True, slots=True)
class QuestionList:
    """Questions in the job file itself."""

    questions: tuple[Question, ...]
    count: int = field(init=False)
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        digest = Digest()
        digest.update(self.questions)
        object.__setattr__(self, "count", len(self.questions))
        object.__setattr__(self, "sha256", digest.hexdigest())

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)


class Digest:
    """A running SHA-256 of questions; a length precedes each part, so that one cannot look like two.

    A question without tags adds nothing for them, and a tag begins as no question does.
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.count = 0

    def update(self, questions: Iterable[Question]) -> None:
        """Add the questions, in their order."""
        for question in questions:
            question_id, text = question.id.encode(), question.text.encode()
            self._sha256.update(b"%d:%b%d:%b" % (len(question_id), question_id, len(text), text))
            for tag in map(str.encode, question.tags):
                self._sha256.update(b"#%d:%b" % (len(tag), tag))
            self.count += 1

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was added so far."""
        return self._sha256.hexdigest()
