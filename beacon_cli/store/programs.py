"""PostgreSQL's own programs, which come with the embedded server, on whatever database is in use."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import make_conninfo

from beacon_cli.errors import StoreError
from beacon_cli.store.connect import connection_parameters
from beacon_cli.store.embedded import program


def dump_database(url: str, output: Path | None) -> None:
    """Write a database as SQL to a file, or to stdout. Raises `StoreError` when pg_dump fails."""
    address, environment = _without_password(url)
    command = [str(program("pg_dump")), "--no-owner", "--no-privileges", f"--dbname={address}"]
    if output is not None:
        command.append(f"--file={output}")
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StoreError(f"the dump failed: {lines[-1]}", hint="check the database and the output file")


def run_psql(url: str, arguments: Sequence[str]) -> int:
    """Run psql in this terminal and return its exit code. Ctrl-C is psql's while it runs: it cancels a query."""
    address, environment = _without_password(url)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.call([str(program("psql")), f"--dbname={address}", *arguments], env=environment)
    finally:
        signal.signal(signal.SIGINT, handler)


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return the address without its password, which goes by the environment: arguments are for all to see."""
    given = connection_parameters(url, statement_timeout="0")
    password = given.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    return make_conninfo("", **given), environment
