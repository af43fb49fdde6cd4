"""Files that a command reads: by name, or from stdin; and which file may be meant by a name that is not there."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError

STDIN = Path("-")
"""In place of a file: stdin."""

_ALIKE = 0.7  # how similar a name must be to be suggested
_SUGGESTED = 2


def input_name(path: Path) -> str:
    """Return what errors and results call a file."""
    return "<stdin>" if path == STDIN else str(path)


@contextlib.contextmanager
def opened_input(path: Path, what: str) -> Iterator[BinaryIO]:
    """Yield the bytes of a file, or of stdin; somebody at a terminal reads `what` is expected. Raises `OSError`."""
    if path != STDIN:
        with path.open("rb") as stream:
            yield stream
        return
    if sys.stdin.isatty():
        from beacon_cli.console.result import write_stderr

        write_stderr(f"reading {what} from the terminal; end it with Ctrl-D\n")
    yield sys.stdin.buffer


def require_stdin_once(*paths: Path | None) -> None:
    """Raise `UsageError` if two of the files that a command reads are stdin."""
    if paths.count(STDIN) > 1:
        raise UsageError("- stands for stdin, which can be read only once", hint="name a file for the others")


def reason(error: OSError) -> str:
    """Return the operating system's reason, as the end of a sentence."""
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]


def meant_file(path: Path, error: OSError, *, suffixes: Collection[str] = ()) -> str:
    """Return `did you mean …? ` for a file that does not exist, with the names in its folder that are like its own.

    `suffixes`, such as `.yaml`, are those of the files that can be meant; without them, all can. The text is empty if
    nothing is alike, or if `error` is another one.
    """
    if error.errno != errno.ENOENT:
        return ""
    import difflib

    known: list[str] = []
    with contextlib.suppress(OSError):
        known = [each.name for each in path.parent.iterdir() if not suffixes or each.suffix.lower() in suffixes]
    near = difflib.get_close_matches(path.name, sorted(known), n=_SUGGESTED, cutoff=_ALIKE)
    named = " or ".join(excerpt(str(path.with_name(name)), 1000) for name in near)
    return f"did you mean {named}? " if named else ""
