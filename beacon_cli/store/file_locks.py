"""Locks between processes. Their files are private: whoever may open a file can keep it locked for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import fasteners


def exclusive_lock(file: Path) -> fasteners.InterProcessLock:
    """Return a lock that one process can hold at a time. Raises `OSError` where its file cannot be made."""
    import fasteners

    _make_private(file)
    return fasteners.InterProcessLock(file)


def shared_lock(file: Path) -> fasteners.InterProcessReaderWriterLock:
    """Return a lock that many readers can hold, or one writer. Raises `OSError` where its file cannot be made."""
    import fasteners

    _make_private(file)
    return fasteners.InterProcessReaderWriterLock(file)


def _make_private(file: Path) -> None:
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask is
    finally:
        os.close(descriptor)
