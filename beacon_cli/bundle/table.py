"""Shows people what `verify bundle` found: a line per check, what was only hashed, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from beacon_cli.audit.table import print_check_line
from beacon_cli.bundle.keys import AUTHOR
from beacon_cli.bundle.verify import VerifiedBundle
from beacon_cli.console.hanging import print_hanging
from beacon_cli.console.printable import excerpt

if TYPE_CHECKING:
    from rich.console import Console


def show_verified(verified: VerifiedBundle) -> Callable[[Console], None]:
    """Return a function that prints it on a console."""

    def show(console: Console) -> None:
        from rich.text import Text

        for check in verified.checks:
            print_check_line(check, console)
        if verified.not_recomputed:
            console.print("\nonly checked to be unchanged, not computed anew:")
            for unchecked in verified.not_recomputed:
                print_hanging(Text("  "), unchecked, console, indent=4)
        console.print()
        style, word, text = _verdict(verified)
        line = Text.assemble((word, style), ": ")
        print_hanging(line, text, console, indent=len(line))
        for fact in _facts(verified):
            console.print(fact, soft_wrap=True)

    return show


def _verdict(verified: VerifiedBundle) -> tuple[str, str, str]:
    failed = [check.name for check in verified.checks if check.status == "fail"]
    if failed:
        return "bold red", "not ok", f"failed: {', '.join(failed)}"
    if verified.error:
        return "bold red", "not ok", "not everything could be checked"
    missing = ", but answers are missing" if verified.complete is False else ""
    return "bold green", "ok", f"unchanged, and its rows give the same audit and verdicts{missing}"


def _facts(verified: VerifiedBundle) -> Iterator[str]:
    if verified.job_id is not None:
        yield f"job:    {excerpt(verified.job_id, 255)}"
    if verified.signer not in (None, AUTHOR):
        yield f"signer: {excerpt(verified.signer or '', 255)}"
    if verified.manifest_sha256 is not None:
        yield f"cite:   SHA-256 of its manifest {verified.manifest_sha256}"
