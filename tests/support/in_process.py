"""The program inside the test's process: as fast as a function, with stdout and stderr of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from dataclasses import dataclass
from typing import Any
from unittest import mock

from beacon_cli.main import program


@dataclass(frozen=True)
class Done:
    """How a command ended; `written` is stdout as bytes, `err` is stderr without the line that names the database."""

    code: int
    written: bytes
    err: str

    @property
    def out(self) -> str:
        return self.written.decode("utf-8")

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.written)
        return document


class _Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def beacon(*arguments: str, url: str, columns: int = 200, terminal: bool = False) -> Done:
    """Run a command on a database, with lines of so many columns; with a `terminal`, stdin and stdout say to be one."""
    out = io.TextIOWrapper(_Terminal() if terminal else io.BytesIO(), encoding="utf-8", write_through=True)
    err = io.StringIO()
    variables = mock.patch.dict(os.environ, COLUMNS=str(columns), BEACON_DATABASE_URL=url)
    stdin = mock.patch("sys.stdin", io.TextIOWrapper(_Terminal())) if terminal else contextlib.nullcontext()
    with variables, stdin, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = program([*arguments])
    return Done(code, out.buffer.getvalue(), without_database(err.getvalue()))


PROGRAM = "from beacon_cli.__main__ import main; main()"
"""The program for `python -c`; it calls itself `beacon`, as where the shell finds it."""


def without_database(err: str) -> str:
    """Return what is on stderr behind the first line, where that names the database."""
    return re.sub(r"\Adatabase: .* \(from (--database-url|BEACON_DATABASE_URL)\)\r?\n", "", err)
