"""PostgreSQL's own programs, which come with the embedded server, for the database in use."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from psycopg.conninfo import make_conninfo

from beacon_cli.console.formatting import size
from beacon_cli.console.output_file import opened
from beacon_cli.console.printable import printable
from beacon_cli.console.redaction import own_secret_names
from beacon_cli.errors import StoreError
from beacon_cli.store.address import program_parameters
from beacon_cli.store.connect import connect
from beacon_cli.store.server_programs import programs_folder

if TYPE_CHECKING:
    from rich.console import Console

_OURS = "BEACON_PROXY_"  # the beginning of the names of the credentials for Modal


def dump_database(url: str, output: Path | None, data_path: Path) -> None:
    """Write a database as SQL to a file, which gets its name when it is complete, or to stdout.

    `data_path` is for a copy of the program, if the installed one cannot be trusted.

    Raises `StoreError` if pg_dump fails, or behind a pooler that assigns connections per transaction,
    `EnvironmentFault` if the file cannot be written, and `BrokenPipeError` if nothing reads its output any more.
    """
    _require_usable(url)
    if output is None:
        _dump(url, None, data_path)
        return
    with opened(output) as stream:
        _dump(url, stream, data_path)


def _dump(url: str, stream: IO[bytes] | None, data_path: Path) -> None:
    address, environment = _without_password(url)
    command = [
        str(_program("pg_dump", data_path)),
        "--no-owner",
        "--no-privileges",
        "--encoding=UTF8",
        f"--dbname={address}",
    ]
    done = subprocess.run(
        command, env=environment, stdout=stream, stderr=subprocess.PIPE, text=True, errors="replace", check=False
    )
    if done.returncode < 0 and -done.returncode == getattr(signal, "SIGPIPE", None):
        raise BrokenPipeError
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"pg_dump ended with {done.returncode}"]
        raise StoreError(f"the dump failed: {lines[-1]}", hint="check the database and the output file")


def show_dump(output: Path | None) -> Callable[[Console], None] | None:
    """Return a function that says what was written; None for stdout, and for a device or a pipe."""
    if output is None or not output.is_file():
        return None
    line = f"wrote {size(output.stat().st_size)} of SQL to {printable(str(output))}"
    return lambda console: console.print(line, soft_wrap=True)


def run_psql(url: str, arguments: Sequence[str], data_path: Path) -> int:
    """Run psql in this terminal and return its exit code, as a shell would.

    `data_path` is for a copy of the program, if the installed one cannot be trusted.

    While psql runs, Ctrl-C is for psql and cancels a query. Other signals that end this process also end psql.
    Raises `StoreError` if the server cannot be used.
    """
    _require_usable(url)
    address, environment = _without_password(url)
    command = [str(_program("psql", data_path)), f"--dbname={address}", *arguments]
    handler = signal.signal(signal.SIGINT, lambda *_: None)  # psql and its children would inherit SIG_IGN
    try:
        with subprocess.Popen(command, env=environment) as psql:
            try:
                code = psql.wait()
            except BaseException:
                psql.terminate()  # not kill: it has to restore the terminal
                raise
    finally:
        signal.signal(signal.SIGINT, handler)
    return code if code >= 0 else 128 - code


def _require_usable(url: str) -> None:
    """Raise `StoreError` for a pooler that gives each transaction another session, and the settings to other clients.

    PostgreSQL's programs set a lot for their session, such as an empty search path.
    """
    connect(url).close()


def _program(name: str, data_path: Path) -> Path:
    try:
        return programs_folder(data_path) / name
    except OSError as error:
        raise StoreError(
            f"{name} cannot be copied to {data_path}: {error.strerror}", hint="set BEACON_DATA_DIR to another folder"
        ) from error


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return the address without its password, and the environment that has it: arguments are public.

    The credentials for endpoints are not in it: whoever is at a prompt of psql may start other programs.
    """
    given = program_parameters(url)
    password = given.pop("password", None)
    withheld = own_secret_names()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS) and name not in withheld}
    return make_conninfo("", **given), {**kept, **({"PGPASSWORD": password} if password else {})}
