"""Asks before something is destroyed: only on a terminal, since a script cannot answer."""

from __future__ import annotations

import sys

from beacon_cli.console.result import write_stderr
from beacon_cli.errors import ProblemsFound


def require_confirmation(question: str) -> None:
    """Ask a question on the terminal. Raises `ProblemsFound` unless the answer is yes; without a terminal it passes."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    write_stderr(f"{question} [y/N] ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ProblemsFound("nothing was changed: it was not confirmed", hint="answer y, or add --yes")
