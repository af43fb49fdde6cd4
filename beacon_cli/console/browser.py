"""Opens a file in the user's browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beacon_cli.console.result import write_stderr

_TEXT_BROWSERS = {"www-browser", "links", "elinks", "lynx", "w3m"}
"""Those that `webbrowser` falls back to: they take the terminal over, and the report needs a window."""


def open_in_browser(path: Path, *, instead: str = "open the file yourself") -> None:
    """Open a file in `$BROWSER`, or in one with windows; if there is none, write to stderr what to do `instead`.

    What the browser writes goes to stderr: stdout has the result.
    """
    try:
        browser = webbrowser.get()
        wanted = bool(os.environ.get("BROWSER")) or getattr(browser, "name", "") not in _TEXT_BROWSERS
        with _stdout_on_stderr():
            opened = wanted and browser.open(path.as_uri())
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        write_stderr(f"no browser could be started: {instead}\n")


@contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    """Let programs that are started in this block write to stderr what they write to stdout."""
    sys.stdout.flush()
    stdout = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
