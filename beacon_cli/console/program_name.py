"""The name under which this program was called: every command that is shown to a user can be typed as shown."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_NAME = "beacon"
_UV = "UV"  # uv sets it to its own path, for what `uv run` and `uvx` start


def command(words: str, *values: str) -> str:
    """Return a command line of this program, such as `.venv/bin/beacon show quickstart-1`.

    `words` is used unchanged; each of `values` becomes one word, quoted for the shell if necessary.
    """
    return " ".join([program(), words, *map(shlex.quote, values)])


@cache
def program() -> str:
    """Return what to type to call this program again, quoted for the shell."""
    return shlex.join(words_of_uv() or words_to_call(sys.argv[0], sys.orig_argv, trust_path=_UV not in os.environ))


@cache
def words_of_uv() -> tuple[str, ...]:
    """Return the words with which `uv run` or `uvx` was told to start this program; none if it was started otherwise.

    uv waits for the program that it starts, so they are in the command line of the parent process.
    """
    if _UV not in os.environ:
        return ()
    import psutil

    try:
        return typed_for_uv(psutil.Process(os.getppid()).cmdline(), sys.argv[1:])
    except psutil.Error:
        return ()


def typed_for_uv(process: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the words before this program's own `arguments` in the command line of a process of uv.

    There are none if it is another process. `uvx` becomes `uv tool uvx`, which nobody types.
    """
    words = tuple(process[: len(process) - len(arguments)])
    if not words or Path(words[0]).name != "uv" or list(process[len(words) :]) != list(arguments):
        return ()
    if words[1:3] == ("tool", "uvx"):
        return ("uvx" if shutil.which("uvx") else str(Path(words[0]).with_name("uvx")), *words[3:])
    return words


def words_to_call(called: str, original: list[str], *, trust_path: bool = True) -> list[str]:
    """Return the words that call the program: its name if the shell finds it, else its path as it was written.

    Without `trust_path` the user's shell has another PATH. If another program started it, such as a test, it cannot be
    typed like that: then its name.
    """
    path = Path(called)
    if path.name == "__main__.py" and path.parent.name == "beacon_cli":
        return [original[0] if original else "python", "-m", "beacon_cli"]
    if path.stem != _NAME or len(path.parts) == 1 or (trust_path and _is_on_path(called)):
        return [_NAME]
    return [called]


def _is_on_path(called: str) -> bool:
    found = shutil.which(_NAME)
    try:
        return found is not None and Path(found).samefile(called)
    except OSError:
        return False
