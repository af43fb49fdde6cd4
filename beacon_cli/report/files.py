"""The file of a report: its name, and how it is written completely or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from beacon_cli.console.output_file import opened
from beacon_cli.errors import UsageError

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 80


def default_name(job_id: str, *, what: str = "report", ending: str = "html") -> str:
    """Return a file name for a job's report, or for something else that is made of a job.

    An id that had to be changed for it gets a hash to stay unique.
    """
    safe = _UNSAFE.sub("-", job_id)[:_LONGEST].strip("-.")
    if safe != job_id:
        digest = hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        safe = f"{safe}-{digest}".strip("-.")
    return f"beacon-{what}-{safe}.{ending}"


def require_free_stdout(*, as_json: bool, open_it: bool) -> None:
    """Raise `UsageError` if a report cannot be written to stdout."""
    if as_json or open_it:
        flag = "--json prints a document on stdout" if as_json else "--open opens a file"
        raise UsageError(f"{flag}, so the report needs a file", hint="name one with -o FILE")
    if sys.stdout.isatty():
        raise UsageError("a report is HTML, which is not written to a terminal", hint="name a file with -o FILE")


@contextlib.contextmanager
def replacing(path: Path | None) -> Iterator[TextIO]:
    """Yield a file that replaces `path` at the end; if something goes wrong, nothing is left. None means stdout.

    Raises `EnvironmentFault` if it cannot be written.
    """
    with opened(path) as stream:
        file = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
        try:
            yield file
        finally:
            file.detach()  # which also writes the rest; stdout stays open
