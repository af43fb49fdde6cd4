"""A zip whose bytes depend on nothing but what is written into it: fixed times, modes and settings."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

from beacon_cli.bundle.manifest import Listed

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)  # of zip files
UNIX = 3
"""The system of a bundle's zip, as zip files number them."""
MODE = stat.S_IFREG | 0o644
"""The mode of each of its files."""
_BUFFERED = 1 << 18


class Archive:
    """Writes files into a zip, one after the other, in memory that does not grow. `listed` says what was written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(stream, "w", compression=zipfile.ZIP_DEFLATED)
        self.listed: dict[str, Listed] = {}

    @contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """Yield a stream for the bytes of a file; it may become larger than 4 GiB."""
        with self._zip.open(_info(name), "w", force_zip64=True) as stream:
            hashed = _Hashed(stream)
            with io.BufferedWriter(hashed, _BUFFERED) as buffered:
                yield buffered
        self.listed[name] = Listed(name, hashed.size, hashed.sha256)

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write a whole file piece by piece."""
        with self.member(name) as stream:
            stream.writelines(pieces)

    def close(self) -> None:
        """Write the end of the zip."""
        self._zip.close()


class _Hashed(io.RawIOBase):
    """Passes bytes on, and counts and hashes them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Write all of `data`."""
        data = bytes(data)
        self._stream.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written."""
        return self._digest.hexdigest()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _BEGINNING_OF_TIME)
    info.create_system = UNIX
    info.external_attr = MODE << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
