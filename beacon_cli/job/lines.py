"""The lines of a file of questions, bounded, so that a file of any size takes little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from beacon_cli.job.document import located
from beacon_cli.job.files import BOM

MAX_LINE_BYTES = 1_000_000
"""The maximum length of a line in a file of questions, which bounds memory."""
LONE_RETURN = "the line holds a carriage return that ends no line: end lines with a line feed, as editors do today"
"""What is wrong with a line of text that has one; files of old Macs have no other ends of lines."""


def read_lines(source: str, file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, offset and bytes of each line, without a byte order mark.

    Raises `JobFileError` for a line that is too long.
    """
    number, offset = 0, 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            hint = "a question's text is much shorter: look for a missing line break"
            raise located(source, number, 1, "", f"the line is longer than {MAX_LINE_BYTES:,} bytes", hint)
        if number == 1 and line.startswith(BOM):
            line, offset = line[len(BOM) :], len(BOM)
        yield number, offset, line
        offset += len(line)
