"""The PostgreSQL server of a data folder: initialised, started, found and stopped.

Nothing here is counted or locked: see `embedded`. docs/decisions/0011 explains why this is not left to a library.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from beacon_cli.store.running import PORT, SUPERUSER, Postmaster, server_folder
from beacon_cli.store.server_programs import programs_folder
from beacon_cli.store.server_socket import remove_socket_folder, socket_file, socket_folder
from beacon_cli.store.server_user import ServerUser, server_user

_STAGING = "postgresql.new-"
_START_SECONDS = 60
_STOP_SECONDS = 60.0
_INITIALISE_SECONDS = 300.0
_STRAYS_SECONDS = 10.0
_POLL_SECONDS = 0.02
_SILENT_SECONDS = 2.0
# What its programs need from the environment: no PGDATA or PGPORT, which mean another server, no secrets, and no
# library folders.
_KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "TZ")
_ENOUGH_OPEN_FILES = 1024
_FAILED = re.compile(r"LOG:\s+(could not .*)")


_log = logging.getLogger(__name__)


class _Patience:
    """Logs once what it is waiting for, after two seconds."""

    def __init__(self) -> None:
        self._report_at: float | None = time.monotonic() + _SILENT_SECONDS

    def report(self, what: str) -> None:
        """Log it, if it is time."""
        if self._report_at is not None and time.monotonic() > self._report_at:
            self._report_at = None
            _log.warning("waiting for %s", what)


class ServerError(Exception):
    """The server does not start or stop; the message is PostgreSQL's own reason if it gave one."""


def start(data_path: Path) -> str:
    """Start the server unless it runs, and return its URL.

    Raises `ServerError`, `OSError` and `SubprocessError`, and `StoreError` if this user cannot run any server.
    """
    data_path = Path(os.path.realpath(data_path))
    folder = server_folder(data_path)
    server = _settled(folder)
    if server is not None and not _reachable(server):
        stop(data_path)
        server = None
    server = server or _started(data_path, folder)
    return server.url


def _started(data_path: Path, folder: Path) -> Postmaster:
    """Start the server, which was not running, and return it; its folder is created if missing."""
    _allow_open_files()
    user = server_user()
    programs = programs_folder(data_path, user)
    for left in data_path.glob(f"{_STAGING}*"):  # left by a killed process, whose initdb may continue for a while
        shutil.rmtree(left, ignore_errors=True)
    if not (folder / "PG_VERSION").exists():
        _initialise(folder, programs, user)
    sockets = socket_folder(data_path, folder, user)
    _forget_stale(folder, sockets)
    failure = _start_server(folder, sockets, programs, user)
    server = _settled(folder)  # also if a process that was then killed had just started it
    if server is None and _end_strays(folder):
        failure = _start_server(folder, sockets, programs, user)
        server = _settled(folder)
    if server is None:
        raise ServerError(failure or "it ended immediately")
    return server


def stop(data_path: Path) -> bool:
    """Stop the server that runs now, whoever started it. Return whether there was one.

    Raises `ServerError`, and `OSError` if it belongs to another user.
    """
    folder = server_folder(data_path)
    server = Postmaster.of(folder)
    process = server.process() if server is not None else None
    if server is None or process is None:
        return folder.is_dir() and _end_strays(folder)
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGINT)  # a fast shutdown: it ends its sessions without waiting for clients
    give_up_at = time.monotonic() + _STOP_SECONDS
    patience = _Patience()
    while Postmaster.of(folder) is not None and server.process() is not None:
        if time.monotonic() > give_up_at:
            raise ServerError(f"process {server.pid} did not end within {_STOP_SECONDS:.0f} s")
        patience.report(f"process {server.pid}, the embedded PostgreSQL, to end")
        time.sleep(_POLL_SECONDS)
    remove_socket_folder(Path(os.path.realpath(data_path)))
    return True


def _settled(folder: Path) -> Postmaster | None:
    """Return the server when it is ready; None if there is none. Wait for one that is starting or stopping."""
    give_up_at = time.monotonic() + _START_SECONDS
    patience = _Patience()
    while (server := Postmaster.of(folder)) is not None and server.process() is not None:
        if server.status == "ready":
            return server
        if time.monotonic() > give_up_at:
            raise ServerError(f"process {server.pid} is {server.status or 'starting'} for {_START_SECONDS} s")
        patience.report(f"process {server.pid}, the embedded PostgreSQL, which is {server.status or 'starting'}")
        time.sleep(_POLL_SECONDS)
    return None


def _reachable(server: Postmaster) -> bool:
    """Return whether the socket still exists: programs that clean temporary folders may have removed it."""
    return server.socket_folder is not None and socket_file(server.socket_folder).exists()


