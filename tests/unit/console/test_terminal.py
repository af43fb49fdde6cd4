"""Messages on a terminal break between words; elsewhere a line stays a line."""

from __future__ import annotations

import io
import logging
import os
import termios
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO

import pytest

from beacon_cli.console.diagnostics import diagnostics
from beacon_cli.console.terminal import wrapped_for
from beacon_cli.executor.events import Notice
from beacon_cli.live.plain import PlainView
from beacon_cli.live.screen import LiveView

LINE = "calls in flight are cancelled and recorded; Ctrl-C again quits at once"
WRAPPED = "calls in flight are cancelled\nand recorded; Ctrl-C again\nquits at once"


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, int]]:
    """A terminal of 30 columns, and the descriptor that its output is read from."""
    reader, writer = os.openpty()
    termios.tcsetwinsize(writer, (24, 30))
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream, reader
    os.close(reader)


def read(reader: int) -> str:
    return os.read(reader, 65536).decode().replace("\r\n", "\n")


def test_a_line_breaks_between_words_on_a_terminal_alone(terminal: tuple[TextIO, int]) -> None:
    assert wrapped_for(terminal[0], LINE) == WRAPPED
    assert wrapped_for(io.StringIO(), LINE) == LINE
    assert wrapped_for(None, LINE) == LINE


def test_so_do_the_logs(terminal: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", terminal[0])
    with diagnostics():
        logging.getLogger("beacon_cli").warning(LINE)
    assert read(terminal[1]) == f"{WRAPPED}\n"


@pytest.mark.parametrize("view", [PlainView, LiveView])
def test_so_do_the_lines_of_a_run(terminal: tuple[TextIO, int], view: type[PlainView] | type[LiveView]) -> None:
    with view(terminal[0]) as shown:
        shown.handle(Notice("job", datetime(2026, 11, 26, tzinfo=UTC), LINE))
    told = read(terminal[1])
    assert "2026-11-26T00:00:00Z calls in\nflight are cancelled and\nrecorded; Ctrl-C again quits\nat once\n" in told
