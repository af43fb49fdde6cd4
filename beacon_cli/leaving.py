"""Ending the process, also when a library's threads wait for something that will never come."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

_abandoned = False  # process-wide, as threads are


def abandon_threads() -> None:
    """From now on, `leave` waits for no thread: their work is another process's."""
    global _abandoned
    _abandoned = True


def leave(code: int) -> NoReturn:
    """End the process with this code."""
    if _abandoned:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
