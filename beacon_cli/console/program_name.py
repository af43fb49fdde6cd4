"""The name under which this program was called: every command that is shown to a user can be typed as shown."""

from __future__ import annotations

import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

_NAME = "beacon"


def command(words: str, *values: str) -> str:
    """Return a command line of this program, such as `.venv/bin/beacon show quickstart-1`.

    `words` is used unchanged; each of `values` becomes one word, quoted for the shell if necessary.
    """
    return " ".join([program(), words, *map(shlex.quote, values)])


@cache
def program() -> str:
    """Return what to type to call this program again, quoted for the shell."""
    return shlex.join(words_to_call(sys.argv[0], sys.orig_argv))


def words_to_call(called: str, original: list[str]) -> list[str]:
    """Return the words that call the program: its name if the shell finds it, else its path as it was written.

    If another program started it, such as a test, it cannot be typed like that: then its name.
    """
    path = Path(called)
    if path.name == "__main__.py" and path.parent.name == "beacon_cli":
        return [original[0] if original else "python", "-m", "beacon_cli"]
    if path.stem != _NAME or len(path.parts) == 1 or _is_on_path(called):
        return [_NAME]
    return [called]


def _is_on_path(called: str) -> bool:
    found = shutil.which(_NAME)
    try:
        return found is not None and Path(found).samefile(called)
    except OSError:
        return False
