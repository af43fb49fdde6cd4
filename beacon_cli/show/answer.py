"""The text and colour of one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beacon_cli.console.printable import printable
from beacon_cli.executor.execution import ANSWERED, ERROR_CODES

if TYPE_CHECKING:
    from beacon_cli.records.answer_pages import PageCell
    from beacon_cli.records.follow import Arrival
    from beacon_cli.records.stored_answer import StoredExecution

    ModelAnswer = StoredExecution | Arrival | PageCell

THOUGHT = "dim italic"
"""The style of a thought, which is shown in brief: it is not the answer."""

_STYLES = {"empty": "yellow", "blocked": "yellow", "cancelled": "magenta"}
_FAILED = "red"
_THOUGHT_CHARACTERS = 1000  # more than is ever shown of it
_THOUGHT_LINES = 3


class StyledText(NamedTuple):
    """A printable text, and its style."""

    text: str
    style: str


def styled(answer: StoredExecution | Arrival) -> tuple[StyledText, ...]:
    """Return an answer in parts: the thought before it, its text, and whether it was cut off.

    If it is not completed, its status and what went wrong stand before the text.
    """
    parts = []
    if thought := answer.thinking:
        parts.append(StyledText(f"(thought) {printable(thought[:_THOUGHT_CHARACTERS])}", THOUGHT))
    parts.append(_outcome(answer))
    if answer.cut_off:
        parts.append(StyledText("(cut off at max_tokens)", "yellow"))
    return tuple(parts)


def _outcome(answer: StoredExecution | Arrival) -> StyledText:
    text = printable(answer.text).rstrip()
    if answer.status == "completed":
        return StyledText(text or "(no text)", "")
    reason = printable(reason_of(answer))
    shown = f"({reason})" if answer.status in ANSWERED else reason
    return StyledText(f"{shown}\n{text}" if text else shown, _STYLES.get(answer.status, _FAILED))


def reason_of(answer: ModelAnswer) -> str:
    """Return the status of an answer, with what went wrong; it may contain anything."""
    reasons = (answer.status, answer.error_code, answer.error_message or _meaning(answer))
    return ": ".join(each for each in reasons if each)


def _meaning(answer: ModelAnswer) -> str | None:
    return ERROR_CODES.get(answer.error_code or "") if answer.status in ANSWERED else None


def brief(lines: list[str], style: str) -> list[str]:
    """Return the lines of a part of an answer: of a thought only the first ones."""
    if style != THOUGHT or len(lines) <= _THOUGHT_LINES:
        return lines
    return [*lines[:_THOUGHT_LINES], "…"]
