"""Reads the header of a GGUF file: magic, version, counts, then the metadata as keys with typed values.

The format is described in https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GGUF"
_DAMAGED = "the header of the GGUF file is damaged"
_CHAT_TEMPLATE = b"tokenizer.chat_template"
_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_LONGEST_KEY = 65_535
_LONGEST_SKIP = 2**40  # bytes; seeking takes no larger numbers than 2**63


def has_chat_template(path: Path) -> bool:
    """Return whether a GGUF file says how a conversation becomes a prompt.

    Raises `ValueError` for a file whose header cannot be read, and `OSError`.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("not a GGUF file")
        _version, _tensors, entries = _unpacked(file, "<IQQ")
        for _ in range(entries):
            if _key(file) == _CHAT_TEMPLATE:
                return True
            _skip_value(file, *_unpacked(file, "<I"))
    return False


def _key(file: BinaryIO) -> bytes:
    (length,) = _unpacked(file, "<Q")
    if length > _LONGEST_KEY:
        raise ValueError(_DAMAGED)
    return file.read(length)


def _skip_value(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        _skip_strings(file, 1)
    elif kind == _ARRAY:
        kind_of_items, count = _unpacked(file, "<IQ")
        if kind_of_items == _STRING:
            _skip_strings(file, count)
        else:
            _skip(file, _size(kind_of_items) * count)
    else:
        _skip(file, _size(kind))


def _skip_strings(file: BinaryIO, count: int) -> None:
    for _ in range(count):
        (length,) = _unpacked(file, "<Q")
        _skip(file, length)


def _skip(file: BinaryIO, length: int) -> None:
    if length > _LONGEST_SKIP:
        raise ValueError(_DAMAGED)
    file.seek(length, 1)


def _size(kind: int) -> int:
    if kind not in _SIZES:
        raise ValueError(_DAMAGED)
    return _SIZES[kind]


def _unpacked(file: BinaryIO, form: str) -> tuple[int, ...]:
    try:
        return struct.unpack(form, file.read(struct.calcsize(form)))
    except struct.error:
        raise ValueError(_DAMAGED) from None
