"""All bytes of a zip beside those of its files, built again as `Archive` writes them: no others are accepted."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from beacon_cli.bundle.archive import MODE, UNIX
from beacon_cli.console.printable import excerpt

# The records of a zip, as https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT has them in 4.3.7 to 4.3.16.
_HEADER = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s2B5H3L5H2L")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")

_NARROW, _WIDE = 20, 45  # the version that reading needs, without and with sizes of 64 bits
_LARGEST_NARROW = (1 << 31) - 1  # as Python's zipfile has it
_ELSEWHERE = 0xFFFFFFFF  # stands for a size of 64 bits
_TIME, _DATE = 0, 1 << 5 | 1  # 1980-01-01, 00:00
_CHUNK = 1 << 14  # a thousandfold of it, which is the most that deflate packs into it, is unpacked at once


def layout_problem(file: BinaryIO, archive: zipfile.ZipFile) -> str | None:
    """Return what a zip has that `Archive` does not write, by the name of the file where it is; None for nothing.

    The files must follow each other without a gap from the first byte, then the directory, then nothing.
    """
    position = 0
    for info in archive.infolist():
        name = excerpt(info.filename, 120)
        if info.header_offset != position:
            return f"{name}: it does not begin where the file before it ends"
        file.seek(position)
        headers = [_header(info, version) for version in (_NARROW, _WIDE)]
        if file.read(len(headers[0])) not in headers:
            return f"{name}: its header in the zip is not what the directory says, or not as bundles have it"
        if problem := _content_problem(file, info):
            return f"{name} is damaged: {problem}"
        position += len(headers[0]) + info.compress_size
    file.seek(position)
    end = _end(archive.infolist(), position)
    return None if file.read(len(end) + 1) == end else "its directory is not as bundles have it, or not the end of it"


def _content_problem(file: BinaryIO, info: zipfile.ZipInfo) -> str | None:
    """Read what is packed; return what is wrong with it if it does not end exactly where the directory says."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    left, unpacked = info.compress_size, 0
    try:
        while left and unpacked <= info.file_size and (chunk := file.read(min(left, _CHUNK))):
            left -= len(chunk)
            unpacked += len(inflate.decompress(chunk))
    except zlib.error as error:
        return excerpt(str(error), 120)
    whole = inflate.eof and not left and not inflate.unused_data and unpacked == info.file_size
    return None if whole else "it does not end where the directory of the zip says"


def _header(info: zipfile.ZipInfo, version: int) -> bytes:
    """Return what stands before a file. Older versions of Python write the narrow form, and the wide sizes as well."""
    wide = version == _WIDE or _is_large(info)
    packed, size = (_ELSEWHERE, _ELSEWHERE) if wide else (info.compress_size, info.file_size)
    extra = _wide(info.file_size, info.compress_size)
    name = info.filename.encode()
    fields = (version, 0, zipfile.ZIP_DEFLATED, _TIME, _DATE, info.CRC, packed, size, len(name), len(extra))
    return _HEADER.pack(b"PK\3\4", *fields) + name + extra


def _entry(info: zipfile.ZipInfo) -> bytes:
    """Return what the directory has of a file."""
    large = _is_large(info)
    far = info.header_offset > _LARGEST_NARROW
    extra = _wide(*((info.file_size, info.compress_size) if large else ()), *((info.header_offset,) if far else ()))
    version = _WIDE if extra or info.extract_version == _WIDE else _NARROW
    packed, size = (_ELSEWHERE, _ELSEWHERE) if large else (info.compress_size, info.file_size)
    name = info.filename.encode()
    return (
        _ENTRY.pack(
            *(b"PK\1\2", version, UNIX, version, 0, zipfile.ZIP_DEFLATED, _TIME, _DATE, info.CRC, packed, size),
            *(len(name), len(extra), 0, 0, 0, MODE << 16, _ELSEWHERE if far else info.header_offset),
        )
        + name
        + extra
    )


def _is_large(info: zipfile.ZipInfo) -> bool:
    return max(info.file_size, info.compress_size) > _LARGEST_NARROW


def _end(infos: Sequence[zipfile.ZipInfo], start: int) -> bytes:
    """Return the directory, which begins at `start`, and the record that ends the zip."""
    directory = b"".join(map(_entry, infos))
    count, size = len(infos), len(directory)
    wide = b""
    if start > _LARGEST_NARROW:
        wide = _END_64.pack(b"PK\6\6", _END_64.size - 12, _WIDE, _WIDE, 0, 0, count, count, size, start)
        wide += _LOCATOR_64.pack(b"PK\6\7", 0, start + size, 1)
    return directory + wide + _END.pack(b"PK\5\6", 0, 0, count, count, size, min(start, _ELSEWHERE), 0)


def _wide(*values: int) -> bytes:
    """Return values of 64 bits as an extra field; nothing for none."""
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""
