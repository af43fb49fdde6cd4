"""Consoles: stdout for answers, stderr for talk, both as the terminal and its environment want them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """Return a console that reads no markup and adds no emoji or highlighting to what it is given.

    Colour follows `NO_COLOR`, `FORCE_COLOR` and `TERM`; a pipe gets plain lines that are never cut.
    """
    from rich.console import Console

    return Console(
        stderr=stderr,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
        width=None if _has_width(stderr) else 200,
    )


def can_redraw() -> bool:
    """Whether stderr is a terminal that can redraw a live view: not with `TERM=dumb` or in `CI`."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("CI")


def _has_width(stderr: bool) -> bool:
    return (sys.stderr if stderr else sys.stdout).isatty() or "COLUMNS" in os.environ