def _initialise(folder: Path, programs: Path, user: ServerUser) -> None:
    """Create the data folder completely or not at all: a process that is killed meanwhile must not leave half of it."""
    staging = folder.with_name(f"{_STAGING}{os.getpid()}")
    staging.mkdir()
    try:
        staging.chmod(0o700)  # whatever the umask is
        if user.is_account:
            shutil.chown(staging, user.uid, user.gid)
        words = [
            *(str(programs / "initdb"), "--auth=trust", "--encoding=UTF8", f"--username={SUPERUSER}"),
            # The same sort order everywhere, whatever locales a machine has.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--pgdata", "."),
        ]
        done = _run(user.command(words, needs_name=True), staging, user, _INITIALISE_SECONDS)
        if done.returncode != 0:
            raise ServerError(_reason_in(done.stderr) or f"initdb ended with code {done.returncode}")
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _start_server(folder: Path, sockets: Path, programs: Path, user: ServerUser) -> str:
    """Run the server in the background, wait until it is ready, and return why it is not, if so.

    pg_ctl puts paths into a shell command, so the folder is the working folder, and the rest is quoted.
    """
    options = shlex.join(["-h", "", "-p", str(PORT), "-k", "." if sockets == folder else str(sockets)])
    log = folder / "log"
    written = log.stat().st_size if log.exists() else 0
    words = [str(programs / "pg_ctl"), "start", "-w", "-t", str(_START_SECONDS), "-D", ".", "-l", "log", "-o", options]
    done = _run(user.command(words), folder, user, _START_SECONDS + 30.0)
    if done.returncode == 0:
        return ""
    return _last_words(log, written) or _reason_in(done.stderr) or f"pg_ctl ended with code {done.returncode}"


def _run(words: Sequence[str], folder: Path, user: ServerUser, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a program in its own session: a Ctrl-C in the terminal is for us, not for the running program."""
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**environment, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        **user.options(),
    )
    with process:
        try:
            _, output = _communicated(process, seconds, Path(words[0]).name)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, "", output)


def _communicated(process: subprocess.Popen[str], seconds: float, name: str) -> tuple[str, str]:
    """Wait for a program, and log that after two seconds. Raises `TimeoutExpired`."""
    try:
        return process.communicate(timeout=_SILENT_SECONDS)
    except subprocess.TimeoutExpired:
        _log.warning("PostgreSQL's program %s is at work; a first start takes longest (%.0f s at most)", name, seconds)
        return process.communicate(timeout=seconds - _SILENT_SECONDS)


def _allow_open_files() -> None:
    """Raise the limit of open files as far as allowed: PostgreSQL's programs inherit it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH_OPEN_FILES if hard == resource.RLIM_INFINITY else min(_ENOUGH_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _forget_stale(folder: Path, sockets: Path) -> None:
    """Remove what a crashed server left, once the processes that it had started are gone too.

    PostgreSQL does so itself if the process id is free, but not if another program or a zombie has it by now.
    """
    socket = socket_file(sockets)
    left = [file for file in (folder / "postmaster.pid", socket.with_name(f"{socket.name}.lock")) if file.exists()]
    if left:
        _end_strays(folder)
    for file in left:
        file.unlink(missing_ok=True)


def _end_strays(folder: Path) -> bool:
    """End processes that work in a data folder although its file names no server; return whether there were any.

    They are from a server whose file was removed, or left for a moment by a killed one. Raises `ServerError`.
    """
    give_up_at = time.monotonic() + _STRAYS_SECONDS
    found = _processes_in(folder)
    for pid, parent in found.items():
        if parent not in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
    patience = _Patience()
    while strays := _processes_in(folder):
        patience.report(f"the processes {list(strays)}, of a server that was killed, to end")
        if time.monotonic() > give_up_at:
            raise ServerError(f"processes {list(strays)} of a server that was killed are still running")
        time.sleep(_POLL_SECONDS)
    return bool(found)


def _processes_in(folder: Path) -> dict[int, int]:
    """Return the ids of PostgreSQL's processes that work in a data folder, and of their parents."""
    import psutil

    return {
        process.pid: process.info["ppid"]
        for process in psutil.process_iter(["name", "cwd", "status", "ppid"])
        if "postgres" in (process.info["name"] or "")
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and process.info["cwd"] == str(folder)
    }


def _last_words(log: Path, start: int) -> str:
    """Return why the server ended, from its log since `start`."""
    try:
        with log.open("rb") as file:
            file.seek(start)
            return _reason_in(file.read(1 << 20).decode(errors="replace"))
    except FileNotFoundError:
        return ""


def _reason_in(text: str) -> str:
    """Return PostgreSQL's sentences on a failure, with its hints, as one line."""
    marks = ("FATAL:", "PANIC:", "HINT:", "DETAIL:", "error:", "hint:", "detail:")
    found = [line.partition(mark)[2].strip() for line in text.splitlines() for mark in marks if mark in line]
    found = found or _FAILED.findall(text)[:1]
    lines = found or [line.strip() for line in text.splitlines() if line.strip()][-1:]
    return " ".join(lines[:4])[:500]
