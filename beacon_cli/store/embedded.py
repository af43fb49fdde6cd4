"""The embedded PostgreSQL: started for the first user, stopped by the last one, reached only through a socket."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from beacon_cli.accounts import is_root
from beacon_cli.console.status_line import status_line
from beacon_cli.errors import StoreError
from beacon_cli.signals import held
from beacon_cli.store.file_locks import StillLocked, exclusive_lock, shared_lock
from beacon_cli.store.postmaster import ServerError, start, stop
from beacon_cli.store.running import running_pid, server_folder
from beacon_cli.store.server_programs import writable_by_others
from beacon_cli.store.server_user import ACCOUNT

# PostgreSQL needs 58 in all to start; what it keeps for itself and we have open comes on top.
_FEWEST_OPEN_FILES = 64
NOEXEC = "its file system is mounted noexec: no program can be started from there"
"""What keeps programs, and so the server's copies of them, from being started."""

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def embedded_server(data_path: Path) -> Iterator[str]:
    """Yield the URL of the server with its data in `data_path`; stop it afterwards if no other process uses it.

    Users are counted by shared file locks, which end with their process in any case, so a killed process keeps nothing
    alive. Such locks belong to the process: use this only once at a time in each. An ending signal waits while the
    server is started or stopped. Raises `StoreError` if that fails.
    """
    _make_folder(data_path)
    with contextlib.ExitStack() as stack:
        with _starting(data_path):
            users = shared_lock(data_path / "postgresql.users")
            url = start(data_path)
            users.acquire_read_lock()
            stack.callback(_leave, data_path, users)
        yield url


def _leave(data_path: Path, users: Any) -> None:
    try:
        with held(), _explained(data_path, "did not stop"), _changing(data_path):
            users.release_read_lock()
            alone = users.acquire_write_lock(blocking=False)
            try:
                if alone and not _kept(data_path):
                    stop(data_path)
            finally:
                users.release_write_lock()  # closes the file, locked or not
    except StillLocked as locked:  # the work is done: the lock ends with the process
        _log.warning("the embedded PostgreSQL is left running: %s", locked.message)


def restart_embedded(data_path: Path) -> str:
    """Start the server again if it ended while in use, and return its URL, which stays the same.

    For users inside `embedded_server`, which stay counted; may be called in a thread. Raises `StoreError`.
    """
    with _explained(data_path, "did not start again"), _changing(data_path):
        return start(data_path)


def keep_server(data_path: Path) -> str:
    """Start the server if necessary, leave it running for other programs until `stop_server`, and return its URL."""
    _make_folder(data_path)
    with _starting(data_path):
        url = start(data_path)
        # By its process id: after a reboot, or another way of stopping it, the mark means nothing.
        _mark(data_path).write_text(str(running_pid(data_path)))
        return url


def stop_server(data_path: Path) -> bool:
    """Stop the embedded server, even if it is in use. Return whether it was running. Raises `StoreError`."""
    with _explained(data_path, "did not stop"):
        if not server_folder(data_path).is_dir():
            return False
        with _changing(data_path), held():
            return stop(data_path)


@contextlib.contextmanager
def _starting(data_path: Path) -> Iterator[None]:
    """Be the one who starts the server; an ending signal waits until it is started."""
    with (
        status_line("starting the embedded PostgreSQL"),
        _explained(data_path, "did not start"),
        _changing(data_path),
        held(),
    ):
        yield


def _changing(data_path: Path) -> contextlib.AbstractContextManager[None]:
    """Make starting and stopping exclusive: otherwise the last user could stop the server of a new user."""
    what = f"is starting or stopping the embedded PostgreSQL in {data_path}"
    return exclusive_lock(data_path / "postgresql.starting", what)


def _mark(data_path: Path) -> Path:
    return data_path / "postgresql.kept"


def _kept(data_path: Path) -> bool:
    try:
        return _mark(data_path).read_text() == str(running_pid(data_path))
    except FileNotFoundError:
        return False


