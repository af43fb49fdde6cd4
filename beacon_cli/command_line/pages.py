"""Pages of the documentation in the terminal: in a pager if there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from beacon_cli.console.hanging import print_hanging
from beacon_cli.console.terminal import can_redraw
from beacon_cli.signals import held

if TYPE_CHECKING:
    from rich.console import Console

_WIDEST = 100  # longer lines are hard to read
# A link to another page; those to other places stay.
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:)([^)#\s]*)(?:#[^)\s]*)?\)")


def show_pages(pages: Mapping[str, Path]) -> Callable[[Console], None]:
    """Return a function that lists the pages by kind, with name and title."""

    def show(console: Console) -> None:
        from rich.text import Text

        from beacon_cli.command_line.documents import KINDS, title

        for kind, names in groupby(pages, key=lambda name: pages[name].parent.name):
            listed = list(names)
            width = max(map(len, listed))
            if kind in KINDS:
                console.print(f"\n{KINDS[kind]}")
            for name in listed:
                beginning = Text(f"  {name.ljust(width)}  ")
                print_hanging(beginning, title(pages[name]), console, indent=len(beginning))

    return show


def show_page(path: Path) -> Callable[[Console], None]:
    """Return a function that shows a page: on a terminal for reading, in a pager if there is one; else as it is."""

    def show(console: Console) -> None:
        text = path.read_text(encoding="utf-8")
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            _write(text)
            return
        page = _typeset(text, console)
        if not _paged(page):
            _write(page)

    return show


def _typeset(text: str, console: Console) -> str:
    """Return a page of Markdown, wrapped for the width of the terminal, in its colours."""
    from rich.markdown import Markdown

    with console.capture() as captured:
        console.print(
            Markdown(_LINK.sub(_named, text), hyperlinks=False, code_theme="ansi_dark"),
            width=min(console.width, _WIDEST),
        )
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _named(link: re.Match[str]) -> str:
    """Return the text of a link, and the page that it leads to: `how it is batched (docs batching)`."""
    text, page = link[1], Path(link[2]).stem
    return text if not page or page in text.lower().replace(" ", "-") else f"{text} (docs {page})"


def _paged(text: str) -> bool:
    """Show a text in `$PAGER`, else in `less`; return whether there was such a program."""
    pager = os.environ.get("PAGER", "less" if can_redraw(sys.stdout) else "")
    words = pager.split()
    if not words or shutil.which(words[0]) is None:
        return False
    environment = {"LESS": "FRX", **os.environ}  # as git does: a short page is just printed, and stays on the screen
    with held():  # while the pager is open, Ctrl-C is for the pager
        subprocess.run(pager, shell=True, env=environment, input=text, text=True, check=False)
    return True


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
