"""Write the reference of all commands into docs/reference/commands.md, from their help; with --check only compare."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["COLUMNS"] = "82"  # the help leaves two of them free

import typer

from beacon_cli.command_line.documents import documents_folder
from beacon_cli.command_line.help_text import help_of
from beacon_cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
MARK = "<!-- Below: python scripts/command_reference.py -->\n"


def reference() -> str:
    """Return a section for the program, and for each command."""
    root = typer.main.get_command(app)
    return "".join(section(path) for path in ["", *paths(root)])


def paths(group: Any, before: str = "") -> Iterator[str]:
    """Yield the words of each command, such as `db migrate`."""
    for name, command in group.commands.items():
        yield f"{before}{name}"
        if hasattr(command, "commands"):
            yield from paths(command, f"{before}{name} ")


def section(path: str) -> str:
    root = typer.main.get_command(app).make_context("beacon", [], resilient_parsing=True)
    help_text = help_of(root, path.split())
    shown = help_text.replace(f"{documents_folder()}{os.sep}", "docs/")
    return f"\n## {f'beacon {path}'.strip()}\n\n```text\n{shown.rstrip()}\n```\n"


written = PAGE.read_text(encoding="utf-8")
wanted = written.partition(MARK)[0] + MARK + reference()
if "--check" not in sys.argv:
    PAGE.write_text(wanted, encoding="utf-8")
elif written != wanted:
    sys.exit("docs/reference/commands.md is not what the help says: python scripts/command_reference.py")
