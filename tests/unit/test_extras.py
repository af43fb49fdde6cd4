"""Extras that are not installed: the command that adds them, in the way in which Beacon was installed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.extras import how_to_install, requirement_of


@pytest.mark.parametrize(
    ("direct_url", "options", "requirement"),
    [
        ({}, [], "beacon-cli[fleet,local]"),
        ({"url": "file:///a%20clone", "dir_info": {}}, [], "/a clone[fleet,local]"),
        ({"url": "file:///clone", "dir_info": {"editable": True}}, ["--editable"], "/clone[fleet,local]"),
        (
            {"url": "https://h/b.git", "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"}},
            [],
            "beacon-cli[fleet,local] @ git+https://h/b.git@abc",
        ),
        ({"url": "https://h/b.whl", "archive_info": {}}, [], "beacon-cli[fleet,local] @ https://h/b.whl"),
    ],
)
def test_the_requirement_names_what_was_installed(
    direct_url: dict[str, Any], options: list[str], requirement: str
) -> None:
    assert requirement_of(direct_url, ["fleet", "local"]) == (options, requirement)


@pytest.mark.parametrize(
    ("mark", "installer"),
    [
        ("uv-receipt.toml", ["uv", "tool", "install"]),
        ("pipx_metadata.json", ["pipx", "install", "--force"]),
        ("pyvenv.cfg", [sys.executable, "-m", "pip", "install"]),
    ],
)
def test_the_program_that_installed_beacon_installs_the_extra(
    mark: str, installer: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / mark).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr("beacon_cli.extras.find_spec", lambda _: True)
    words = shlex.split(how_to_install("fleet").removeprefix("install it with: "))
    assert words[: len(installer)] == installer
    assert "fleet" in words[-1]


def test_uvx_is_started_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beacon_cli.extras.words_of_uv", lambda: ("uvx", "--from", "x[local]", "beacon"))
    words = shlex.split(how_to_install("fleet").removeprefix("start it with: "))
    assert (words[:2], words[3:]) == (["uvx", "--from"], ["beacon"])
