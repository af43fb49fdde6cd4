"""Streams that are closed or full, terminals that change or can do little, folders and clocks that fail."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import psycopg
import pyte
import pytest

from beacon_cli.store.embedded import keep_server
from tests.acceptance.conftest import BEACON, Beacon
from tests.support.fleet import until
from tests.support.hostile_endpoints import Asked, always, endpoints, met, write_job
from tests.support.invariant import Aftermath, assert_invariant
from tests.support.raw_server import http
from tests.support.regions_server import Regions, regions_server

END_OF_FRAME = b"\x1b[?2026l"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.fixture
def regions(hurt: Beacon) -> Iterator[Regions]:
    with regions_server(Regions(latency=0.15)) as served:
        hurt.environment |= served.environment()
        yield served


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    _, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, "", err)


def commands(job: str) -> list[tuple[str, ...]]:
    return [("--help",), ("run", job), ("run", job, "--json"), ("check-db", "hurt"), ("check-db", "hurt", "--json")]


@pytest.mark.fault(7, "a pipe whose reading end is closed, for run, check-db and --help, with and without --json")
def test_a_stdout_that_is_closed_early_ends_quietly(hurt: Beacon, regions: Regions) -> None:
    job = write_job(hurt, ["What is 2+2?"])
    done = []
    for arguments in commands(job):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            done.append(ended(hurt.start(*arguments, stdout=pipe)))
        assert done[-1].returncode == 141, (arguments, done[-1].stderr)
        assert "error" not in done[-1].stderr
    assert set(regions.seen.values()) == {1}
    assert_invariant(Aftermath(hurt.folder, keep_server(hurt.data), done, stdout_closed=True))


@pytest.mark.fault(8, "/dev/full as stdout, for run, check-db and --help, with and without --json")
def test_a_full_stdout_is_one_line_of_error(hurt: Beacon, regions: Regions) -> None:
    job = write_job(hurt, ["What is 2+2?"])
    done = []
    for arguments in commands(job):
        with Path("/dev/full").open("w") as full:
            done.append(ended(hurt.start(*arguments, stdout=full)))
        assert done[-1].returncode == 3, (arguments, done[-1].stderr)
        errors = [line for line in done[-1].stderr.splitlines() if line.startswith("error: ")]
        assert errors == ["error: stdout cannot be written: No space left on device"]
    assert set(regions.seen.values()) == {1}
    assert_invariant(Aftermath(hurt.folder, keep_server(hurt.data), done, stdout_closed=True))


class Shown:
    """A run on a pseudo-terminal, and the screen that it draws."""

    def __init__(self, beacon: Beacon, job: str, **environment: str) -> None:
        self.screen = pyte.HistoryScreen(80, 24, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.output = b""
        self.process = pexpect.spawn(
            str(BEACON),
            ["run", job],
            dimensions=(24, 80),
            cwd=str(beacon.folder),
            env={**beacon.variables(), "LANG": "C.UTF-8", **environment},
            timeout=300,
        )

    def until_shown(self, text: str) -> None:
        """Read what it draws, until a whole frame has this text once."""
        deadline = time.monotonic() + 300
        while not (self.output.endswith(END_OF_FRAME) and self.text().count(text) == 1):
            assert time.monotonic() < deadline, self.text()
            assert self.read_for(0.05), "it ended"

    def read_for(self, seconds: float) -> bool:
        """Read what it draws; return False once it ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                data = self.process.read_nonblocking(65536, timeout=0.05)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return False
            self.output += data
            self._stream.feed(data)
        return True

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def completed(self) -> subprocess.CompletedProcess[str]:
        while self.read_for(1):
            pass
        self.process.close()
        text = self.output.decode("utf-8", "replace")
        return subprocess.CompletedProcess(self.process.args or [], self.process.exitstatus or 0, text, "")


@pytest.mark.fault(10, "TIOCSWINSZ: six sizes in mid-run, among them 1 x 1")
def test_a_run_goes_on_while_its_terminal_is_resized(hurt: Beacon, regions: Regions) -> None:
    job = write_job(hurt, [f"Question {n}?" for n in range(20)], regions="[US, EU, ASIA]")
    hurt("db", "url")
    regions.answers = 30
    shown = Shown(hurt, job, TERM="xterm-256color")
    shown.until_shown("beacon run  hurt")
    for columns, rows in ((40, 10), (200, 50), (1, 1), (10, 3), (132, 43), (100, 30)):
        shown.resize(columns, rows)
        shown.read_for(0.2)
    shown.until_shown("beacon run  hurt")
    regions.answers = None
    done = shown.completed()
    assert shown.process.exitstatus == 0, done.stdout
    assert "beacon run  hurt" not in shown.text(), "the view is still there beside the summary"
    assert_invariant(Aftermath(hurt.folder, keep_server(hurt.data), [done]))


