"""A question before something is destroyed."""

from __future__ import annotations

import io
import sys

import pytest

from beacon_cli.console.confirmation import require_confirmation
from beacon_cli.errors import ProblemsFound


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_yes_goes_on(answer: str, shown: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    require_confirmation("really?")
    assert shown.getvalue() == "really? [y/N] "


@pytest.mark.parametrize("answer", ["\n", "n\n", ""])
def test_anything_else_changes_nothing(answer: str, shown: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(ProblemsFound, match="nothing was changed"):
        require_confirmation("really?")


def test_a_script_is_not_asked(shown: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    require_confirmation("really?")
    assert shown.getvalue() == ""
