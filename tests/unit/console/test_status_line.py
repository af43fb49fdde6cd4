"""What a terminal shows while a command computes: a line after a moment, and nothing of it at the end."""

from __future__ import annotations

import io
import logging
import threading

import pytest

from beacon_cli.console import status_line as module
from beacon_cli.console.diagnostics import diagnostics
from beacon_cli.console.status_line import status_line

CLEAR = "\r\x1b[2K"


class Terminal(io.StringIO):
    """A stream that knows when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        self.written.set()
        return count


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(module, "write_stderr", stream.write)
    monkeypatch.setattr(module, "can_redraw", lambda: True)
    monkeypatch.setattr(module, "is_verbose", lambda: False)
    return stream


def test_a_line_says_what_is_done_and_goes_at_the_end(terminal: Terminal) -> None:
    with status_line("comparing", after=0):
        assert terminal.written.wait(300)
        assert terminal.getvalue() == "comparing ..."
    assert terminal.getvalue() == f"comparing ...{CLEAR}"


def test_what_is_done_at_once_shows_nothing(terminal: Terminal) -> None:
    with status_line("comparing", after=30):
        pass
    assert terminal.getvalue() == ""


def test_the_line_goes_before_an_error_is_told(terminal: Terminal) -> None:
    def fails() -> None:
        assert terminal.written.wait(300)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), status_line("comparing", after=0):
        fails()
    assert terminal.getvalue().endswith(CLEAR)


def test_without_a_terminal_nothing_is_shown(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "can_redraw", lambda: False)
    with status_line("comparing", after=0):
        pass
    assert terminal.getvalue() == ""


def test_a_log_takes_the_place_of_the_line(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    def logged_to() -> str:
        """Return what the terminal showed when the log was written."""
        return terminal.getvalue() if "waiting for another process" in capsys.readouterr().err else "no log"

    with diagnostics(), status_line("starting", after=0):
        assert terminal.written.wait(300)
        logging.getLogger("beacon_cli.store").warning("waiting for another process")
        assert logged_to() == f"starting ...{CLEAR}"
    assert terminal.getvalue() == f"starting ...{CLEAR}"