@pytest.mark.fault(11, "TERM=dumb on a terminal, CI=1 on a terminal, no terminal")
def test_a_terminal_that_can_do_nothing_gets_plain_lines(hurt: Beacon, regions: Regions) -> None:
    job = write_job(hurt, ["What is 2+2?"])
    done = [hurt("run", job, "--job-id", "piped")]
    for name, variables in (("dumb", {"TERM": "dumb"}), ("ci", {"TERM": "xterm-256color", "CI": "1"})):
        job = write_job(hurt, [f"Question of {name}?"])
        shown = Shown(hurt, hurt.write("job.yaml", Path(job).read_text().replace("hurt", name)), **variables)
        done.append(shown.completed())
    for each in done:
        assert each.returncode == 0, each.stdout + each.stderr
        assert "\x1b" not in each.stdout + each.stderr
        assert "starting question batch" in each.stdout + each.stderr
    assert_invariant(Aftermath(hurt.folder, keep_server(hurt.data), done))


@pytest.mark.fault(12, "LC_ALL=C and an answer beyond ASCII; a Latin-1 job file; invalid UTF-8 in an answer")
def test_text_that_an_encoding_lacks_is_shown_or_explained(hurt: Beacon) -> None:
    async def beyond(asked: Asked) -> bytes:
        return asked.good("Zürich 北京")

    broken = always(http(200, b'{"success": true, "response": "\xff\xfe"}'))
    with endpoints({"beyond": beyond, "broken": broken}) as served:
        hurt.environment |= {**served.environment(), "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        done = hurt("run", write_job(hurt, ["beyond", "broken"]))
    assert done.returncode == 1, done.stderr
    assert done.stdout.isascii()
    found = met(hurt, done)
    assert found.row("beyond")["response"] == "Zürich 北京"
    assert found.outcome("broken") == ("failed", "malformed_response", 2)
    latin = hurt("run", hurt.write("latin.yaml", "id: caf\xe9\n".encode("latin-1")))
    assert latin.returncode == 2
    assert "UTF-8" in latin.stderr
    assert_invariant(found.aftermath(latin))


@pytest.mark.fault(22, "a file in the place of the journal's folder")
def test_a_journal_that_cannot_be_written_is_told_before_anything_is_asked(hurt: Beacon, regions: Regions) -> None:
    url = keep_server(hurt.data)
    (hurt.data / "journal").write_text("in the way")
    done = hurt("run", write_job(hurt, ["What is 2+2?"]), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["errors"][0]["code"] == "journal"
    assert not regions.seen
    assert_invariant(Aftermath(hurt.folder, url, [done]))


@pytest.mark.fault(23, "libfaketime sets the wall clock an hour back and forth in mid-run")
@pytest.mark.skipif(FAKETIME is None, reason="the library libfaketime is not installed")
def test_durations_stay_right_while_the_wall_clock_jumps(hurt: Beacon, regions: Regions) -> None:
    job = write_job(hurt, [f"Question {n}?" for n in range(20)], regions="[US, EU, ASIA]")
    url = keep_server(hurt.data)
    clock = hurt.folder / "clock"
    clock.write_text("+0\n")
    hurt.environment |= {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    process, _ = hurt.start_until("starting question batch", "run", job, "--json")
    for answers, jump in ((6, "-3600"), (18, "+3600"), (30, "+0")):
        until(lambda answers=answers: sum(regions.answered.values()) >= answers, 300)
        clock.write_text(f"{jump}\n")
    out, err = process.communicate(timeout=300)
    for name in ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "DONT_FAKE_MONOTONIC"):
        del hurt.environment[name]
    assert process.returncode == 0, err
    assert 0 <= json.loads(out)["data"]["duration_seconds"] < 120
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT completed_at - started_at FROM executions").fetchall()
    assert len(rows) == 60
    assert all(0 <= took.total_seconds() < 60 for (took,) in rows)
    assert_invariant(Aftermath(hurt.folder, url, [subprocess.CompletedProcess(process.args, 0, out, err)]))