def _make_folder(data_path: Path) -> None:
    """Create the data folder, and missing folders above it; existing folders keep their modes."""
    if os.name != "posix":
        raise StoreError("the embedded PostgreSQL runs on Linux and macOS", hint="use WSL, or --database-url")
    try:
        _make_missing(data_path, mode=0o755 if is_root() else 0o700)
    except OSError as error:
        raise _unusable(data_path, error) from error
    require_safe_folder(data_path)


def _unusable(data_path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the data folder {data_path} cannot be used: {_reason(error)}",
        hint="set BEACON_DATA_DIR and BEACON_CACHE_DIR to folders that you can write to",
    )


def require_writable_folder(data_path: Path) -> None:
    """Raise `StoreError` unless this user can use the data folder, or create it; nothing is created."""
    try:
        folder = nearest_existing(data_path)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        if os.statvfs(folder).f_flag & getattr(os, "ST_RDONLY", 0):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))
    except OSError as error:
        raise _unusable(data_path, error) from error


def nearest_existing(path: Path) -> Path:
    """Return a path, or if it is missing, the nearest folder above it that exists. Raises `OSError`."""
    return next(each for each in (path, *path.parents) if each.exists())


def require_safe_folder(data_path: Path) -> None:
    """Raise `StoreError` for a folder where, as root, others may write, or that the server's account cannot reach."""
    try:
        closed = [folder for folder in (data_path, *data_path.parents) if not folder.stat().st_mode & stat.S_IXOTH]
    except OSError as error:
        raise _unusable(data_path, error) from error
    if is_root() and (folder := writable_by_others(data_path)):
        raise StoreError(
            f"the data folder {data_path} is not safe: other users may write in {folder}",
            hint="run beacon as the owner of that folder, or let only root write there (chmod go-w), or set"
            " BEACON_DATA_DIR and BEACON_CACHE_DIR to folders of root's",
        )
    if is_root() and closed:
        raise StoreError(
            f"as root the embedded PostgreSQL runs as the user {ACCOUNT}, which has no access to {closed[0]}",
            hint="set BEACON_DATA_DIR and BEACON_CACHE_DIR to folders that other users can access, such as below"
            " /var/lib/beacon",
        )


def _make_missing(folder: Path, mode: int) -> None:
    """Create a folder with this mode, whatever the umask is, and missing folders above it."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        with contextlib.suppress(FileExistsError):  # just created by another process
            missing.mkdir(mode=0o700)
            missing.chmod(mode)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


@contextlib.contextmanager
def _explained(data_path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ServerError, subprocess.SubprocessError) as error:
        raise StoreError(
            f"the embedded PostgreSQL in {data_path} {what}: {_reason(error)}", hint=_hint(data_path, error)
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"{Path(error.cmd[0]).name} did not finish within {error.timeout:.0f} s"
    return str(error)


def _hint(data_path: Path, error: Exception) -> str:
    elsewhere = "for another folder set BEACON_DATA_DIR and BEACON_CACHE_DIR; for another database use --database-url"
    if isinstance(error, PermissionError):
        return f"{_why_not_permitted(error)}; {elsewhere}"
    if likely := _limit_met(_reason(error)):
        return likely
    log = server_folder(data_path) / "log"
    return f"its log is {log}; {elsewhere}" if log.exists() else elsewhere


def _why_not_permitted(error: PermissionError) -> str:
    with contextlib.suppress(OSError, TypeError):
        if is_noexec(error.filename):
            return NOEXEC
    return "it may belong to another user: check its owner and mode"


def is_noexec(path: Path | str) -> bool:
    """Return whether no program can be started from the file system of a path. Raises `OSError`."""
    return bool(os.statvfs(path).f_flag & getattr(os, "ST_NOEXEC", 0))


def _limit_met(reason: str) -> str:
    """Return what to do about a limit of this user that keeps the server from starting, if that is the cause."""
    if "Resource temporarily unavailable" in reason:
        return "this user may start too few processes: raise the limit (ulimit -u), or end other programs"
    return too_few_open_files()


def too_few_open_files() -> str:
    """Return what to do about a limit of open files with which the server does not start; nothing if there is none."""
    import resource

    _, open_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if open_files != resource.RLIM_INFINITY and open_files < _FEWEST_OPEN_FILES:
        return f"raise the limit of open files, which is {open_files} (ulimit -n)"
    return ""
