"""Whether an answer is a refusal, by a rule that users can read and replace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from beacon_cli.errors import UsageError

_LOOKED_AT = 300  # characters from the start of an answer
_TYPOGRAPHIC = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """An answer is a refusal if a pattern matches in its first 300 characters. `source` names their origin."""

    source: str
    patterns: tuple[re.Pattern[str], ...]

    def hit(self, answer: str) -> str | None:
        """Return the match of the first pattern that is in the answer; None if it is not a refusal."""
        beginning = answer[:_LOOKED_AT].translate(_TYPOGRAPHIC)
        for pattern in self.patterns:
            if found := pattern.search(beginning):
                return found[0]
        return None


def built_in_rule() -> RefusalRule:
    """Return the rule of `refusals.txt` in this package."""
    text = resources.files("beacon_cli.comparison").joinpath("refusals.txt").read_text(encoding="utf-8")
    return _rule("built in", text.splitlines())


def rule_of_file(path: Path) -> RefusalRule:
    """Return the rule in a file: one regular expression per line, `#` begins a comment. Raises `UsageError`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path}: the rule for refusals cannot be read: {reason}") from error
    return _rule(str(path), lines)


def _rule(source: str, lines: Iterable[str]) -> RefusalRule:
    patterns = []
    for number, line in enumerate(lines, 1):
        if not (text := line.strip()) or text.startswith("#"):
            continue
        try:
            patterns.append(re.compile(text, re.IGNORECASE | re.DOTALL))
        except re.error as error:
            raise UsageError(f"{source}:{number}: not a regular expression: {error}") from error
    if not patterns:
        raise UsageError(f"{source}: the rule for refusals has no pattern")
    return RefusalRule(source, tuple(patterns))
