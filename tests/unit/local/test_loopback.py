"""A machine that cannot connect to itself is told so before any server is started."""

from __future__ import annotations

import pytest

from beacon_cli.errors import LocalServerError
from beacon_cli.local.loopback import require_loopback


def test_this_machine_can() -> None:
    require_loopback()


def test_a_machine_without_it_is_an_error_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beacon_cli.local.loopback._ADDRESS", "203.0.113.1")
    with pytest.raises(LocalServerError, match=r"^this machine cannot connect to itself at 203\.0\.113\.1: ") as caught:
        require_loopback()
    assert "ip link set lo up" in caught.value.hint
