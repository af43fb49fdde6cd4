"""Where a command writes its output: stdout, or a file that is written completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import EnvironmentFault, UsageError

STDOUT = Path("-")
"""In place of a file: stdout."""


def file_or_stdout(output: Path | None) -> Path | None:
    """Return the file that an option names; None for none, and for `-`: both mean stdout."""
    return None if output == STDOUT else output


def file_beside_stdout(output: Path | None) -> Path | None:
    """Return the file that an option names. Raises `UsageError` for `-`: stdout carries what the command reports."""
    if output == STDOUT:
        raise UsageError("- stands for stdout, which carries the result", hint="name a file, or a named pipe")
    return output


@contextlib.contextmanager
def opened(output: Path | None) -> Iterator[BinaryIO]:
    """Yield a stream of bytes to the file, or to stdout.

    A file gets its name when the block ends without an error; until then, and after an error, an older file of that
    name stays. A device or a pipe is written to directly. Raises `EnvironmentFault` if the file cannot be written.
    """
    if output is None:
        yield sys.stdout.buffer
        return
    with _explained(output):
        if output.exists() and not output.is_file():
            if output.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder")
            with output.open("wb") as stream:
                yield stream
        else:
            with _renamed_at_the_end(Path(os.path.realpath(output))) as stream:
                yield stream


@contextlib.contextmanager
def _renamed_at_the_end(path: Path) -> Iterator[BinaryIO]:
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as stream:
            yield stream
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _explained(output: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # of a named pipe: handled as for stdout
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write {excerpt(str(output), 200)}: {error.strerror or error}",
            hint="no file was written; use --output with a file that can be written",
        ) from error
