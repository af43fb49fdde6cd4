"""Consoles: stdout for results, stderr for messages, both as the terminal and its environment require."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 200


def console(*, stderr: bool = False) -> Console:
    """Return a console without markup, emoji or highlighting.

    Colour follows `NO_COLOR`, `FORCE_COLOR`, `TERM` and `CI`. Without a terminal lines may be 200 columns long.
    Characters that the stream's encoding lacks are written as escapes.
    """
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")
    return console_on(stream)


def console_on(stream: TextIO | None) -> Console:
    """Return the same kind of console for any stream; None drops what is printed."""
    from rich.console import Console

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # Rich would exit with 1 here; main has the code for a closed stdout

    return _Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
        width=None if _has_width(stream) else _WIDTH_WITHOUT_TERMINAL,
        force_terminal=False if _in_ci() and not os.environ.get("FORCE_COLOR") else None,
    )


def line_limit(console: Console) -> int | None:
    """Return how many columns a line may have; None if neither a terminal nor `COLUMNS` sets a limit."""
    return console.width if console.is_terminal or "COLUMNS" in os.environ else None


def wrapped_for(stream: TextIO | None, line: str) -> str:
    """Return a line wrapped between words if the stream is a terminal; elsewhere it stays one line."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream is not None and stream.isatty() else 0
    except (OSError, ValueError):  # closed, or not a stream of the system
        width = 0
    if not 0 < width < len(line):
        return line
    from beacon_cli.console.folding import folded

    return "\n".join(folded(line, width))


def encodable(text: str, console: Console) -> str:
    """Return the text with escapes for characters that the console's encoding lacks (a C locale is ASCII)."""
    return text if can_encode(text, console) else text.encode(console.encoding, "backslashreplace").decode()


def can_encode(text: str, console: Console) -> bool:
    """Return whether the console's encoding has every character of a text."""
    try:
        text.encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True


def can_redraw(stream: TextIO | None = None) -> bool:
    """Return whether a stream (stderr) is a terminal that can redraw: not with `TERM=dumb` or in `CI`."""
    stream = stream if stream is not None else sys.stderr
    return _is_terminal(stream) and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "") and not _in_ci()


def speaks_unicode(stream: TextIO | None) -> bool:
    """Return whether a stream's encoding has every character, so that symbols beyond ASCII can be used."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")


class TextStream:
    """A stream for messages of a run that never stops the run.

    Characters that its encoding lacks are written as escapes; once the other end is closed, the rest is dropped.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write and flush `text`."""
        stream = self._stream
        if stream is None:
            return
        encoding = stream.encoding or "ascii"
        try:
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except BlockingIOError:  # the terminal was made non-blocking and is behind: drop this and continue
            pass
        except (OSError, ValueError):  # ValueError: the stream was closed on this side
            self._stream = None
            _discard(stream)


def _discard(stream: TextIO) -> None:
    """Point a broken stream at the null device: its remaining buffer would end the interpreter with 120."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _has_width(stream: TextIO | None) -> bool:
    return _is_terminal(stream) or "COLUMNS" in os.environ


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False
