"""Run the README's first command as other users, in other folders, and check what it leaves. As root, on Linux.

    python3 scripts/places/users.py [PLACE…]

The weights are taken from BEACON_CACHE_DIR, so that they are not fetched again for each place. Whatever is made, users
included, is removed again.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CLONE = Path(__file__).parents[2]
ANSWERS = 54  # of examples/quickstart.yaml
NAMELESS = 41_234
USER = "beacon-place"
# The interpreter that a machine has for everybody: that of this script may lie in root's own folder.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this machine reaches the package index.
KEPT = ("PIP_", "SSL_", "REQUESTS_", "CURL_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass
class Place:
    """A folder with a clone of its own, and who works there."""

    folder: Path
    uid: int
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the clone, as the place's user."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        words = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"] if self.uid else []
        return subprocess.run(
            [*words, "bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder / "clone",
            env={**kept, "PATH": SYSTEM_PATH, "LANG": "C.UTF-8", **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def main() -> None:
    """Try the places that are named, or all."""
    places = {"private": private, "user": ordinary_user, "nameless": nameless}
    command = subprocess.check_output([sys.executable, "scripts/readme_command.py", "1"], cwd=CLONE, text=True)
    failed = False
    for name in sys.argv[1:] or list(places):
        began = time.monotonic()
        with places[name]() as place:
            done = place.run(command)
            problem = problem_of(place, done)
        failed |= bool(problem)
        print(f"{name:<10} {time.monotonic() - began:5.1f} s  {problem or 'ok'}", flush=True)
        if problem:
            print(done.stdout)
    sys.exit(failed)


def problem_of(place: Place, done: subprocess.CompletedProcess[str]) -> str:
    """Return what is not as it should be after the command, or nothing."""
    if done.returncode != 0:
        return f"exit code {done.returncode}"
    if f"ok: {ANSWERS} of {ANSWERS} answers" not in done.stdout:
        return f"not {ANSWERS} answers"
    rows = place.run(".venv/bin/beacon db psql -Atc 'SELECT count(*) FROM executions'").stdout.splitlines()[-1:]
    if rows != [str(ANSWERS)]:
        return f"rows: {rows}"
    if mode_of(place.folder) != (0o700, place.uid):
        return f"the folder has mode {mode_of(place.folder)} now"
    return f"left running: {left}" if (left := left_running_in(place.folder)) else ""


def mode_of(folder: Path) -> tuple[int, int]:
    """Return a folder's mode and owner."""
    status = folder.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid


def left_running_in(folder: Path) -> list[str]:
    """Return the processes that work in a folder or were started from it, and do not end within half a minute."""
    give_up_at = time.monotonic() + 30
    while (found := running_in(folder)) and time.monotonic() < give_up_at:
        time.sleep(0.1)
    return found


def running_in(folder: Path) -> list[str]:
    """Return the processes that work in a folder or were started from it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str((process / link).readlink()).startswith(str(folder)) for link in ("cwd", "exe")):
                found.append(f"{process.name} {(process / 'cmdline').read_text()}")
    return found


@contextlib.contextmanager
def private() -> Iterator[Place]:
    """Root in a folder that is closed to everybody else, with the data where root's data lie."""
    with clone_for(0) as folder:
        data = Path(tempfile.mkdtemp(prefix="beacon-data-", dir="/var/lib"))
        data.chmod(0o755)
        try:
            yield Place(folder, 0, {"HOME": "/root", "BEACON_DATA_DIR": str(data), **cache()})
        finally:
            shutil.rmtree(data)


@contextlib.contextmanager
def ordinary_user() -> Iterator[Place]:
    """A user whose home has a space and a letter beyond ASCII; data and cache lie there, nothing is set."""
    home = Path("/home/béacon place")
    subprocess.run(["useradd", "--home-dir", home, "--create-home", USER], check=True)
    try:
        entry = pwd.getpwnam(USER)
        with clone_for(entry.pw_uid, home) as folder:
            yield Place(folder, entry.pw_uid, {"HOME": str(home), "USER": USER, **cache()})
    finally:
        subprocess.run(["userdel", USER], check=True)
        shutil.rmtree(home)


@contextlib.contextmanager
def nameless() -> Iterator[Place]:
    """A user id without an account, as with `docker run --user`."""
    with clone_for(NAMELESS) as folder:
        yield Place(folder, NAMELESS, {"HOME": "/", "BEACON_DATA_DIR": str(folder / "data"), **cache()})


def cache() -> dict[str, str]:
    """Return where the weights are, if they were fetched before."""
    return {name: os.environ[name] for name in ("BEACON_CACHE_DIR",) if name in os.environ}


@contextlib.contextmanager
def clone_for(uid: int, above: Path = Path("/var/tmp")) -> Iterator[Path]:
    """Yield a private folder of a user, with a clone of this repository in it."""
    folder = Path(tempfile.mkdtemp(prefix="beacon-place-", dir=above))
    try:
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", CLONE, folder / "clone"], check=True)
        subprocess.run(["chown", "-R", f"{uid}:{uid}", folder], check=True)
        yield folder
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
