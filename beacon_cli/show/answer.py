"""The text and colour of one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beacon_cli.console.printable import printable

if TYPE_CHECKING:
    from beacon_cli.records.follow import Arrival
    from beacon_cli.records.stored_answer import StoredExecution

_STYLES = {"empty": "yellow", "cancelled": "magenta"}
_FAILED = "red"


class StyledText(NamedTuple):
    """A printable text, and its style."""

    text: str
    style: str


def styled(answer: StoredExecution | Arrival) -> StyledText:
    """Return the answer's text; if it is not completed, its status and what went wrong."""
    text = printable(answer.response or "").rstrip()
    if answer.status == "completed":
        return StyledText(text or "(no text)", "")
    reasons = (answer.status, answer.error_code, answer.error_message)
    reason = printable(": ".join(each for each in reasons if each))
    shown = f"({reason})" if answer.status == "empty" else reason
    return StyledText(f"{shown}\n{text}" if text else shown, _STYLES.get(answer.status, _FAILED))
