"""The location of the embedded server's socket: in its data folder, or in a private folder with a shorter path."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from beacon_cli.store.running import PORT
from beacon_cli.store.server_user import ServerUser

# In a connection string a comma separates hosts; redaction may mistake other characters for a password.
_PLAIN = re.compile(r"/[A-Za-z0-9 ._/+=~-]*[A-Za-z0-9._/+=~-]")
_LONGEST_PATH = 103  # bytes, of sockaddr_un on macOS; Linux takes four more
_LONGEST_TEMPORARY = 60
_NAME_FILE = "postgresql.socket"
_PREFIX = "beacon-"


def socket_folder(data_path: Path, server_folder: Path, user: ServerUser) -> Path:
    """Return the folder for the server's socket, created if missing; only the server's user has access.

    It is always the same for a data folder, so that an address stays valid when the server is restarted.
    """
    if fits(server_folder):
        return server_folder
    chosen = _chosen(data_path)
    if chosen is None or not _made_private(chosen, user):
        chosen = _new_folder(user)
        (data_path / _NAME_FILE).write_text(str(chosen))
    return chosen


def remove_socket_folder(data_path: Path) -> None:
    """Remove the folder that `socket_folder` made elsewhere; its name stays reserved in the data folder."""
    if (chosen := _chosen(data_path)) is not None:
        with contextlib.suppress(OSError):  # missing, or not empty: the server still runs
            chosen.rmdir()


def socket_file(folder: Path) -> Path:
    """Return the path of the socket in a folder."""
    return folder / f".s.PGSQL.{PORT}"


def fits(folder: Path) -> bool:
    """Return whether a path can be a socket's folder, and can be used unchanged in a connection string."""
    path = str(folder)
    return _PLAIN.fullmatch(path) is not None and len(os.fsencode(socket_file(folder))) <= _LONGEST_PATH


def _chosen(data_path: Path) -> Path | None:
    try:
        folder = Path((data_path / _NAME_FILE).read_text())
    except (FileNotFoundError, ValueError):  # ValueError: not text
        return None
    return folder if fits(folder) and folder.name.startswith(_PREFIX) else None


def _made_private(folder: Path, user: ServerUser) -> bool:
    """Create the folder unless it exists. Return whether only this user has access: others could have created it."""
    try:
        folder.mkdir(mode=0o700)
        _give(folder, user)
    except FileExistsError:
        pass
    except OSError:
        return False
    return folder.is_dir() and not folder.is_symlink() and user.owns(folder.stat())


def _new_folder(user: ServerUser) -> Path:
    temporary = tempfile.gettempdir()
    private = fits(Path(temporary) / "beacon-12345678") and len(temporary) <= _LONGEST_TEMPORARY
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=temporary if private else "/tmp"))
    _give(folder, user)
    return folder


def _give(folder: Path, user: ServerUser) -> None:
    folder.chmod(0o700)
    if user.is_account:
        shutil.chown(folder, user.uid, user.gid)
