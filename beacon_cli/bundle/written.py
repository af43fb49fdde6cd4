"""Shows people the result of `bundle`, and keeps it off a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from beacon_cli.bundle.write import WrittenBundle
from beacon_cli.console.formatting import quantity, size
from beacon_cli.console.printable import printable
from beacon_cli.console.program_name import command
from beacon_cli.console.result import write_stderr
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
    path = written.path

    def show(console: Console) -> None:
        if path is None:
            write_stderr("".join(f"{fact}\n" for fact in (*_missing(written), *_facts(written))))
            return
        answers = quantity(written.executions, "answer")
        how_large = "" if written.bytes is None else f" ({size(written.bytes)}, {answers})"
        console.print(f"{printable(path)}{how_large}", soft_wrap=True)
        for missing in _missing(written):
            console.print(missing, style="bold red")
        for fact in _facts(written):
            console.print(fact, soft_wrap=True)
        console.print(f"next:   {command('verify bundle', path)}", soft_wrap=True)

    return show


def _missing(written: WrittenBundle) -> Iterator[str]:
    if not written.complete:
        yield "incomplete: answers are missing, as the bundle says"


def _facts(written: WrittenBundle) -> Iterator[str]:
    yield f"signed with {written.signed_by}" if written.signed_by else "not signed"
    yield f"to cite it: SHA-256 of its manifest {written.manifest_sha256}"
