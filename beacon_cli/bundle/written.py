"""Shows people the result of `bundle`, and keeps it off a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.bundle.write import WrittenBundle
from beacon_cli.console.formatting import quantity, size
from beacon_cli.console.printable import printable
from beacon_cli.console.program_name import command
from beacon_cli.console.terminal import console
from beacon_cli.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


def require_free_stdout(*, as_json: bool) -> None:
    """Raise `UsageError` if a bundle cannot be written to stdout."""
    if as_json:
        raise UsageError("--json prints a document on stdout, so the bundle needs a file", hint="name one with -o FILE")
    if sys.stdout.isatty():
        raise UsageError("a bundle is a zip, which is not written to a terminal", hint="name a file with -o FILE")


def show_bundle(written: WrittenBundle) -> Callable[[Console], None]:
    """Return a function that prints what was written; on stderr if the bundle itself went to stdout."""

    def show(out: Console) -> None:
        path = written.path
        if path is None:
            out = console(stderr=True)
        else:
            answers = quantity(written.executions, "answer")
            how_large = "" if written.bytes is None else f" ({size(written.bytes)}, {answers})"
            out.print(f"{printable(path)}{how_large}", soft_wrap=True)
        if not written.complete:
            out.print("incomplete: answers are missing, as the bundle says", style="bold red")
        signed = f"signed with {written.signed_by}" if written.signed_by else "not signed"
        out.print(signed, soft_wrap=True)
        out.print(f"to cite it: SHA-256 of its manifest {written.manifest_sha256}", soft_wrap=True)
        if path is not None:
            out.print(f"next:   {command('verify bundle', path)}", soft_wrap=True)

    return show
