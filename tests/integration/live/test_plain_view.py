"""The view without a terminal: bytes on a pipe, as a log collector gets them."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from beacon_cli.executor.events import BatchFinished, ExecutionFinished, JobStarted, Notice
from beacon_cli.executor.execution import Cell
from beacon_cli.job.lanes import Question
from beacon_cli.live.plain import PlainView
from tests.support.run_feed import START, finished, lanes, run_events

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ ")


def feed(arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.run_feed", "--pause", "0", *arguments.split()],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=300,
        check=False,
    )


def test_a_run_is_told_in_the_operators_words() -> None:
    told = feed("--questions 2").stderr.decode()
    assert all(LINE.match(line) for line in told.splitlines())
    assert "2026-03-04T05:06:07Z starting question batch job=bias-demo-1 question=question_1 1/2 executions=6" in (
        told.splitlines()
    )
    assert (
        "2026-03-04T05:06:09Z question batch completed job=bias-demo-1 question=question_1 1/2 executions=6"
        " completed=5 failed=1 seconds=2.4 containers=6 gap=-"
    ) in told.splitlines()
    assert "question=question_2 2/2 executions=6 completed=5 timeout=1 seconds=2.4 containers=6 gap=0.003s" in told
    assert told.count("starting question batch") == told.count("question batch completed") == 2


@pytest.mark.parametrize("environment", [{"FORCE_COLOR": "1"}, {"TERM": "xterm-256color"}, {"CI": "1"}])
def test_no_escape_byte_ever(environment: dict[str, str]) -> None:
    done = feed("--questions 3 --hostile", **environment)
    assert done.returncode == 0
    assert b"\x1b" not in done.stderr
    assert b"\x9b" not in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii:strict"},
    ],
)
def test_it_works_in_the_c_locale(environment: dict[str, str]) -> None:
    done = feed("--questions 1 --job-id jöb-北", **environment)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"question batch completed") == 1


def test_a_closed_stderr_does_not_stop_the_run() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.run_feed", "--pause", "0"],
        cwd=ROOT,
        stderr=write,
        timeout=300,
        check=False,
    )
    os.close(write)
    assert done.returncode == 0


def test_no_stderr_at_all_does_not_stop_the_run() -> None:
    command = f"exec {sys.executable} -m tests.support.run_feed --pause 0 2>&-"
    assert subprocess.run(command, shell=True, cwd=ROOT, timeout=300, check=False).returncode == 0


def test_failures_are_bounded_and_the_rest_is_counted() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.handle(JobStarted("j", START, "r", "question", 1, lanes(), 30, 180, 0, 10))
    for repeat in range(30):
        cell = Cell(Question("q", "?"), lanes()[0], repeat)
        view.handle(ExecutionFinished("j", START, finished(cell, START, "failed")))
    view.handle(BatchFinished("j", START, "q", 1, 1, 30, "", {"failed": 30}, (), START, None))
    told = stream.getvalue()
    assert told.count("execution failed") == 20
    assert "10 more failed executions not shown" in told
    assert told.splitlines()[1] == (
        "2026-03-04T05:06:07Z execution failed question=q model=llama3.2-1b region=US repeat=1 attempts=3 hops=0"
        " error=connection_failed: the connection was refused"
    )


def test_a_message_cannot_forge_a_line() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    cell = Cell(Question("q\nq", "?"), lanes()[0])
    execution = replace(finished(cell, START, "failed"), error_message="no\n2026-01-01T00:00:00Z job completed\x1b[2J")
    view.handle(ExecutionFinished("j", START, execution))
    view.handle(Notice("j", START, "one\r\ntwo"))
    assert len(stream.getvalue().splitlines()) == 2


def test_a_silent_run_says_that_it_is_alive() -> None:
    stream = io.StringIO()
    events = list(run_events(questions=2))[:12]
    with PlainView(stream, heartbeat=0.2) as view:
        for event in events:
            view.handle(event)
        deadline = time.monotonic() + 300
        while stream.getvalue().count("still running") < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    beats = [line for line in stream.getvalue().splitlines() if "still running" in line]
    assert len(beats) >= 2
    assert re.search(r"still running job=bias-demo-1 settled=\d/12 in_flight=\d+ hops=1 retries=1", beats[0])
    assert re.search(r"longest=\d+s question=question_1 model=", beats[0])


def test_a_run_that_speaks_or_is_over_has_no_heartbeat() -> None:
    over, silent = io.StringIO(), io.StringIO()
    with PlainView(over, heartbeat=0.5) as view, PlainView(silent, heartbeat=0.5) as other:
        for event in run_events(questions=1):
            view.handle(event)
        other.handle(next(iter(run_events(questions=1))))
        deadline = time.monotonic() + 300
        while silent.getvalue().count("still running") < 2:  # as long as it takes one that is not over
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert "still running" not in over.getvalue()


def test_groups_are_named_where_there_are_several() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.handle(JobStarted("j", START, "r", "region", 1, lanes(), 1, 6, 0, 10))
    later = START + timedelta(seconds=2)
    view.handle(BatchFinished("j", later, "q", 1, 1, 2, "US", {"completed": 2}, ("a", "b"), START, 0.5))
    assert stream.getvalue().splitlines()[1] == (
        "2026-03-04T05:06:09Z question batch completed job=j question=q 1/1 group=US executions=2"
        " completed=2 seconds=2.0 containers=2 gap=0.500s"
    )
