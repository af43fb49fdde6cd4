"""Settings from a `beacon.toml` and from variables, in an empty folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from beacon_cli.config import load_settings
from beacon_cli.errors import ConfigError
from beacon_cli.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without anything of Beacon's."""
    for name in [name for name in os.environ if name.startswith("BEACON_")] + ["DATABASE_URL"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(content: str = "", **variables: str) -> Settings:
    """Load a `beacon.toml` of the working folder, with variables; their names come without the `BEACON_`."""
    if content:
        Path("beacon.toml").write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(f"BEACON_{name}", value)
        return load_settings()


def refusal(content: str = "", **variables: str) -> str:
    """Return what is said about settings that are refused: the message and the hint."""
    with pytest.raises(ConfigError) as caught:
        load(content, **variables)
    return f"{caught.value.message}\n{caught.value.hint}"
