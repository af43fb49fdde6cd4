"""Shows a checkup to people: a line for each condition, what to do below it, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.checkup.condition import Checkup, Condition
from beacon_cli.console.formatting import quantity
from beacon_cli.console.hanging import print_hanging
from beacon_cli.console.printable import printable
from beacon_cli.console.redaction import redacted
from beacon_cli.console.terminal import can_encode

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "–"}
_ASCII_MARKS = {"ok": "ok", "warning": "!", "failed": "FAIL", "skipped": "-"}
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def show_checkup(checkup: Checkup) -> Callable[[Console], None]:
    """Return a function that prints the checkup on a console."""

    def show(console: Console) -> None:
        from rich.text import Text

        marks = _MARKS if can_encode("".join(_MARKS.values()), console) else _ASCII_MARKS
        width = max(len(condition.name) for condition in checkup.conditions)
        for condition in checkup.conditions:
            _print_condition(condition, marks, width, console)
        console.print()
        line = Text.assemble(("not ok", "bold red") if checkup.problems else ("ok", "bold green"), ": ")
        print_hanging(line, _verdict(checkup), console, indent=len(line))

    return show


def _print_condition(condition: Condition, marks: dict[str, str], width: int, console: Console) -> None:
    from rich.text import Text

    mark = f"{marks[condition.status]:<{max(map(len, marks.values()))}} "
    line = Text(mark, style=_STYLES[condition.status])
    line.append(f"{condition.name:<{width}}  ", style="bold" if condition.status == "failed" else "none")
    print_hanging(line, printable(redacted(condition.what)), console, indent=len(mark) + 2)
    if condition.next:
        do = Text(" " * (len(mark) + 2) + "do: ")
        print_hanging(do, printable(redacted(condition.next)), console, indent=len(do))


def _verdict(checkup: Checkup) -> str:
    counts = checkup.counts
    warned = f", {quantity(counts['warning'], 'warning')}" if counts["warning"] else ""
    if checkup.problems:
        names = ", ".join(each.name for each in checkup.conditions if each.status == "failed")
        return f"{quantity(counts['failed'], 'check')} failed{warned}: {names}"
    return f"nothing failed{warned}"
