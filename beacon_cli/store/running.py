"""Finding the embedded server while it runs, without its library: in a few milliseconds, and touching nothing."""

from __future__ import annotations

import os
from pathlib import Path

# The lines of postmaster.pid: https://www.postgresql.org/docs/current/storage-file-layout.html,
# src/include/utils/pidfile.h
_PID, _PORT, _SOCKET_FOLDER, _STATUS = 0, 3, 4, 7


def running_server(data_path: Path) -> str | None:
    """Return how to connect to the embedded server of a data folder, None while it does not run."""
    for file in data_path.glob("pg*/postmaster.pid"):
        lines = file.read_text(encoding="utf-8").splitlines()
        if len(lines) > _STATUS and lines[_STATUS].strip() == "ready" and _is_alive(int(lines[_PID])):
            from psycopg.conninfo import make_conninfo

            return make_conninfo(host=lines[_SOCKET_FOLDER], port=lines[_PORT], user="postgres", dbname="postgres")
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another account's, such as pgserver's
        pass
    return True
