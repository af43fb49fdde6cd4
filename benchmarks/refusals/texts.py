"""The texts on which refusals are trained and measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TRAINING = Path(__file__).with_name("training.txt")
HELD_OUT = Path(__file__).with_name("held_out.txt")
HELD_OUT_LATER = Path(__file__).with_name("held_out_later.txt")


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
