"""Excerpts of texts that differ: each shows the place where it differs from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from beacon_cli.console.printable import cut, printable


def differing_excerpts(texts: Sequence[str], limit: int = 80) -> list[str]:
    """Return an excerpt of each text on one line, printable, at most `limit` characters, with `…` where it was cut.

    What all of them begin with is left out where the excerpts would otherwise end before the texts differ.
    """
    lines = {text: " ".join(text.split()) for text in texts}
    shown = _shown(lines, limit)
    return [shown[text] for text in texts]


def _shown(lines: Mapping[str, str], limit: int) -> dict[str, str]:
    shared = _shared(list(lines.values()))
    left_out = max(0, shared - limit)
    parts = {text: printable(line[left_out : shared + limit + 1]) for text, line in lines.items()}
    start = _start(list(parts.values()), limit, cut_before=left_out > 0)
    lead = "…" if start or left_out else ""
    shown = {text: lead + cut(part[start:], limit - len(lead)) for text, part in parts.items()}
    alike: dict[str, dict[str, str]] = {}
    for text, line in lines.items():
        alike.setdefault(shown[text], {})[text] = line
    for group in alike.values():
        if 1 < len(group) < len(lines):  # these differ from each other only further on
            shown |= _shown(group, limit)
    return shown


def _start(parts: Sequence[str], limit: int, *, cut_before: bool) -> int:
    """Return where the excerpts begin in the printable parts: 0, or at a word shortly before these differ."""
    shared = _shared(parts)
    if not cut_before and (shared < limit * 2 // 3 or all(len(part) <= limit for part in parts)):
        return 0
    earliest = max(0, shared - limit // 3)
    return parts[0].find(" ", earliest, shared) + 1 or earliest


def _shared(lines: Sequence[str]) -> int:
    """Return how many characters all lines begin with alike; 0 if the lines are all the same."""
    first, last = min(lines, default=""), max(lines, default="")
    pairs = enumerate(zip(first, last, strict=False))
    return 0 if first == last else next((place for place, (one, other) in pairs if one != other), len(first))
