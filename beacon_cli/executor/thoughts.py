"""Separates what a model thought from what it answered. Reasoning models write the thought first, between marks."""

from __future__ import annotations

import re

# DeepSeek-R1, Qwen3 and others write <think>…</think>. Some chat templates already contain the opening mark, so that
# the text begins inside the thought; then the closing mark stands on a line of its own. Other marks in a text belong to
# the answer, which may be about them.
_NAMES = "think|thinking|thought|reasoning"
_OPENING = re.compile(rf"[\s\ufeff]*<({_NAMES})>", re.IGNORECASE)
_CLOSING = {name: re.compile(f"</{name}>", re.IGNORECASE) for name in _NAMES.split("|")}
_MARK = re.compile(rf"(?P<opening><(?:{_NAMES})>)|^[ \t]*</(?:{_NAMES})>[ \t]*$", re.IGNORECASE | re.MULTILINE)


def split_thought(text: str) -> tuple[str | None, str]:
    """Return the thought at the beginning of `text`, None if there is none, and the answer after it.

    Several thoughts in a row are one, a blank line between each two. A thought that never ends is all there is: the
    answer is empty. A pair of marks with nothing between them is no thought.
    """
    thoughts, end = [], 0
    while (found := _next_thought(text, end)) is not None:
        thought, end = found
        thoughts.append(thought)
    answer = text[end:].lstrip() if thoughts else text
    return "\n\n".join(filter(None, thoughts)) or None, answer


def answer_text(response: str | None) -> str:
    """Return the part of a response that is judged: without a thought."""
    return split_thought(response)[1] if response else ""


def _next_thought(text: str, start: int) -> tuple[str, int] | None:
    """Return the thought that begins at `start`, and where it ends with its mark; None if an answer begins there."""
    if opening := _OPENING.match(text, start):
        begin = opening.end()
        closing = _CLOSING[opening[1].lower()].search(text, begin)
        return (text[begin:].strip(), len(text)) if closing is None else _between(text, begin, closing)
    mark = _MARK.search(text, start) if "</" in text else None  # most texts have none, and the search is slow
    return None if mark is None or mark["opening"] else _between(text, start, mark)


def _between(text: str, begin: int, closing: re.Match[str]) -> tuple[str, int]:
    return text[begin : closing.start()].strip(), closing.end()
