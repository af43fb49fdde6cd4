"""A PostgreSQL over TCP on loopback, with the programs of the embedded one; it can be restarted and killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from beacon_cli.store import postmaster, running
from beacon_cli.store.server_programs import programs_folder
from beacon_cli.store.server_user import server_user
from tests.support.ports import free_port


@dataclass
class TcpPostgres:
    """`url` is of the database `postgres`; the server's own user is its superuser, and passwords are not asked for."""

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        return running.server_folder(self.folder)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self._control("-w", "-l", str(self.data / "log"), "-o", f"-h 127.0.0.1 -p {self.port} -k {self.data}", "start")

    def stop(self, mode: str = "fast") -> None:
        self._control("-w", "-m", mode, "stop")

    def create(self, database: str, template: str = "template0") -> str:
        names = {"name": sql.Identifier(database), "template": sql.Identifier(template)}
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy").format(**names))
        return self.url(database)

    def drop(self, database: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _control(self, *arguments: str) -> None:
        user = server_user()
        command = [str(programs_folder(self.folder, user) / "pg_ctl"), "-D", str(self.data), *arguments]
        subprocess.run(
            user.command(command),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **user.options(),
        )


@contextlib.contextmanager
def tcp_postgres() -> Iterator[TcpPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="beacon-fleet-"))
    folder.chmod(0o755)
    try:
        postmaster.start(folder)  # makes the data folder, and as root its user
        postmaster.stop(folder)
        server = TcpPostgres(folder, free_port())
        with (server.data / "postgresql.conf").open("a") as settings:
            settings.write("max_connections = 200\n")
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


assert os.name == "posix"
