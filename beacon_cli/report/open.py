"""Opens a file in the user's browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from beacon_cli.console.result import write_stderr


def open_in_browser(path: Path) -> None:
    """Open a file in the browser; if there is none, report that on stderr."""
    try:
        opened = webbrowser.open(path.as_uri())
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        write_stderr("no browser could be started: open the file yourself\n")
