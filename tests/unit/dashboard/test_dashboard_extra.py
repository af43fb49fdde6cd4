"""The dashboard without its extra."""

from __future__ import annotations

import importlib

import pytest

import beacon_cli.dashboard
from beacon_cli import extras
from beacon_cli.errors import MissingExtra


def test_without_the_extra_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "has", lambda module: module != "uvicorn")
    with pytest.raises(MissingExtra, match=r"^this needs uvicorn$") as raised:
        importlib.reload(beacon_cli.dashboard)
    assert raised.value.exit_code == 3
    assert "dashboard" in raised.value.hint
