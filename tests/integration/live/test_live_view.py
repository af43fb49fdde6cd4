"""The live view on a pseudo-terminal, read back from the screen that it draws."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pexpect
import pyte
import pytest

ROOT = Path(__file__).parents[3]
WAIT = 300.0
UNWANTED = ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
END_OF_FRAME = b"\x1b[?2026l"


class Terminal:
    """A process on a pseudo-terminal, and the screen that its output makes."""

    def __init__(self, arguments: str, columns: int, rows: int, **environment: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if k not in UNWANTED}
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.output = b""
        self.process = pexpect.spawn(
            f"{sys.executable} -m tests.support.run_feed {arguments}",
            dimensions=(rows, columns),
            cwd=str(ROOT),
            env={**inherited, "TERM": "xterm-256color", **environment},
            timeout=WAIT,
        )

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    def written_by_others(self, data: bytes) -> None:
        self._stream.feed(data)

    def until(self, seen: Callable[[str], bool]) -> str:
        """Return the screen's text as soon as it satisfies `seen`, at the end of a frame."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            if self.output.endswith(END_OF_FRAME) and seen(shown := self.text()):
                return shown
            if not self._read():
                break
        raise AssertionError(f"not seen within {WAIT} s, or before the end:\n{self.text()}")

    def to_the_end(self) -> str:
        while self._read():
            pass
        self.process.close()
        return self.text()

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def _read(self) -> bool:
        try:
            data = self.process.read_nonblocking(65536, timeout=0.05)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.output += data
        self._stream.feed(data)
        return True


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(arguments: str, columns: int = 80, rows: int = 24, **environment: str) -> Terminal:
        started.append(Terminal(arguments, columns, rows, **environment))
        return started[-1]

    yield start
    for each in started:
        each.process.close(force=True)


def whole_frames(shown: str) -> int:
    return len(re.findall(r"^beacon run  bias-demo-1", shown, re.MULTILINE))


# 3 questions are 18 cells; the run waits at its end, so that the last frame can be read.
HELD = "--questions 3 --pause 0.005 --hold 600"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50), (40, 12)])
def test_one_whole_frame_is_on_the_screen(terminal: Callable[..., Terminal], columns: int, rows: int) -> None:
    shown = terminal(HELD, columns, rows).until(lambda text: "18/18" in text)
    lines = shown.splitlines()
    assert whole_frames(shown) == 1
    assert len(lines) <= rows - 1
    assert "question 3 of 3  question_3" in shown
    assert re.search(r"US +EU +ASIA", shown)
    if columns >= 80:
        assert "qwen2.5-1.5b  ✗ 2 T 1" in shown
        assert "in flight 0 of 10   containers 6   hops 3   retries 3   failed 3" in shown


def test_failures_and_notices_stay_above_the_view(terminal: Callable[..., Terminal]) -> None:
    shown = terminal(HELD, 160, 40).until(lambda text: "18/18" in text)
    above, _, _ = shown.partition("beacon run  bias-demo-1")
    assert "2026-03-04T05:06:09Z the database went away; answers are kept in the journal" in above
    assert "execution failed question=question_1 model=qwen2.5-1.5b region=US attempts=3" in above
    assert "execution timed out question=question_2" in above


def test_the_end_takes_the_view_away_for_the_summary_to_follow(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("--questions 2 --pause 0.002", 160, 40).to_the_end()
    assert whole_frames(shown) == 0
    assert "settled" not in shown
    assert "latest answers" not in shown


def test_an_error_in_mid_run_leaves_the_terminal_as_it_was(terminal: Callable[..., Terminal]) -> None:
    view = terminal("--questions 2 --pause 0.02 --stop-after 12", 160, 40)
    shown = view.to_the_end()
    assert whole_frames(shown) == 0
    assert "job bias-demo-1 interrupted" in shown
    assert "RuntimeError: boom" in shown.splitlines()[-1]
    # Modes that were switched off are on again: autowrap (7), the cursor (25).
    assert view.output.rfind(b"\x1b[?7h") > view.output.rfind(b"\x1b[?7l")
    assert b"\x1b[?25l" not in view.output
    assert b"\x1b[?1049h" not in view.output


def has_line(line: str, text: str) -> bool:
    return line in text.splitlines()


@pytest.mark.parametrize("environment", [{}, {"COLUMNS": "80", "LINES": "24"}], ids=["", "exported size"])
def test_resizing_leaves_one_intact_frame(terminal: Callable[..., Terminal], environment: dict[str, str]) -> None:
    view = terminal("--questions 200 --pause 0.02", 120, 30, **environment)
    view.until(lambda text: "latest answers" in text)
    for columns, rows in ((60, 30), (44, 20), (100, 12), (200, 50), (80, 24)):
        view.resize(columns, rows)
        # Nothing of a wider or narrower frame is left: the header is as wide as the terminal allows.
        cut = "beacon run  bias-demo-1  running  batching question  200 questions  2 models  3 regions"
        header = cut if len(cut) < columns else cut[: columns - 2] + "…"
        shown = view.until(partial(has_line, header))
        assert whole_frames(shown) == 1
        assert len(shown.splitlines()) <= rows - 1


def test_after_a_suspension_the_view_begins_anew_below_the_shells_lines(terminal: Callable[..., Terminal]) -> None:
    view = terminal(HELD, 80, 60)
    before = view.until(lambda text: "18/18" in text)
    view.written_by_others(b"^Z\r\n[1]+  Stopped\r\n$ fg\r\n")
    os.kill(view.process.pid, signal.SIGCONT)
    shown = view.until(lambda text: whole_frames(text) == 2)
    above, _, below = shown.partition("$ fg\n")
    assert above == f"{before}\n^Z\n[1]+  Stopped\n"
    assert (whole_frames(below), len(below.splitlines())) == (1, len(before[before.index("beacon run") :].splitlines()))


def test_hostile_answers_do_not_reach_the_terminal(terminal: Callable[..., Terminal]) -> None:
    view = terminal(f"{HELD} --hostile", 160, 40)
    shown = view.until(lambda text: "18/18" in text)
    assert "\\x1b[2J\\x1b]52;c;aGk=\\x07 [bold]loud[/bold] [/foo] \\u202egnp.exe \\x9b31m" in shown
    assert b"\x1b]52" not in view.output
    assert b"\x1b[2J" not in view.output
    assert "\u202e".encode() not in view.output


def test_characters_of_unknown_width_keep_the_frame_in_place(terminal: Callable[..., Terminal]) -> None:
    view = terminal(f"{HELD} --answer 🇺🇸👩🏽‍🚀北京é́́{'🙂' * 60}", 60, 30)
    assert whole_frames(view.until(lambda text: "18/18" in text)) == 1


def test_without_colour_there_is_no_colour(terminal: Callable[..., Terminal]) -> None:
    view = terminal(HELD, NO_COLOR="1")
    view.until(lambda text: "18/18" in text)
    assert not re.search(rb"\x1b\[[0-9;]*(3[0-9]|9[0-7])m", view.output)


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"CI": "1"}, {"TERM": "dumb", "FORCE_COLOR": "1"}])
def test_a_terminal_that_cannot_redraw_gets_lines(
    terminal: Callable[..., Terminal], environment: dict[str, str]
) -> None:
    view = terminal("--questions 2 --pause 0", 200, 40, **environment)
    shown = view.to_the_end()
    assert "starting question batch job=bias-demo-1 question=question_1 1/2 executions=6" in shown
    assert b"\x1b" not in view.output
