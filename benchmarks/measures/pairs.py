"""The answers on which the measures of distance are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("pairs.txt")


@dataclass(frozen=True, slots=True)
class Pair:
    """What is said; the same in other words; with a negation more or less; with another number."""

    language: str
    said: str
    reworded: str
    negated: str
    renumbered: str


def pairs() -> list[Pair]:
    """Return all of them, in the order of the file."""
    found, language = [], ""
    for block in _FILE.read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        for line in lines:
            if line.startswith("["):
                language = line.strip("[]")
        if texts := [line for line in lines if not line.startswith("[")]:
            found.append(Pair(language, *texts))
    return found
