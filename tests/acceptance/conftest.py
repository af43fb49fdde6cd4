"""The installed `beacon`, run as a subprocess the way its users run it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from beacon_cli.errors import StoreError
from beacon_cli.local.bundled import BUNDLED
from beacon_cli.store.embedded import embedded_server, restart_embedded, stop_server
from benchmarks.processes import measure
from tests.support.warm_start import Running, WarmStart

BEACON = Path(sys.executable).parent / "beacon"
ROOT = Path(__file__).parents[2]


@dataclass
class Beacon:
    """Runs `beacon` with an environment and data of its own; a test may set more variables in `environment`."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The folder that holds its database, its journals, and what it remembers of this machine."""
        return Path(self.variables()["BEACON_DATA_DIR"])

    def variables(self) -> dict[str, str]:
        return {**_machines_variables(), "BEACON_DATA_DIR": str(self.folder / "data"), **self.environment}

    def start(self, *arguments: str, under: Sequence[str] = (), **options: Any) -> subprocess.Popen[str]:
        """Start `beacon` anew, or with `under` a program such as `nohup` that runs it. Most tests `begin` a command."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            [*under, str(BEACON), *arguments],
            env=self.variables(),
            cwd=self.folder,
            text=True,
            encoding="utf-8",
            **options,
        )

    def begin(
        self,
        *arguments: str,
        stdin: str | None = None,
        stdout: int | IO[str] = subprocess.PIPE,
        stderr: int | IO[str] = subprocess.PIPE,
    ) -> Running:
        """Start a command, forked from a process that has imported the program where that is no difference.

        Without a `stdin` it is empty.
        """
        variables = self.variables()
        if (warm := _warm_start()).can_run(variables):
            command = [str(BEACON), *arguments]
            return warm.start(command, variables, self.folder, stdin=stdin, stdout=stdout, stderr=stderr)
        assert stdin is None, "a program that is started anew is given one by its test"
        return self.start(*arguments, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)

    def __call__(
        self, *arguments: str, stdin: str | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Begin a command and wait for its end."""
        process = self.begin(*arguments, stdin=stdin)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def measured(self, *arguments: str, exit_code: int) -> tuple[subprocess.CompletedProcess[str], int]:
        """Run to the expected end, and return also the largest memory that was held, in bytes."""
        command = [str(BEACON), *arguments]
        cost = measure(command, environment=self.variables(), folder=self.folder, exit_codes=(exit_code,))
        done = subprocess.CompletedProcess(command, cost.exit_code, cost.stdout.decode(), cost.stderr.decode())
        return done, cost.peak_memory

    def begin_until(self, text: str, *arguments: str) -> tuple[Running, str]:
        """Begin a command and return once it has said `text` on stderr, with all that it said so far."""
        return self.until_said(text, self.begin(*arguments))

    def start_until(self, text: str, *arguments: str) -> tuple[Running, str]:
        """Do the same with a command that is started anew."""
        return self.until_said(text, self.start(*arguments))

    def until_said(self, text: str, process: Running) -> tuple[Running, str]:
        """Return once a command that runs has said `text` on stderr, with all that it said so far."""
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if text in line:
                return process, said
        process.communicate()
        raise AssertionError(f"it ended without saying {text!r}: {said}")

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run with `--json` and return the exit code and the one document on stdout."""
        done = self(*arguments, "--json")
        return done.returncode, json.loads(done.stdout)

    def write(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)


def _machines_variables() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_FIND_LINKS", "PIP_CERT")
    base = {key: os.environ[key] for key in kept if key in os.environ}
    path = f"{BEACON.parent}{os.pathsep}{base.get('PATH', os.defpath)}"  # as it is where Beacon is installed
    return {**base, "PATH": path}


@functools.cache
def _warm_start() -> WarmStart:
    started = WarmStart(_machines_variables())
    atexit.register(started.end)
    return started


@contextmanager
def new_beacon(*, first_start: bool = False) -> Iterator[Beacon]:
    """Yield a `beacon` with a data folder of its own, whose embedded server is stopped at the end.

    Its database is a copy of one that was made before, which takes a second less; with `first_start` there is none.
    """
    runner = Beacon(_new_folder())
    try:
        if not first_start:
            _put_database(runner.folder / "data")
        yield runner
    finally:
        with contextlib.suppress(StoreError):  # a test may have spoilt it
            stop_server(runner.data)
        shutil.rmtree(runner.folder, ignore_errors=True)


def _put_database(data: Path) -> None:
    data.mkdir(mode=0o755)
    subprocess.run(["cp", "-a", _database(), data], check=True)


@functools.cache
def _database() -> Path:
    """Return the folder of an up-to-date database, made once in this process."""
    runner = Beacon(_new_folder())
    atexit.register(shutil.rmtree, runner.folder, ignore_errors=True)
    done = runner("db", "migrate")
    assert done.returncode == 0, done.stderr
    [folder] = (runner.folder / "data").glob("pg*")
    return folder


def _new_folder() -> Path:
    # Not pytest's tmp_path: as root the embedded server runs as a user of its own, to which that folder is closed.
    folder = Path(tempfile.mkdtemp(prefix="beacon-acceptance-"))
    folder.chmod(0o755)
    return folder


@dataclass
class Machine:
    """A data folder whose server runs as long as the tests of this process. Each test finds it as if it were new."""

    data: Path
    url: str
    files: set[Path]
    used: bool = False

    @classmethod
    def starting(cls, *, data: Path, url: str) -> Machine:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("SELECT pg_reload_conf()")
        with psycopg.connect(make_conninfo(url, dbname="template1"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE ready TEMPLATE postgres STRATEGY file_copy")
        return cls(data=data, url=url, files=set(data.iterdir()))

    def like_new(self) -> Path:
        """Return the data folder without what earlier tests left."""
        if self.used:
            for path in set(self.data.iterdir()) - self.files:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            restart_embedded(self.data)
            with psycopg.connect(make_conninfo(self.url, dbname="template1"), autocommit=True) as connection:
                connection.execute("DROP DATABASE postgres WITH (FORCE)")
                connection.execute("CREATE DATABASE postgres TEMPLATE ready STRATEGY file_copy")
        self.used = True
        return self.data


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    folder = _new_folder()
    _put_database(folder / "data")
    try:
        with embedded_server(folder / "data") as url:
            yield Machine.starting(data=folder / "data", url=url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def beacon(machine: Machine) -> Iterator[Beacon]:
    """A `beacon` whose database is up to date and empty, on a server that runs already: see `lone_beacon`."""
    runner = Beacon(_new_folder(), {"BEACON_DATA_DIR": str(machine.like_new())})
    try:
        yield runner
    finally:
        shutil.rmtree(runner.folder, ignore_errors=True)


@pytest.fixture
def lone_beacon() -> Iterator[Beacon]:
    """A `beacon` with a server of its own, which runs only while a command uses it."""
    with new_beacon() as made:
        yield made


@pytest.fixture
def new_machine() -> Iterator[Beacon]:
    """A `beacon` that never ran: its data folder is not there yet."""
    with new_beacon(first_start=True) as made:
        yield made


SCRIPT = """
rules:
  - prompt: "2+2"
    response: "4"
    latency: 0.05
  - response: "{model} in {region}: {prompt}"
    latency: [0.02, 0.08]
"""


def script_models(beacon: Beacon) -> None:
    """Have the models of the registry, and those that come with the local target, answered by a script."""
    beacon.write("answers.yaml", SCRIPT)
    models = ("llama3.2-1b", "qwen2.5-1.5b", *BUNDLED)
    beacon.write("beacon.toml", "".join(f'[local.models."{model}"]\nscript = "answers.yaml"\n' for model in models))


@pytest.fixture
def scripted(beacon: Beacon) -> Beacon:
    """The same, with all models answered by a script on this machine."""
    script_models(beacon)
    return beacon


@pytest.fixture
def operators_job(beacon: Beacon) -> str:
    """The operators' own case: two questions, two models, three regions."""
    return beacon.write(
        "operators.yaml",
        "id: operators\nquestions: [math_basic, geography_basic]\n"
        "models: [llama3.2-1b, qwen2.5-1.5b]\nregions: [US, EU, ASIA]\n",
    )
