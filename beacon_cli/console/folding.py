"""Breaks text into lines of a width in terminal columns: wide characters take two."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

_NARROWEST = 2
# Blanks, words, and the characters of East Asian scripts, after which a line may break.
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_TOKENS = re.compile(rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+")


def folded(text: str, width: int) -> list[str]:
    """Return the lines of a printable text, each at most `width` columns wide; words are cut only if necessary.

    Line ends and indentation are kept. There is always at least one line.
    """
    width = max(width, _NARROWEST)
    return [line for paragraph in text.split("\n") for line in _fold(paragraph, width)]


def wrapped(text: str, width: int, *, taken: int = 0) -> list[str]:
    """Return the lines of a printable text, broken at blanks alone: a longer word has a line of its own, uncut.

    `taken` columns of the first line are in use already.
    """
    lines = [""]
    for word in text.split():
        before = taken if len(lines) == 1 else 0
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if (lines[-1] or before) and before + cell_len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def padded(line: str, width: int) -> str:
    """Return the line, filled with blanks to `width` columns."""
    return line + " " * (width - cell_len(line))


def _fold(paragraph: str, width: int) -> Iterator[str]:
    if cell_len(paragraph) <= width:
        yield paragraph.rstrip()
        return
    line, used = "", 0
    for token in _TOKENS.findall(paragraph):
        size = cell_len(token)
        if used + size > width:
            if line.strip():
                yield line.rstrip()
            line, used = "", 0
            if token.isspace():
                continue
            *full, token = chop_cells(token, width) if size > width else [token]
            yield from full
            size = cell_len(token)
        line, used = line + token, used + size
    if line.strip():
        yield line.rstrip()
