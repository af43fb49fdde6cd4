"""Run the unit tests on every other Python at hand that Beacon supports, each in an environment of its own.

`python scripts/places/pythons.py`, with the environment of the tests: its uv finds the Pythons and installs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).parent / "uv")
OLDEST = (3, 11)


def main() -> None:
    """Test each, and print a line for it; ends with 1 where one failed."""
    failed = False
    for version, python in sorted(pythons().items()):
        started = time.monotonic()
        reason = failure(python)
        failed = failed or reason is not None
        print(
            f"Python {'.'.join(map(str, version))}: {reason or 'passed'}, {time.monotonic() - started:.0f} s",
            flush=True,
        )
    sys.exit(failed)


def pythons() -> dict[tuple[int, int], str]:
    """Return the path of an interpreter by its version, without the version that runs this."""
    listed = subprocess.run(
        [UV, "python", "list", "--only-installed", "--output-format", "json"],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[tuple[int, int], str] = {}
    for each in json.loads(listed.stdout):
        version = (each["version_parts"]["major"], each["version_parts"]["minor"])
        if each["implementation"] == "cpython" and version >= OLDEST and version != sys.version_info[:2]:
            found.setdefault(version, each["path"])
    return found


def failure(python: str) -> str | None:
    """Return why the unit tests do not pass on an interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "VIRTUAL_ENV": folder}
        commands = [
            [UV, "venv", "--quiet", "--clear", "--python", python, folder],
            [UV, "pip", "install", "--quiet", "--constraint", "constraints-dev.txt", ".[local,dev]"],
            [f"{folder}/bin/pytest", "-q", "-n", "3", "tests/unit"],
        ]
        for command in commands:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                print(done.stdout[-4000:], done.stderr[-4000:], sep="\n")
                return f"{Path(command[0]).name} ended with {done.returncode}"
    return None


if __name__ == "__main__":
    main()
