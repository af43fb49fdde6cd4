"""A PgBouncer on loopback in front of a PostgreSQL, as an unprivileged account; it can be killed and started again."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from psycopg.conninfo import conninfo_to_dict

from beacon_cli.store.server_user import server_user
from tests.support.ports import free_port

Mode = Literal["session", "transaction", "statement"]

_SETTINGS = """
[databases]
* = host={host} port={server_port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
logfile = {folder}/log
{more}
"""


@dataclass
class PgBouncer:
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        user = server_user().options()
        self.process = subprocess.Popen(
            [program(), "-q", str(self.folder / "pgbouncer.ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **user,
        )
        give_up_at = time.monotonic() + 300
        while not _listens(self.port):
            assert time.monotonic() < give_up_at, (self.folder / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def program() -> str:
    """Return PgBouncer's path; skips the test where it is not installed."""
    found = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if found is None:
        pytest.skip("PgBouncer is not installed (apt-get install pgbouncer)")
    return found


@contextlib.contextmanager
def pgbouncer(server_url: str, mode: Mode, more: str = "") -> Iterator[PgBouncer]:
    """Yield a PgBouncer that hands out connections to a server in this way; `more` are lines of its settings."""
    program()
    server = conninfo_to_dict(server_url)
    folder = Path(tempfile.mkdtemp(prefix="beacon-pgbouncer-"))
    bouncer = PgBouncer(folder, free_port())
    where = {"host": server["host"], "server_port": server["port"], "user": server["user"], "folder": folder}
    (folder / "pgbouncer.ini").write_text(_SETTINGS.format(**where, port=bouncer.port, mode=mode, more=more))
    if server_user().is_account:
        shutil.chown(folder, server_user().uid)
    folder.chmod(0o755)
    try:
        bouncer.start()
        yield bouncer
    finally:
        bouncer.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
