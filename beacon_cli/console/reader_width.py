"""The line width for reading pages of text, in a terminal or in a pager."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def reader_width(console: Console) -> int:
    """Return the console's width, or the terminal's if stdout is a pipe on a terminal (`| less`)."""
    if not console.is_terminal and "COLUMNS" not in os.environ and _is_pipe():
        with contextlib.suppress(OSError, ValueError, AttributeError):  # no terminal, a closed stderr, none at all
            return os.get_terminal_size(sys.stderr.fileno()).columns or console.width
    return console.width


def _is_pipe() -> bool:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    return False
