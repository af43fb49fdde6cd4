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
    start = _start(list(lines.values()), limit)
    lead = "…" if start else ""
    shown = {
        text: lead + cut(printable(line[start : start + 4 * limit]), limit - len(lead)) for text, line in lines.items()
    }
    alike: dict[str, dict[str, str]] = {}
    for text, line in lines.items():
        alike.setdefault(shown[text], {})[text] = line
    for group in alike.values():
        if 1 < len(group) < len(lines):  # these differ from each other only further on
            shown |= _shown(group, limit)
    return shown


def _start(lines: Sequence[str], limit: int) -> int:
    """Return where the excerpts begin: 0, or at a word shortly before the lines differ."""
    first, last = min(lines, default=""), max(lines, default="")
    shared = next(
        (place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first)
    )
    if first == last or shared < limit * 2 // 3 or all(len(printable(line)) <= limit for line in lines):
        return 0
    earliest = shared - limit // 3
    return lines[0].find(" ", earliest, shared) + 1 or earliest
