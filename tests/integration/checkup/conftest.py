"""`beacon doctor` on set-ups that a test breaks."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from beacon_cli.main import program
from beacon_cli.network.roots import VARIABLES

Line = tuple[str, str, str]  # status, what, next


_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Doctor:
    """Runs the command in an empty folder; `variables` sets what is broken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Line]]:
        """Return the exit code, and each line by its name."""
        code, out = self.run(*arguments, "--json")
        document = json.loads(out)
        failed = [check["name"] for check in document["data"]["checks"] if check["status"] == "failed"]
        assert [error["code"] for error in document["errors"]] == failed
        assert document["ok"] == (not failed) == (code == 0)
        return code, {each["name"]: (each["status"], each["what"], each["next"]) for each in document["data"]["checks"]}

    def run(self, *arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = program(["doctor", *arguments])
        return code, out.getvalue()


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's tmp_path: as root the embedded server runs as a user of its own, to which that folder is closed.
    made = Path(tempfile.mkdtemp(prefix="beacon-doctor-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Doctor:
    """A doctor that finds nothing configured on this machine."""
    for name in list(os.environ):
        if name.startswith(("BEACON_", "MODAL_", "DATABASE_URL")) or name.upper() in (*_PROXIES, *VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    made = Doctor(monkeypatch, folder)
    made.set(BEACON_DATA_DIR=str(folder / "data"), MODAL_CONFIG_PATH=str(folder / "none.toml"))
    return made
