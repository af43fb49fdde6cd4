"""A fetch as `beacon serve` shows it: a bar on a real pseudo-terminal, lines without one."""

from __future__ import annotations

import os
import subprocess
import sys

import pexpect
import pyte

CODE = """
from beacon_cli.live.fetch_view import FetchView
with FetchView() as view:
    view.write('starting')
    for megabytes in range(0, {last} + 1):
        view.on_fetch('demo', megabytes * 1_000_000, 40_000_000)
    view.write('stopping')
print('end')
"""


def screen_after(last: int) -> tuple[list[str], str]:
    """Return the screen of a fetch that ended at `last` of 40 MB, and all that was written to get there."""
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "COLUMNS", "LINES")}
    screen = pyte.Screen(60, 20)
    child = pexpect.spawn(
        sys.executable,
        ["-c", CODE.format(last=last)],
        dimensions=(20, 60),
        env={**environment, "TERM": "xterm-256color"},
    )
    output = child.read()
    child.close()
    pyte.ByteStream(screen).feed(output)
    return [line.rstrip() for line in screen.display if line.strip()], output.decode()


def test_on_a_terminal_a_bar_grows_and_leaves_one_line() -> None:
    shown, output = screen_after(40)
    assert shown == ["starting", "fetching the weights of demo, once: 40 of 40 MB", "stopping", "end"]
    assert "  50 %" in output


def test_a_bar_that_is_left_half_way_is_taken_away() -> None:
    shown, output = screen_after(20)
    assert shown == ["starting", "stopping", "end"]
    assert "  50 %" in output


def test_without_a_terminal_each_tenth_is_a_line() -> None:
    code = CODE.format(last=40)
    said = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=True).stderr
    lines = [f"fetching the weights of demo, once: {done} of 40 MB" for done in range(0, 41, 4)]
    assert said.splitlines() == ["starting", *lines, "stopping"]
