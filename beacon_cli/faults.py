"""Errors that were not explained where they occurred: of the system, signals, and bugs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from beacon_cli.errors import BeaconError, EnvironmentFault
from beacon_cli.signals import Interrupted

_AGAIN = "beacon --verbose shows what the program was doing"
_HINTS = {
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "allow more open files: ulimit -n 1024"),
    **dict.fromkeys((errno.ENOMEM, errno.EAGAIN), "free memory, or allow more processes and memory: ulimit -a"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "check who owns it and who may read and write it"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free space on that disk"),
}


def explained(error: Exception) -> BeaconError:
    """Return a `BeaconError` for any other error, which becomes its cause."""
    fault = _explained(error)
    fault.__cause__ = error
    return fault


def stopped(interrupted: Interrupted) -> BeaconError:
    """Return the error by which a signal that ended a command is reported; its exit code is the signal's."""
    error = BeaconError("interrupted", hint=interrupted.hint)
    error.code = "interrupted"
    error.data = interrupted.data
    return error


def _explained(error: Exception) -> BeaconError:
    match error:
        case MemoryError():
            return EnvironmentFault("there is not enough memory", hint="free some, or allow more: ulimit -v")
        case ImportError() if not (error.name or "").startswith(("beacon_cli", "modal_deployment")):
            hint = "install Beacon again, into an environment of its own; if memory is limited, allow more: ulimit -v"
            return EnvironmentFault(f"a library cannot be loaded: {_first_line(error)}", hint=hint)
        case OSError():
            return _of_the_system(error)
        case UnicodeEncodeError():
            return EnvironmentFault(
                f"a name or text cannot be written in {error.encoding}: {error.object!a:.80}",
                hint="set PYTHONUTF8=1, or a UTF-8 locale such as LC_ALL=C.UTF-8",
            )
    return _internal(error)


def _of_the_system(error: OSError) -> EnvironmentFault:
    if error.filename is None and not _working_folder_exists():
        return EnvironmentFault("the working folder no longer exists", hint="change to one that does: cd")
    reason = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return EnvironmentFault(f"the system reported an error: {where}{reason}", hint=_HINTS.get(error.errno or 0, _AGAIN))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _working_folder_exists() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _internal(error: Exception) -> BeaconError:
    unexpected = BeaconError(
        f"unexpected {type(error).__name__}: {error}",
        hint="this is a fault of beacon: run it again with --verbose, and report what it prints",
    )
    unexpected.code = "internal"
    return unexpected
