"""The file of a report: its name, and how it is written completely or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from beacon_cli.console.output_file import opened

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 80


def default_name(job_id: str) -> str:
    """Return a file name for a job's report; an id that had to be changed for it gets a hash to stay unique."""
    safe = _UNSAFE.sub("-", job_id)[:_LONGEST].strip("-.")
    if safe != job_id:
        digest = hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        safe = f"{safe}-{digest}".strip("-.")
    return f"beacon-report-{safe}.html"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Yield a file that replaces `path` at the end; if something goes wrong, nothing is left.

    Raises `EnvironmentFault` if it cannot be written.
    """
    with opened(path) as stream, io.TextIOWrapper(stream, encoding="utf-8", newline="\n") as file:
        yield file
