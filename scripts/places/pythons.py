"""Run the unit tests on every other Python at hand that Beacon supports, and show which share of the lines they reach.

Each runs in an environment of its own. Since Python 3.12 counting lines costs next to nothing.

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
        passed, outcome = unit_tests(python)
        failed = failed or not passed
        print(f"Python {'.'.join(map(str, version))}: {outcome}, {time.monotonic() - started:.0f} s", flush=True)
    sys.exit(failed)


def pythons() -> dict[tuple[int, int], str]:
    """Return interpreters by version: those that uv finds, and pyenv's, without the version that runs this."""
    listed = [UV, "python", "list", "--only-installed", "--output-format", "json"]
    found = json.loads(subprocess.run(listed, check=True, capture_output=True, text=True).stdout)
    paths = [each["path"] for each in found if each["implementation"] == "cpython"]
    paths += map(str, Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv").glob("versions/3.*/bin/python"))
    versions: dict[tuple[int, int], str] = {}
    for path in paths:
        shown = [path, "-c", "import sys; print(*sys.version_info[:2])"]
        major, minor = subprocess.run(shown, check=True, capture_output=True, text=True).stdout.split()
        version = (int(major), int(minor))
        if version >= OLDEST and version != sys.version_info[:2]:
            versions.setdefault(version, path)
    return versions


def unit_tests(python: str) -> tuple[bool, str]:
    """Return whether the unit tests pass on an interpreter, and what to say of it."""
    with tempfile.TemporaryDirectory() as folder:
        counting = {"COVERAGE_CORE": "sysmon", "COVERAGE_FILE": f"{folder}/coverage"}
        environment = {**os.environ, **counting, "VIRTUAL_ENV": folder}
        commands = [
            [UV, "venv", "--quiet", "--clear", "--python", python, folder],
            [UV, "pip", "install", "--quiet", "--constraint", "constraints-dev.txt", ".[local,dev]"],
            [f"{folder}/bin/pytest", "-q", "-n", "3", "--cov=beacon_cli", "tests/unit"],
        ]
        for command in commands:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(done.stdout[-4000:], done.stderr[-4000:], sep="\n")
                return False, f"{Path(command[0]).name} ended with {done.returncode}"
        [total] = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("TOTAL")]
    return True, f"passed, {total} of the lines"


if __name__ == "__main__":
    main()
