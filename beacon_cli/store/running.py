"""Finds the embedded server while it runs: in a few milliseconds, without changes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import psutil

POSTGRESQL = 18
"""The major version of the embedded server; its data folder is named by it."""

PORT = 5432
"""Part of the socket's name. It is written into every URL: PGPORT in the environment may mean another server."""

SUPERUSER = "postgres"
"""PostgreSQL's own user, and the database of that name, in which Beacon's tables are."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The contents of a server's own file, `postmaster.pid`, one field per line.

    https://www.postgresql.org/docs/18/storage-file-layout.html; `status` is `starting`, `ready`, `stopping`, or
    empty where the file is not complete yet.
    """

    pid: int
    socket_folder: Path | None
    status: str

    @classmethod
    def of(cls, folder: Path) -> Postmaster | None:
        """Return the contents of the file in a server's folder; None if it is missing or still empty."""
        try:
            lines = (folder / "postmaster.pid").read_text(errors="surrogateescape").split("\n")
        except FileNotFoundError:
            return None
        if not re.fullmatch(r"[0-9]{1,10}", lines[0].strip()):
            return None
        lines += [""] * 8
        socket = lines[4].strip()
        return cls(int(lines[0]), folder / socket if socket else None, lines[7].strip())

    def process(self) -> psutil.Process | None:
        """Return the server's process, None if it is gone.

        After a crash of the machine its id may belong to another program; without a reaper it may be a zombie.
        """
        import psutil

        try:
            process = psutil.Process(self.pid)
            gone = process.status() == psutil.STATUS_ZOMBIE or "postgres" not in process.name()
        except psutil.Error:
            return None
        return None if gone else process

    @property
    def url(self) -> str:
        """The URL to connect; every part is given, so that no variable of libpq is used."""
        return f"postgresql://{SUPERUSER}@/{SUPERUSER}?host={quote(str(self.socket_folder))}&port={PORT}"


def running_server(data_path: Path) -> Postmaster | None:
    """Return the server of a data folder, None if none runs."""
    server = Postmaster.of(server_folder(data_path))
    return server if server is not None and server.process() is not None else None


def running_url(data_path: Path) -> str | None:
    """Return the URL of the running server."""
    server = running_server(data_path)
    return server.url if server is not None and server.status == "ready" else None


def running_pid(data_path: Path) -> int | None:
    """Return the process id of the running server."""
    server = running_server(data_path)
    return server.pid if server is not None else None


def server_folder(data_path: Path) -> Path:
    """Return the server's data folder, named after PostgreSQL's major version so that an upgrade starts a new one."""
    return Path(os.path.realpath(data_path)) / f"pg{POSTGRESQL}"
