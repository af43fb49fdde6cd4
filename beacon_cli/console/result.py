"""The result of a command, and the one place that prints it: as a table for people, as JSON for scripts."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from beacon_cli.console.long_list import LongList, MadeList
from beacon_cli.console.printable import printable
from beacon_cli.console.redaction import redacted
from beacon_cli.console.terminal import TextStream, console, wrapped_for
from beacon_cli.errors import BeaconError

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command.

    `data` is the contract for scripts (with `as_json`); `show` prints the same for people on a Rich console bound to
    stdout; `errors` kept the command from a part of its work; `problems` are its findings, which `show` prints for
    people, and which scripts find among the errors. `quiet`: people get the errors and problems alone. `afterwards` is
    called once all is printed.
    """

    command: str
    data: Mapping[str, Any]
    exit_code: int = 0
    as_json: bool = False
    errors: tuple[BeaconError, ...] = ()
    problems: tuple[BeaconError, ...] = ()
    show: Callable[[Console], None] | None = field(default=None, compare=False)
    quiet: bool = False
    afterwards: Callable[[], None] | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0."""
        return self.exit_code == 0


def ending_with(problems: Sequence[BeaconError], show: Callable[[Console], None]) -> Callable[[Console], None]:
    """Return a function that shows a result, and then the problems that make its exit code 1."""

    def show_all(out: Console) -> None:
        show(out)
        for problem in problems:
            out.print(
                f"not ok: {printable(redacted(problem.message))}", style="bold red", soft_wrap=not out.is_terminal
            )

    return show_all


def envelope(command: str, *, ok: bool, data: Mapping[str, Any], errors: tuple[BeaconError, ...]) -> dict[str, Any]:
    """Return the one JSON document of a command, whether it failed or not."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "ok": ok,
        "data": dict(data),
        "errors": [{"code": e.code, "message": redacted(e.message), "hint": redacted(e.hint)} for e in errors],
    }


def print_result(result: CommandResult) -> None:
    """Print a result on stdout; problems of the human form go to stderr. Then do what comes afterwards."""
    _print_result(result)
    if result.afterwards is not None:
        result.afterwards()


def _print_result(result: CommandResult) -> None:
    if result.as_json:
        print_json(envelope(result.command, ok=result.ok, data=result.data, errors=(*result.errors, *result.problems)))
        return
    if result.show is not None and not result.quiet:
        result.show(console())
    for error in (*result.errors, *(result.problems if result.quiet else ())):
        print_error(error)


def print_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document and a newline on stdout, in ASCII so that no locale can fail on it."""
    for piece in json_pieces(document):
        sys.stdout.write(piece)
    sys.stdout.flush()


def json_pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a JSON document and a newline, in ASCII.

    A `LongList` or `MadeList` among its data is written item by item, never held as a whole.
    """
    mark = uuid.uuid4().hex  # a placeholder for a list; no text of the document can predict it
    lists: list[LongList | MadeList] = []

    def stand_in(value: object) -> str:
        if not isinstance(value, LongList | MadeList):
            return str(value)
        lists.append(value)
        return mark

    head, *parts = json.dumps(document, indent=2, ensure_ascii=True, default=stand_in).split(f'"{mark}"')
    yield head
    for each, part in zip(lists, parts, strict=True):
        yield from each.pieces()
        yield part
    yield "\n"


def print_error(error: BeaconError) -> None:
    """Write an error as one line to stderr, and its hint as a second one; on a terminal they wrap between words."""
    write_stderr(f"{wrapped_for(sys.stderr, f'error: {printable(redacted(error.message))}')}\n")
    if error.hint:
        write_stderr(f"{wrapped_for(sys.stderr, f'hint: {printable(redacted(error.hint))}')}\n")


def write_stderr(text: str) -> None:
    """Write a message to stderr; errors of stderr are ignored."""
    TextStream(sys.stderr).write(text)
