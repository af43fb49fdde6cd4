"""Separates what a model thought from what it answered. Reasoning models write the thought first, between marks."""

from __future__ import annotations

import re

# DeepSeek-R1, Qwen3 and others write <think>…</think>. Some chat templates already contain the opening mark, so that
# the text begins inside the thought; then the closing mark stands on a line of its own. Other marks in a text belong to
# the answer, which may be about them.
_OPENING = re.compile(r"\s*<(think|thinking|thought|reasoning)>", re.IGNORECASE)
_CLOSING = re.compile(r"^[ \t]*</(?:think|thinking|thought|reasoning)>[ \t]*$", re.IGNORECASE | re.MULTILINE)


def split_thought(text: str) -> tuple[str | None, str]:
    """Return the thought at the beginning of `text`, None if there is none, and the answer after it.

    A thought that never ends is all there is: the answer is empty.
    """
    opening = _OPENING.match(text)
    start = opening.end() if opening else 0
    if opening:
        closing = re.compile(rf"</{opening[1]}>", re.IGNORECASE).search(text, start)
        if closing is None:
            return text[start:].strip(), ""
    else:
        closing = _CLOSING.search(text)
        if closing is None:
            return None, text
    return text[start : closing.start()].strip(), text[closing.end() :].lstrip()


def answer_text(response: str | None) -> str:
    """Return the part of a response that is judged: without a thought."""
    return split_thought(response)[1] if response else ""
