"""Opening the files that a job is read from."""

from __future__ import annotations

import contextlib
import errno
import stat
from pathlib import Path
from typing import BinaryIO

from beacon_cli.errors import JobFileError
from beacon_cli.job.document import Document, located
from beacon_cli.job.json_reader import read_json
from beacon_cli.job.yaml_reader import read_yaml

MAX_BYTES = 5_000_000
"""The size of the largest job file; questions in a file of their own have no such limit."""
BOM = b"\xef\xbb\xbf"


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; raises `OSError`, also for a pipe or a device, which could make us wait."""
    try:
        mode = path.stat().st_mode
    except ValueError as error:
        raise OSError(errno.EINVAL, "not a file name") from error
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is a folder" if stat.S_ISDIR(mode) else "not a regular file")
    return path.open("rb")


def reason(error: OSError) -> str:
    """Return what the operating system says, as the end of a sentence."""
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]


def read_document(path: Path) -> Document:
    """Return what the job file holds: a `.json` file is JSON, any other YAML 1.2 (or JSON).

    Raises `JobFileError` when it cannot be read, is too large, or is neither UTF-8 nor well formed.
    """
    source = str(path)
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = "give the path of a job file, as YAML or JSON"
        raise JobFileError(f"{source}: {reason(error)}", hint=hint) from error
    if len(data) > MAX_BYTES:
        raise JobFileError(
            f"{source}: larger than {MAX_BYTES:,} bytes",
            hint="put the questions into a file of their own: questions: {file: questions.jsonl}",
        )
    bare = data.removeprefix(BOM)
    text = decoded(source, bare, offset=len(data) - len(bare))
    if path.suffix.lower() == ".json":
        return read_json(source, text)
    if text.lstrip().startswith("{"):
        # JSON under another name. YAML 1.2 means to take all of it; ruamel.yaml splits surrogate pairs.
        with contextlib.suppress(JobFileError):
            return read_json(source, text)
    return read_yaml(source, text)


def decoded(source: str, data: bytes, *, first_line: int = 1, offset: int = 0) -> str:
    """Return UTF-8 bytes, which start `offset` bytes into the file, as text.

    Raises `JobFileError` that names the byte.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = first_line + before.count(b"\n")
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        raise located(
            source,
            line,
            column,
            "",
            f"not UTF-8 text: byte 0x{data[error.start]:02x} at offset {offset + error.start}",
            "save the file with the encoding UTF-8",
        ) from error
