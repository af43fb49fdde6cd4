"""The texts on which refusals are trained and measured."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TRAINING = Path(__file__).with_name("training.txt")
HELD_OUT = Path(__file__).with_name("held_out.txt")
HELD_OUT_LATER = Path(__file__).with_name("held_out_later.txt")
_ORDERS = (
    ("refusal", "answer"),
    ("answer", "refusal"),
    ("refusal", "refusal"),
    ("refusal", "answer", "answer"),
    ("answer", "refusal", "answer"),
    ("answer", "answer", "refusal"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its language, its kind (`plain`, `hard`, `near` or `long`), and what a person calls it.

    `number` counts below its heading.
    """

    language: str
    kind: str
    label: str
    number: int
    text: str


def examples(path: Path) -> Iterator[Example]:
    """Yield the texts of a file: one a line, below headings such as `[en plain refusal]`; `#` begins a comment."""
    heading, number = ("", "", ""), 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            language, kind, label = line.strip("[]").split()
            heading, number = (language, kind, label), 0
        elif line and not line.startswith("#"):
            yield Example(*heading, number, line)
            number += 1


def joined(texts: Iterable[Example], of_each: int) -> Iterator[str]:
    """Yield answers of two or three texts of one language, a refusal among them: so many of each order and language."""
    ordered = sorted(texts, key=lambda each: (each.language, each.label))
    groups = {key: list(some) for key, some in itertools.groupby(ordered, key=lambda each: (each.language, each.label))}
    chance = random.Random(1)
    for language, label in groups:
        if label == "refusal" and (language, "answer") in groups:
            for order, _ in itertools.product(_ORDERS, range(of_each)):
                yield " ".join(chance.choice(groups[language, label]).text for label in order)
