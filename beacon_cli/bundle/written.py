"""Shows people the result of `bundle`, and keeps it off a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.bundle.write import WrittenBundle
from beacon_cli.console.formatting import quantity, size
from beacon_cli.console.printable import printable
from beacon_cli.console.program_name import command
from beacon_cli.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


def require_free_stdout(*, as_json: bool) -> None:
    """Raise `UsageError` if a bundle cannot be written to stdout."""
    if as_json:
        raise UsageError("--json prints a document on stdout, so the bundle needs a file", hint="name one with -o FILE")
    if sys.stdout.isatty():
        raise UsageError("a bundle is a zip, which is not written to a terminal", hint="name a file with -o FILE")


def show_bundle(written: WrittenBundle) -> Callable[[Console], None] | None:
    """Return a function that prints what was written; None if the bundle itself went to stdout."""
    path, size_of_file = written.path, written.bytes
    if path is None:
        return None

    def show(console: Console) -> None:
        how_large = "" if size_of_file is None else f" ({size(size_of_file)}, {quantity(written.executions, 'answer')})"
        console.print(f"{printable(path)}{how_large}", soft_wrap=True)
        if not written.complete:
            console.print("incomplete: answers are missing, as the bundle says", style="bold red")
        signed = f"signed with {written.signed_by}" if written.signed_by else "not signed"
        console.print(signed, soft_wrap=True)
        console.print(f"to cite it: SHA-256 of its manifest {written.manifest_sha256}", soft_wrap=True)
        console.print(f"next:   {command('verify bundle', path)}", soft_wrap=True)

    return show
