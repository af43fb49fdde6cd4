"""Pages of the documentation in the terminal: in a pager if there is one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from beacon_cli.signals import held

if TYPE_CHECKING:
    from rich.console import Console


def show_pages(pages: Mapping[str, Path]) -> Callable[[Console], None]:
    """Return a function that lists the pages by kind, with name and title."""
    from beacon_cli.command_line.documents import KINDS, title

    lines: list[str] = []
    for kind, names in groupby(pages, key=lambda name: pages[name].parent.name):
        listed = list(names)
        width = max(map(len, listed))
        lines += ["", KINDS[kind]] if kind in KINDS else []
        lines += [f"  {name.ljust(width)}  {title(pages[name])}" for name in listed]
    return lambda _console: _write("".join(f"{line}\n" for line in lines))


def show_page(path: Path) -> Callable[[Console], None]:
    """Return a function that shows a page: on a terminal in `$PAGER`, else `less`; elsewhere as plain text."""

    def show(_console: Console) -> None:
        text = path.read_text(encoding="utf-8")
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            _write(text)
            return
        import pydoc

        os.environ.setdefault("LESS", "FRX")  # as git does: a short page is just printed, and stays on the screen
        with held():  # while the pager is open, Ctrl-C is for the pager
            pydoc.pager(text)

    return show


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
