"""Opens the files that a job is read from."""

from __future__ import annotations

import errno
import re
import stat
from pathlib import Path
from typing import BinaryIO

from beacon_cli.console.input_file import STDIN, input_name, meant_file, opened_input, reason
from beacon_cli.console.program_name import command
from beacon_cli.errors import JobFileError
from beacon_cli.job.document import Document, located
from beacon_cli.job.json_reader import read_json

MAX_BYTES = 5_000_000
"""The maximum size of a job file; questions in a separate file have no such limit."""
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_MEANT_AS_JSON = re.compile(r'\s*\{\s*"')
BOM = b"\xef\xbb\xbf"


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; raises `OSError`, also for a pipe or a device, which could block."""
    try:
        mode = path.stat().st_mode
    except ValueError as error:
        raise OSError(errno.EINVAL, "not a file name") from error
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is a folder" if stat.S_ISDIR(mode) else "not a regular file")
    return path.open("rb")


def read_document(path: Path) -> Document:
    """Return the contents of the job file: a `.json` file is JSON; any other file, and stdin, is YAML 1.2 or JSON.

    Raises `JobFileError` if it cannot be read, is too large, is not UTF-8, or is not well formed.
    """
    source = input_name(path)
    try:
        data = _read(path)
    except OSError as error:
        raise JobFileError(f"{source}: {reason(error)}", hint=_hint_for(path, error)) from error
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
        return _read_either(source, text)
    return _read_yaml(source, text)


def _hint_for(path: Path, error: OSError) -> str:
    """Return what to do about a file that cannot be read, with the names of files that may be meant."""
    hint = "give the path of a job file, as YAML or JSON, or - for stdin"
    if error.errno == errno.ENOENT and str(path) == "help":
        return f"{command('help COMMAND')} explains a command; else {hint}"
    return meant_file(path, error, suffixes=_SUFFIXES) + hint


def _read(path: Path) -> bytes:
    with opened_input(path, "the job file") if path == STDIN else open_regular(path) as file:
        return file.read(MAX_BYTES + 1)


def _read_either(source: str, text: str) -> Document:
    """Read JSON under another name. YAML 1.2 should accept all of it, but ruamel.yaml splits surrogate pairs."""
    try:
        return read_json(source, text)
    except JobFileError as not_json:
        try:
            return _read_yaml(source, text)
        except JobFileError as not_yaml:
            # The name shows the format; without one, the first characters do.
            raise (not_json if source == input_name(STDIN) and _MEANT_AS_JSON.match(text) else not_yaml) from None


def _read_yaml(source: str, text: str) -> Document:
    from beacon_cli.job.yaml_reader import read_yaml  # late: its library is a tenth of the start, and JSON needs none

    return read_yaml(source, text)


def decoded(source: str, data: bytes, *, first_line: int = 1, offset: int = 0) -> str:
    """Return UTF-8 bytes, which start `offset` bytes into the file, as text.

    Raises `JobFileError` with the position of a bad byte.
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
