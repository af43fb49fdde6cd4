"""Whole `beacon` commands from a process that has imported the program already: half of a command's time is imports.

Each command is a process of its own: forked, with its own arguments, environment, folder and pipes, and ended as Python
ends. What is about the start of the program itself (imports, signals, encodings, how it was called) starts it anew.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PRELOADED = (
    "beacon_cli.main",
    "beacon_cli.config",
    "beacon_cli.command_line.completion",
    "beacon_cli.console.tables",
    "beacon_cli.store.database",
    "beacon_cli.audit.audit",
    "beacon_cli.audit.table",
    "beacon_cli.endpoints.recorded",
    "beacon_cli.runs.command",
    "beacon_cli.runs.execute",
    "beacon_cli.records.recent_jobs",
    "beacon_cli.show.jobs_table",
    "beacon_cli.show.page",
    "beacon_cli.export.export",
    "beacon_cli.verification.verify",
    "beacon_cli.comparison.compare",
    "beacon_cli.comparison.table",
    "typer._adapters",
    "rich.console",
    "psutil",
)
_LONGEST_REQUEST = 1 << 18
# What Python or its libraries read when they start, and never again.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "OPENSSL_", "PSYCOPG_")


class WarmStart:
    """A process to fork commands from. It was started with `variables`, and ends with this process."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = dict(variables)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            env={**self._variables, "OPENBLAS_NUM_THREADS": "1"},  # a process with threads should not be forked
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # the streams that Python opens now are those of each command
            stderr=subprocess.PIPE,
        )
        theirs.close()

    def can_run(self, variables: Mapping[str, str]) -> bool:
        """Return whether a command with these variables would not notice that it was forked."""
        changed = {name for name, _ in variables.items() ^ self._variables.items()}
        return not any(name.startswith(_READ_AT_START) for name in changed)

    def run(
        self, command: list[str], variables: Mapping[str, str], folder: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, without a stdin. Raises `subprocess.TimeoutExpired`, and kills it then."""
        os.umask(umask := os.umask(0))
        asked = {"command": command, "variables": dict(variables), "folder": str(folder), "umask": umask}
        mine, theirs = socket.socketpair()
        outputs = [os.pipe(), os.pipe()]
        sent = [theirs.fileno(), *(writing for _, writing in outputs)]
        socket.send_fds(self._control, [json.dumps(asked).encode()], sent)
        theirs.close()
        for _, writing in outputs:
            os.close(writing)
        readers = [_Reader(reading) for reading, _ in outputs]
        with mine, mine.makefile("r") as told:
            mine.settimeout(timeout)
            pid = int(told.readline())
            try:
                code = int(told.readline())
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
                raise subprocess.TimeoutExpired(command, timeout) from None
        out, err = (reader.text() for reader in readers)
        return subprocess.CompletedProcess(command, code, out, err)

    def end(self) -> None:
        """End the process that commands are forked from."""
        self._control.close()
        self._process.communicate()


class _Reader(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self, reading: int) -> None:
        super().__init__(daemon=True)
        self._reading = reading
        self._text = ""
        self.start()

    def run(self) -> None:
        with os.fdopen(self._reading, encoding="utf-8") as pipe:
            self._text = pipe.read()

    def text(self) -> str:
        self.join()
        return self._text


def serve(control: socket.socket) -> None:
    """Fork a process for each request. Return in the processes of commands alone, when they can begin."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    while True:
        request, files, *_ = socket.recv_fds(control, _LONGEST_REQUEST, 3)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            _start(json.loads(request), *files)
            return
        for file in files:
            os.close(file)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def _start(request: Mapping[str, Any], told: int, out: int, err: int) -> None:
    """Fork the command, and return there; here tell its process id and how it ended."""
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _become(request, out, err)
        return
    os.close(out)
    os.close(err)
    with contextlib.suppress(OSError), socket.socket(fileno=told) as asked:
        asked.sendall(f"{pid}\n".encode())
        asked.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def _become(request: Mapping[str, Any], out: int, err: int) -> None:
    for file, number in ((out, 1), (err, 2)):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["variables"])
    sys.argv = request["command"]
    sys.orig_argv = [sys.executable, *sys.argv]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    from beacon_cli.__main__ import main

    main()
