"""Where a verification writes its progress: one redrawn line on a terminal, lines elsewhere. Always on stderr."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator

from beacon_cli.console.diagnostics import is_quiet
from beacon_cli.console.printable import printable
from beacon_cli.console.result import write_stderr
from beacon_cli.console.terminal import can_redraw
from beacon_cli.verification.verify import NOTIFY_EVERY_SECONDS

_CLEAR = "\r\x1b[2K"


@contextlib.contextmanager
def countdown() -> Iterator[tuple[Callable[[str], None], float]]:
    """Yield the function that writes progress, and its interval in seconds. A redrawn line disappears at the end.

    With --quiet nothing is written.
    """
    if is_quiet():
        yield lambda _: None, NOTIFY_EVERY_SECONDS
        return
    if not can_redraw():
        yield lambda line: write_stderr(f"{printable(line)}\n"), NOTIFY_EVERY_SECONDS
        return
    try:
        yield _redraw, 1.0
    finally:
        write_stderr(_CLEAR)


def write_line(line: str) -> None:
    """Write a line that stays, also while another one is redrawn."""
    write_stderr(f"{_CLEAR if can_redraw() else ''}{printable(line)}\n")


def _redraw(line: str) -> None:
    width = shutil.get_terminal_size().columns - 1
    write_stderr(f"{_CLEAR}{printable(line)[:width]}")
