"""The countdown while a region is cold: redrawn on a terminal, and gone before the answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pyte

from tests.support.deployed_regions import deployed
from tests.support.raw_server import http


def test_a_terminal_shows_one_line_that_counts_down_and_then_only_the_answer(tmp_path: Path) -> None:
    with deployed() as regions:
        regions.us.first["models"] = [http(503)] * 6
        environment = {**os.environ, **regions.environment(), "TERM": "xterm", "PYTHONPATH": str(Path.cwd())}
        environment["BEACON_DATA_DIR"] = str(tmp_path)
        environment.pop("CI", None)
        command = ["-m", "beacon_cli", "verify", "endpoints"]
        child = pexpect.spawn(
            sys.executable, command, env=environment, cwd=tmp_path, dimensions=(24, 80), encoding="utf-8"
        )
        child.expect_exact("waiting for US models (HTTP 503, ", timeout=300)
        seen = child.before + child.after
        child.expect(pexpect.EOF, timeout=300)
        child.close()
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed(seen + child.before)
    assert child.exitstatus == 0
    assert seen.startswith("\r\x1b[2K")
    assert screen.display[0].split() == [
        *("region", "reachable", "serves", "missing", "extra", "says", "latency", "cold", "hops", "probes")
    ]
    assert "waiting" not in "".join(screen.display)
