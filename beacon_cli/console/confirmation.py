"""Asks before something is destroyed: only on a terminal, since a script cannot answer."""

from __future__ import annotations

import sys

from beacon_cli.console.result import write_stderr
from beacon_cli.errors import ProblemsFound, UsageError
from beacon_cli.signals import Interrupted


def require_confirmation(question: str) -> None:
    """Ask a question on the terminal. Raises `ProblemsFound` unless the answer is yes; without a terminal it passes."""
    if not _on_a_terminal():
        return
    write_stderr(f"{question} [y/N] ")
    if _answer().strip().lower() not in ("y", "yes"):
        raise ProblemsFound("nothing was changed: it was not confirmed", hint="answer y, or add --yes")


def require_answerable(*, as_json: bool) -> None:
    """Raise `UsageError` where nobody can be asked: without a terminal, or with `--json`."""
    if as_json or not _on_a_terminal():
        why = "with --json" if as_json else "without a terminal"
        raise UsageError(
            f"nothing was changed: {why} nobody can be asked", hint="add --yes, or look first with --dry-run"
        )


def _answer() -> str:
    try:
        answer = sys.stdin.readline()
    except Interrupted as interrupted:
        interrupted.hint = "nothing was changed"
        write_stderr("\n")
        raise
    if not answer:  # Ctrl-D
        write_stderr("\n")
    return answer


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
