"""The result of one check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from beacon_cli.console.printable import excerpt

Verdict = Literal["pass", "fail", "warn", "skip"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict of one check. Only `fail` makes the audit fail; `skip` means that there was nothing to judge."""

    name: str
    status: Verdict
    detail: str


def with_examples(text: str, examples: Iterable[str], total: int) -> str:
    """Return `text: a, b, …`, each example safe to print, with `…` if there are more."""
    shown = [excerpt(example, 120) for example in examples]
    if not shown:
        return text
    return f"{text}: {', '.join(shown)}{', …' if total > len(shown) else ''}"
