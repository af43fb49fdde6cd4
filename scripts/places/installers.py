"""Run the README's quickstart as each installer sets it up, from a copy of this clone, and check its answers.

python scripts/places/installers.py                 every way, with one line each
python scripts/places/installers.py uv-venv pipx    only these

uv and pipx are fetched into a virtual environment of their own. All that is made is removed, package caches excepted.
The weights are kept in BEACON_CACHE_DIR, which saves their 570 MB; without it each way fetches them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = 54  # of examples/quickstart.yaml
JOB = "examples/quickstart.yaml"


@dataclass(frozen=True)
class Place:
    """A copy of the clone in a folder of its own, the installers, and the Python that they are to use."""

    folder: Path
    tools: Path
    python: str

    @property
    def clone(self) -> Path:
        """The copy of the clone."""
        return self.folder / "clone"

    @property
    def environment(self) -> dict[str, str]:
        """The variables: whatever an installer makes is made in the folder."""
        names = (
            "PIPX_HOME",
            "PIPX_BIN_DIR",
            "PIPX_MAN_DIR",
            "UV_TOOL_DIR",
            "UV_TOOL_BIN_DIR",
            "UV_PROJECT_ENVIRONMENT",
        )
        own = {name: str(self.folder / name.lower()) for name in names}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHONPATH"))}
        path = os.pathsep.join([str(self.tools), os.environ.get("PATH", os.defpath)])
        data = {"BEACON_DATA_DIR": str(self.folder / "data"), "PATH": path, "PIPX_DEFAULT_BACKEND": "pip"}
        return {"BEACON_CACHE_DIR": str(self.folder / "cache"), **kept, **own, **data}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy; raises `CalledProcessError`."""
        return subprocess.run(command, cwd=self.clone, env=self.environment, capture_output=True, text=True, check=True)


def pip_venv(place: Place) -> Sequence[str]:
    """`python -m venv`, `pip install`: the README's own way."""
    place.run(place.python, "-m", "venv", ".venv")
    place.run(".venv/bin/pip", "install", "--constraint", "constraints.txt", ".[local]")
    return [".venv/bin/beacon"]


def bare_venv(place: Place) -> Sequence[str]:
    """`python -m venv --without-pip`, installed into by a pip from elsewhere."""
    place.run(place.python, "-m", "venv", "--without-pip", ".venv")
    pip = [str(place.tools / "pip"), "--python", ".venv/bin/python"]
    place.run(*pip, "install", "--constraint", "constraints.txt", ".[local]")
    return [".venv/bin/beacon"]


def uv_venv(place: Place) -> Sequence[str]:
    """`uv venv`, `uv pip install`: an environment without pip."""
    place.run("uv", "venv", "--python", place.python, ".venv")
    place.run("uv", "pip", "install", "--constraint", "constraints.txt", ".[local]")
    return [".venv/bin/beacon"]


def uv_run(place: Place) -> Sequence[str]:
    """`uv run`: uv's own environment of the project."""
    return ["uv", "run", "--python", place.python, "--extra", "local", "beacon"]


def uv_tool(place: Place) -> Sequence[str]:
    """`uv tool install`."""
    place.run("uv", "tool", "install", "--python", place.python, ".[local]")
    return [place.environment["UV_TOOL_BIN_DIR"] + "/beacon"]


def uvx(place: Place) -> Sequence[str]:
    """`uvx --from`: nothing is installed."""
    return ["uvx", "--python", place.python, "--from", ".[local]", "beacon"]


def pipx(place: Place) -> Sequence[str]:
    """`pipx install` with pip, which is in an environment that all of pipx's share; with uv it is as `uv tool`."""
    place.run("pipx", "install", "--python", place.python, ".[local]")
    return [place.environment["PIPX_BIN_DIR"] + "/beacon"]


def pip_target(place: Place) -> Sequence[str]:
    """`pip install --target`: a folder on PYTHONPATH."""
    target = place.folder / "target"
    place.run(str(place.tools / "pip"), "--python", place.python, "install", "--target", str(target), ".[local]")
    return ["env", f"PYTHONPATH={target}", place.python, "-m", "beacon_cli"]


WAYS: Mapping[str, Callable[[Place], Sequence[str]]] = {
    "pip-venv": pip_venv,
    "bare-venv": bare_venv,
    "uv-venv": uv_venv,
    "uv-run": uv_run,
    "uv-tool": uv_tool,
    "uvx": uvx,
    "pipx": pipx,
    "pip-target": pip_target,
}


def main() -> int:
    """Go through the ways; return 1 when one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"{', '.join(WAYS)} (default: all)")
    parser.add_argument("--python", default=sys.executable, help="the Python that they use (default: this one)")
    options = parser.parse_args()
    if unknown := set(options.ways) - set(WAYS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(WAYS)}")
    with tempfile.TemporaryDirectory(prefix="beacon-places-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # root's database server runs as another user, which must get through
        tools = _installers(folder / "tools")
        problems = [_tried(way, folder / way, tools, options.python) for way in options.ways or WAYS]
    return 1 if any(problems) else 0


def _installers(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "uv", "pipx"], check=True)
    return folder / "bin"


def _tried(way: str, folder: Path, tools: Path, python: str) -> bool:
    """Try a way, print a line about it, and return whether it failed."""
    started = time.monotonic()
    _copy_clone(folder / "clone")
    place = Place(folder, tools, python)
    try:
        command = WAYS[way](place)
        problem = _problem(place.run(*command, "run", JOB, "--local", "--json").stdout)
    except subprocess.CalledProcessError as error:
        problem = f"exit code {error.returncode} of {' '.join(error.cmd)}\n{error.stdout}{error.stderr}"
    print(f"{way:12} {'FAILED' if problem else 'ok'} {time.monotonic() - started:6.1f} s  {problem}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return bool(problem)


def _copy_clone(target: Path) -> None:
    """Copy what git knows, or would add: not the environments and caches that lie about in a clone."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (source := ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def _problem(document: str) -> str:
    """Return what is wrong with the result of `beacon run --json`, or nothing."""
    completed = json.loads(document)["data"]["counts"]["completed"]
    return "" if completed == ANSWERS else f"{completed} answers instead of {ANSWERS}"


if __name__ == "__main__":
    sys.exit(main())
