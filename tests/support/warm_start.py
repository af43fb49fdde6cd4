"""Whole `beacon` commands from a process that has imported the program already: most of a command's time is imports.

Each command is a process of its own: forked, with its own arguments, environment, folder and pipes, and ended as Python
ends: threads, exit functions, streams. What is about the start of the program itself (imports, signals, encodings, how
it was called) starts it anew.

The Pythons that such a command starts (regional servers, and what uses Modal's SDK) are processes of their own, too,
forked from it in the same way.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

PRELOADED = (
    "beacon_cli.main",
    "beacon_cli.config",
    "beacon_cli.__main__",
    "beacon_cli.command_line.completion",
    *(f"beacon_cli.commands.{name}" for name in ("check_db", "jobs", "run", "show", "submit", "worker")),
    "beacon_cli.console.tables",
    "beacon_cli.store.database",
    "beacon_cli.audit.audit",
    "beacon_cli.audit.table",
    "beacon_cli.checkup.examine",
    "beacon_cli.job.yaml_reader",
    "beacon_cli.local.server",
    "beacon_cli.local.servers",
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
    "beacon_cli.report.report",
    "beacon_cli.fleet.submit",
    "beacon_cli.fleet.worker_process",
    "beacon_cli.telemetry.opened",
    "anyio",
    "encodings.idna",
    "fasteners",
    "platformdirs.unix",
    "typer._adapters",
    "rich.console",
    "psutil",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.lifespan.off",
    "beacon_cli.deployment.child",
    "modal_proto.api_grpc",  # what Modal's SDK imports, and much of what else it takes to import it
    "synchronicity",
    "rich.table",
    "rich.syntax",
    "rich.traceback",
    "rich.progress",
)
# The modules that a command starts with `python -P -m`, and where their `main` is.
_MAINS = {
    "beacon_cli.local.server": "beacon_cli.local.server",
    "beacon_cli.deployment.child": "beacon_cli.deployment.child",
    "beacon_cli.deployment.production": "beacon_cli.deployment.production",
    "modal": "modal.__main__",
}
_LONGEST_REQUEST = 1 << 18
_LONGEST_NUMBER = 64
# What Python or its libraries read when they start, and never again.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "OPENSSL_", "PSYCOPG_")


class Running(Protocol):
    """What tests use of a program that runs: `subprocess.Popen` has it, and so has a command that was forked."""

    args: Any
    pid: int
    returncode: int | Any
    stdout: IO[str] | None
    stderr: IO[str] | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


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

    def start(
        self,
        command: list[str],
        variables: Mapping[str, str],
        folder: Path,
        *,
        stdin: str | None = None,
        stdout: int | IO[Any] = subprocess.PIPE,
        stderr: int | IO[Any] = subprocess.PIPE,
    ) -> Forked:
        """Start a command whose stdin is a pipe with this text, or empty; its outputs go to a pipe, a file, or to
        `subprocess.DEVNULL`."""
        os.umask(umask := os.umask(0))
        asked = {"command": command, "variables": dict(variables), "folder": str(folder), "umask": umask}
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        outputs = [_opened(stdout), _opened(stderr)]
        streams = [_given(stdin), *(writing for _, writing in outputs)]
        socket.send_fds(self._control, [json.dumps(asked).encode()], [theirs.fileno(), *streams])
        theirs.close()
        for stream in streams:
            os.close(stream)
        return Forked(command, mine, *(pipe for pipe, _ in outputs))

    def end(self) -> None:
        """End the process that commands are forked from."""
        self._control.close()
        self._process.communicate()


def _given(text: str | None) -> int:
    """Return what to read this text from: a pipe, which holds all of it."""
    if text is None:
        return os.open(os.devnull, os.O_RDONLY)
    assert len(text.encode()) <= select.PIPE_BUF
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return reading


def _opened(output: int | IO[Any]) -> tuple[IO[str] | None, int]:
    """Return what to read from, if it is a pipe, and what the command writes to."""
    if output == subprocess.PIPE:
        reading, writing = os.pipe()
        return os.fdopen(reading, encoding="utf-8"), writing
    if output == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    return None, os.dup(output if isinstance(output, int) else output.fileno())


class Forked:
    """A command that was forked, with what tests use of `subprocess.Popen`; see `Running`."""

    def __init__(self, args: list[str], told: socket.socket, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self.args = args
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._told = told  # first the process id, then how it ended
        self._readers: dict[IO[str], _Reader] = {}
        self.pid = int(told.recv(_LONGEST_NUMBER))

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return how it ended. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = int(self._told.recv(_LONGEST_NUMBER))
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._told.close()
        return self.returncode

    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]:
        """Return the rest of its outputs, once it ended. Raises `subprocess.TimeoutExpired`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for pipe in (self.stdout, self.stderr):
            if pipe is not None and pipe not in self._readers:
                self._readers[pipe] = _Reader(pipe)
        out, err = (self._read(pipe, deadline) for pipe in (self.stdout, self.stderr))
        self.wait(_left(deadline))
        return out, err

    def _read(self, pipe: IO[str] | None, deadline: float | None) -> str:
        if pipe is None:
            return ""
        reader = self._readers[pipe]
        reader.join(_left(deadline))
        if reader.is_alive():
            raise subprocess.TimeoutExpired(self.args, 0)
        return reader.text

    def send_signal(self, sig: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        """Send SIGTERM, if it runs."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, if it runs."""
        self.send_signal(signal.SIGKILL)


class _Reader(threading.Thread):
    """Reads a pipe to its end, and closes it."""

    def __init__(self, pipe: IO[str]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self.text = ""
        self.start()

    def run(self) -> None:
        if not self._pipe.closed:
            with self._pipe:
                self.text = self._pipe.read()


def _left(deadline: float | None) -> float | None:
    """Return the seconds until then."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def serve(control: socket.socket) -> None:
    """Fork a process for each request, and tell who asked its id and how it ended. Return in these processes alone."""
    gc.disable()  # what is imported stays
    for name in PRELOADED:
        importlib.import_module(name)
    _build_models()
    gc.freeze()
    gc.enable()
    ended, ending = socket.socketpair()
    ending.setblocking(False)
    signal.set_wakeup_fd(ending.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked: dict[int, socket.socket] = {}
    while True:
        for ready in select.select([control, ended], [], [])[0]:
            if ready is ended:
                ended.recv(_LONGEST_NUMBER)
                _tell_ends(asked)
                continue
            request, files, *_ = socket.recv_fds(control, _LONGEST_REQUEST, 4)
            if not request:
                os._exit(0)
            told, *streams = files
            asked_for = json.loads(request)
            for word in _BESIDES.keys() & asked_for["command"]:
                _BESIDES[word]()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (control, ended, ending, *asked.values(), socket.socket(fileno=told)):
                    other.close()
                _become(asked_for, streams)
                return
            for stream in streams:
                os.close(stream)
            asked[pid] = socket.socket(fileno=told)
            _tell(asked[pid], pid)


def _build_models() -> None:
    """Build the validators of settings and job files: Pydantic does so when a model is used for the first time."""
    from pydantic import BaseModel

    models = BaseModel.__subclasses__()
    for model in models:
        models += model.__subclasses__()
        model.model_rebuild()


@functools.cache
def _load_judging() -> None:
    """Load what finds refusals (the patterns of the rules, and the model), and what draws."""
    from beacon_cli.comparison.options import refusal_rule

    importlib.import_module("matplotlib.backends.backend_svg")
    refusal_rule(None).judged(["The capital of France is Paris."])
    gc.freeze()


@functools.cache
def _load_modal() -> None:
    """Load Modal's SDK."""
    importlib.import_module("modal.__main__")
    gc.freeze()


# What some commands need besides, loaded before the first of them: each fork takes longer the more there is.
_BESIDES = {
    **dict.fromkeys(("bundle", "compare", "report"), _load_judging),
    **dict.fromkeys(("deploy", "rollback"), _load_modal),
}


def _tell_ends(asked: dict[int, socket.socket]) -> None:
    """Tell of each process that has ended how it did."""
    with contextlib.suppress(ChildProcessError):
        while (end := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            pid, status = end
            with asked.pop(pid) as told:
                _tell(told, os.waitstatus_to_exitcode(status))


def _tell(asked: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        asked.send(str(number).encode())


def _become(request: Mapping[str, Any], streams: Sequence[int]) -> None:
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["variables"])
    _configure_modal()
    sys.argv = request["command"]
    sys.orig_argv = [sys.executable, *sys.argv]
    subprocess.Popen = _Started  # type: ignore[misc, assignment]


def _configure_modal() -> None:
    """Have Modal's SDK read its configuration again if it is loaded: it does so when it is imported."""
    if "modal.config" in sys.modules:
        logging.getLogger("modal-client").handlers.clear()
        try:
            importlib.reload(sys.modules["modal.config"])
        except Exception:  # what uses it finds this out
            for name in [name for name in sys.modules if name.partition(".")[0] == "modal"]:
                del sys.modules[name]


def _end(code: Any) -> NoReturn:
    """End as Python does, but for taking apart what was imported: that took half of a short command's CPU time."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _Started(subprocess.Popen[bytes]):
    """A program that a command starts; one of `_MAINS` goes on in the fork that would else begin it anew."""

    def __init__(self, args: Any, **options: Any) -> None:
        if not isinstance(args, str) and tuple(args[1:3]) == ("-P", "-m") and args[3] in _MAINS:
            options["preexec_fn"] = functools.partial(_be, _MAINS[args[3]], args[4:], options["env"])
        super().__init__(args, **options)


def _be(module: str, arguments: Sequence[str], variables: Mapping[str, str]) -> None:
    """Be a module's program to the end of this process, which has its streams and its session already."""
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_DFL)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the command waits for the last of them
    os.environ.clear()
    os.environ.update(variables)
    logging.root.handlers.clear()
    if "modal.client" in sys.modules:
        sys.modules["modal.client"]._Client._set_env_client(None)  # it has the command's connection
    _configure_modal()
    code: Any = 1
    try:
        main = importlib.import_module(module)
        sys.argv = [str(main.__file__), *arguments]
        main.main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    from beacon_cli.__main__ import main

    try:
        main()
    except SystemExit as ended:
        _end(ended.code)
