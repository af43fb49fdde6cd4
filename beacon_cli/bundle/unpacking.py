"""Reads a zip that anybody may have made: nothing is unpacked, and every refusal names what is refused."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from beacon_cli.bundle.layout import layout_problem
from beacon_cli.bundle.manifest import Listed
from beacon_cli.bundle.names import EVERY, ROWS
from beacon_cli.console.input_file import STDIN, input_name, meant_file, opened_input, reason
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError

LARGEST_DOCUMENT = 256 * 1024 * 1024
"""The largest file but those of rows and questions, in bytes: it is read as a whole."""
LARGEST_LINE = 128 * 1024 * 1024
"""The longest line that is read, in bytes: an answer of the largest size, with every character escaped."""

_CHUNK = 1 << 20
_LARGEST = 64 * 1024**3  # bytes of all files together: a job of thirty million cells
_ENCRYPTED = 0x1
# The last three too: offsets in a damaged directory lead to places that no file has.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, RuntimeError, OSError, OverflowError, ValueError)


class BadZip(Exception):
    """A zip that is not read: the text says what is wrong, and with which file in it."""


class Unpacking:
    """An opened bundle: its files by name, read as streams.

    `layout_problem` is what the zip has beside its files that Beacon does not write, None for nothing.
    """

    def __init__(self, archive: zipfile.ZipFile, layout_problem: str | None) -> None:
        self.layout_problem = layout_problem
        self._zip = archive
        self._members = {info.filename: info for info in archive.infolist()}

    @property
    def names(self) -> frozenset[str]:
        """The names of its files."""
        return frozenset(self._members)

    @contextlib.contextmanager
    def _member(self, name: str) -> Iterator[IO[bytes]]:
        """Yield a file as a stream. Raises `BadZip` if its bytes are damaged."""
        try:
            with self._zip.open(self._members[name]) as stream:
                yield stream
        except _BROKEN as error:
            raise BadZip(f"{name} is damaged: {excerpt(str(error), 120)}") from error

    def read(self, name: str) -> bytes:
        """Return a whole document. Raises `BadZip` if it is damaged."""
        with self._member(name) as stream:
            return stream.read()

    def has_bytes(self, name: str, expected: BinaryIO) -> bool:
        """Return whether a file has exactly the bytes of a stream. Raises `BadZip` if it is damaged."""
        with self._member(name) as stream:
            while chunk := stream.read(_CHUNK):
                if chunk != expected.read(len(chunk)):
                    return False
        return not expected.read(1)

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file. Raises `BadZip` if it is damaged, or if a line is too long."""
        with self._member(name) as stream:
            while line := stream.readline(LARGEST_LINE + 1):
                if len(line) > LARGEST_LINE:
                    raise BadZip(f"{name} has a line of more than {LARGEST_LINE:,} bytes")
                yield line

    def size_of(self, name: str) -> int:
        """Return the size of a file, in bytes."""
        return self._members[name].file_size

    def measured(self, name: str) -> Listed:
        """Return the size and the SHA-256 that a file has. Raises `BadZip` if it is damaged."""
        digest, size = hashlib.sha256(), 0
        with self._member(name) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return Listed(name, size, digest.hexdigest())


@contextlib.contextmanager
def unpacking(path: Path) -> Iterator[Unpacking]:
    """Yield an opened bundle, of a file or of stdin.

    Raises `UsageError` if there is no such file, and `BadZip` for what is no zip, or holds what no bundle does.
    """
    with _opened(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise BadZip(f"it is not a zip: {excerpt(str(error), 120)}") from error
        with archive:
            _require_sound(archive)
            yield Unpacking(archive, layout_problem(file, archive))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Yield the bytes of a bundle, from any place: those of stdin are kept in a temporary file."""
    name, hint = excerpt(input_name(path), 200), "name a file that `beacon bundle` wrote, or - for stdin"
    with contextlib.ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(opened_input(path, "the bundle"))
            if path == STDIN:
                stream, file = file, stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(stream, file)
        except OSError as error:
            raise UsageError(f"cannot read {name}: {reason(error)}", hint=meant_file(path, error) + hint) from error
        except ValueError as error:
            raise UsageError(f"cannot read {name}: not a file name", hint=hint) from error
        yield file


def _require_sound(archive: zipfile.ZipFile) -> None:
    """Raise `BadZip` for a zip that is made to harm, before anything in it is read."""
    counts = Counter(info.filename for info in archive.infolist())
    for info in archive.infolist():
        if problem := _problem(info, counts[info.filename]):
            raise BadZip(f"{excerpt(info.filename, 120)}: {problem}")
    if archive.comment:
        raise BadZip("it has a comment, which no bundle has")
    if (unpacked := sum(info.file_size for info in archive.infolist())) > _LARGEST:
        raise BadZip(f"it would be {unpacked:,} bytes: no bundle is so large")


def _problem(info: zipfile.ZipInfo, count: int) -> str | None:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a symbolic link"
    if info.filename not in EVERY:
        return "no bundle has such a file"
    if count > 1:
        return f"it is there {count} times"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if info.compress_type != zipfile.ZIP_DEFLATED:
        return "it is packed in a way that bundles are not"
    if info.filename not in ROWS and info.file_size > LARGEST_DOCUMENT:
        return f"it would be {info.file_size:,} bytes; no bundle has so large a one"
    return None
