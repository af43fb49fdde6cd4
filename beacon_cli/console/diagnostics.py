"""Diagnostics on stderr: which database the program uses, and with --verbose everything that it uses and does.

Every module logs under `beacon_cli`: a warning is always shown, an info only with --verbose. Logs of other libraries
are not shown.
"""

from __future__ import annotations

import logging
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from beacon_cli import __version__
from beacon_cli.console.printable import printable
from beacon_cli.console.redaction import redacted
from beacon_cli.console.result import write_stderr
from beacon_cli.console.terminal import wrapped_for

_MOST_CAUSES = 8

_log = logging.getLogger("beacon_cli")


@contextmanager
def diagnostics() -> Iterator[None]:
    """Inside the block, write the logs of `beacon_cli` to stderr, each line redacted."""
    handler, silence = _Stderr(), logging.NullHandler()
    logging.getLogger().addHandler(silence)  # without any handler Python would write warnings of libraries to stderr
    before = _log.level, _log.propagate
    _log.addHandler(handler)
    _log.propagate = False
    _log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(silence)
        _log.removeHandler(handler)
        _log.setLevel(before[0])
        _log.propagate = before[1]


def be_verbose() -> None:
    """From now on, inside `diagnostics`, also write the logs for --verbose, beginning with the versions."""
    _log.setLevel(logging.INFO)
    _log.info("beacon %s, Python %s (%s)", __version__, platform.python_version(), sys.executable)
    _log.info("system: %s, %s", operating_system(), sys.getfilesystemencoding())


def operating_system() -> str:
    """Return the operating system, its release, the machine and the C library.

    `platform.platform()` starts a program for that, which would get this process's variables, keys among them.
    """
    libc = "".join(platform.libc_ver())
    return "-".join(part for part in (platform.system(), platform.release(), platform.machine(), libc) if part)


def is_verbose() -> bool:
    """Whether --verbose was given."""
    return _log.isEnabledFor(logging.INFO)


def be_quiet() -> None:
    """From now on, inside `diagnostics`, write no logs at all."""
    _log.setLevel(logging.ERROR)


def is_quiet() -> bool:
    """Whether --quiet was given."""
    return not _log.isEnabledFor(logging.WARNING)


@contextmanager
def before_logs(call: Callable[[logging.LogRecord], bool]) -> Iterator[None]:
    """Inside the block, call a function before each log is written; it returns whether it may be."""
    handlers = list(_log.handlers)
    for handler in handlers:
        handler.addFilter(call)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(call)


def log_causes(error: BaseException) -> None:
    """Log the causes of an error, one line each, as far as they may be shown: it stops where a cause is suppressed."""
    cause = _cause_of(error)
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return
        text = (str(cause).strip().splitlines() or [""])[0]
        _log.info("caused by: %s%s%s", type(cause).__name__, f": {text}" if text else "", _place_of(cause))
        cause = _cause_of(cause)


def _cause_of(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place_of(error: BaseException) -> str:
    """Return the line of Beacon's code where an error occurred, for a bug report."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "beacon_cli" in frame.filename]
    return f" ({frames[-1].filename.rpartition('beacon_cli')[2].lstrip('/')}:{frames[-1].lineno})" if frames else ""


class _Stderr(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        text = printable(redacted(record.getMessage()))
        if record.levelno < logging.WARNING:
            text = f"verbose: {time.monotonic() - self._started:6.2f} s  {text}"
        write_stderr(f"{wrapped_for(sys.stderr, text)}\n")
