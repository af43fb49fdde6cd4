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


def asked(answer: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdin", answer)
    require_confirmation("really?")
    return terminal.getvalue()


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_yes_goes_on(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(Terminal(answer), monkeypatch) == "really? [y/N] "


@pytest.mark.parametrize("answer", ["\n", "n\n", ""])
def test_anything_else_changes_nothing(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProblemsFound, match="nothing was changed"):
        asked(Terminal(answer), monkeypatch)


def test_a_script_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(io.StringIO("n\n"), monkeypatch) == ""
