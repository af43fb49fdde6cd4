"""What became of a cell, as it is compared: an outcome, and the text if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from beacon_cli.records.stored_answer import StoredExecution

Outcome = Literal["answered", "refused", "empty", "blocked", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("answered", "refused", "empty", "blocked", "failed")
"""What can become of a cell. `refused` is an answer with text that the rule for refusals finds."""

_BY_STATUS: dict[str, Outcome] = {"empty": "empty", "blocked": "blocked", "failed": "failed", "timeout": "failed"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one repeat in one group. `text` is empty unless the outcome is `answered` or `refused`."""

    group: str
    repeat: int
    outcome: Outcome
    text: str = ""

    @property
    def has_text(self) -> bool:
        """Whether there is a text to compare."""
        return self.outcome in ("answered", "refused")


def reply_of(execution: StoredExecution, group: str, *, refuses: bool) -> Reply | None:
    """Return what became of a cell; None if it was cancelled, so that nothing is known of it."""
    if execution.status == "completed":
        return Reply(group, execution.repeat, "refused" if refuses else "answered", execution.text)
    outcome = _BY_STATUS.get(execution.status)
    return outcome and Reply(group, execution.repeat, outcome)


def counted(replies: Sequence[Reply]) -> dict[str, dict[Outcome, int]]:
    """Return the number of each outcome in each group, in the order in which the groups come."""
    counts: dict[str, dict[Outcome, int]] = {}
    for reply in replies:
        mine = counts.setdefault(reply.group, {})
        mine[reply.outcome] = mine.get(reply.outcome, 0) + 1
    return counts
