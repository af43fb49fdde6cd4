"""`--events FILE`: one JSON line per event, as scripts rely on it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from beacon_cli.errors import UsageError
from beacon_cli.executor.events import (
    AttemptFailed,
    BatchFinished,
    BatchStarted,
    CallEnded,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    HopFollowed,
    JobFinished,
    JobStarted,
    Notice,
    RegionCheckFailed,
    RegionDown,
    RegionPaused,
    RegionResumed,
)
from beacon_cli.executor.execution import Cell
from beacon_cli.job.lanes import Question
from beacon_cli.live import events_file
from beacon_cli.live.events_file import EventsFile, event_document
from tests.support.run_feed import START, finished, lanes, run_events

AT = "2026-03-04T05:06:07+00:00"
US, _, ASIA = lanes(1)
CELL = Cell(Question("math_basic", "What is 2+2?"), ASIA, repeat=1, arm=1)
NAMED = {"question_id": "math_basic", "model_id": "llama3.2-1b", "region": "ASIA", "repeat": 1, "arm": 1}

CONTRACT: list[tuple[Event, dict[str, object]]] = [
    (CallEnded("j", START, CELL), {"event": "call_ended", "job_id": "j", "at": AT, **NAMED}),
    (
        JobStarted("j", START, "r", "question", 1, (US, ASIA), 2, 6, 1, 10, controls=("ASIA",)),
        {
            "event": "job_started",
            "job_id": "j",
            "at": AT,
            "run_id": "r",
            "batching": "question",
            "lanes": [
                {"model_id": "llama3.2-1b", "region": "US"},
                {"model_id": "llama3.2-1b", "region": "ASIA"},
            ],
            "questions": 1,
            "repeats": 2,
            "expected": 6,
            "answered": 1,
            "max_in_flight": 10,
            "part": {"models": [], "regions": [], "questions": []},
            "controls": ["ASIA"],
        },
    ),
    (
        BatchStarted("j", START, "math_basic", 1, 2, 6, "US"),
        {
            "event": "batch_started",
            "job_id": "j",
            "at": AT,
            "question_id": "math_basic",
            "number": 1,
            "total": 2,
            "executions": 6,
            "group": "US",
        },
    ),
    (
        ExecutionStarted("j", START, CELL),
        {"event": "execution_started", "job_id": "j", "at": AT, **NAMED},
    ),
    (
        AttemptFailed("j", START, CELL, 1, "server_error", "HTTP 503", None),
        {
            "event": "attempt_failed",
            "job_id": "j",
            "at": AT,
            **NAMED,
            "attempt": 1,
            "error_code": "server_error",
            "message": "HTTP 503",
            "retry_in": None,
            "waits": False,
            "http_status": None,
        },
    ),
    (
        RegionPaused("j", START, "EU", "HTTP 429", 1.1, 900.0),
        {
            "event": "region_paused",
            "job_id": "j",
            "at": AT,
            "region": "EU",
            "why": "HTTP 429",
            "next_check_seconds": 1.1,
            "patience_seconds": 900.0,
        },
    ),
    (
        RegionCheckFailed("j", START, "EU", "HTTP 429", 2.2, None),
        {
            "event": "region_check_failed",
            "job_id": "j",
            "at": AT,
            "region": "EU",
            "why": "HTTP 429",
            "next_check_seconds": 2.2,
            "patience_seconds": None,
        },
    ),
    (
        RegionResumed("j", START, "EU", 1, 2, 46.0),
        {
            "event": "region_resumed",
            "job_id": "j",
            "at": AT,
            "region": "EU",
            "calls": 1,
            "pauses": 2,
            "paused_seconds": 46.0,
        },
    ),
    (
        RegionDown("j", START, "EU", "HTTP 429", 2, 46.0),
        {
            "event": "region_down",
            "job_id": "j",
            "at": AT,
            "region": "EU",
            "why": "HTTP 429",
            "pauses": 2,
            "paused_seconds": 46.0,
        },
    ),
    (
        HopFollowed("j", START, CELL, 2, "fc-1"),
        {"event": "hop_followed", "job_id": "j", "at": AT, **NAMED, "hops": 2, "function_call_id": "fc-1"},
    ),
    (
        ExecutionFinished("j", START, finished(CELL, START, response="\x1b four")),
        {
            "event": "execution_finished",
            "job_id": "j",
            "at": AT,
            **NAMED,
            "status": "completed",
            "attempts": 1,
            "hops": 0,
            "system_prompt": None,
            "response": "\x1b four",
            "seconds": 1.5,
            "queued_at": "2026-03-04T05:06:05.500000+00:00",
            "started_at": "2026-03-04T05:06:05.500000+00:00",
            "completed_at": AT,
            "provider_id": None,
            "container_id": "ta-llama3.2-1b-apac",
            "container_region": None,
            "http_status": None,
            "error_code": None,
            "error_message": None,
            "function_call_id": None,
            "finish_reason": None,
            "thought": None,
            "tokens": None,
            "model_revision": None,
            "effective_system_prompt": None,
            "effective_region": None,
        },
    ),
    (
        BatchFinished("j", START, "math_basic", 1, 2, 6, "", {"completed": 6}, ("ta-1",), START, 0.5),
        {
            "event": "batch_finished",
            "job_id": "j",
            "at": AT,
            "question_id": "math_basic",
            "number": 1,
            "total": 2,
            "executions": 6,
            "group": "",
            "counts": {"completed": 6},
            "containers": ["ta-1"],
            "started_at": AT,
            "gap_seconds": 0.5,
        },
    ),
    (Notice("j", START, "stopping…"), {"event": "notice", "job_id": "j", "at": AT, "text": "stopping…"}),
    (
        JobFinished("j", START, "completed", 12, {"completed": 12}, 0, 3.5),
        {
            "event": "job_finished",
            "job_id": "j",
            "at": AT,
            "status": "completed",
            "expected": 12,
            "counts": {"completed": 12},
            "unasked": 0,
            "duration_seconds": 3.5,
        },
    ),
]


@pytest.mark.parametrize(("event", "document"), CONTRACT, ids=[str(row[1]["event"]) for row in CONTRACT])
def test_the_contract_of_each_event(event: Event, document: dict[str, object]) -> None:
    assert event_document(event) == document


def test_every_event_is_a_line_and_is_handed_on(tmp_path: Path) -> None:
    path, seen = tmp_path / "events.jsonl", list[Event]()
    with EventsFile(path) as events:
        hook = events.tee(seen.append)
        for event in run_events():
            hook(event)
            assert path.read_bytes().endswith(b"\n")
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    assert len(lines) == len(seen)
    assert (lines[0]["event"], lines[-1]["event"]) == ("job_started", "job_finished")


def test_a_second_run_appends_and_repairs_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event":"job_st')
    with EventsFile(path) as events:
        events.tee(lambda event: None)(Notice("j", START, "again"))
    assert path.read_text().splitlines()[0] == '{"event":"job_st'
    assert json.loads(path.read_text().splitlines()[1])["text"] == "again"


def test_lone_surrogates_and_nul_survive(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventsFile(path) as events:
        events.tee(lambda event: None)(Notice("j", START, "a\ud800\x00b"))
    assert json.loads(path.read_bytes())["text"] == "a\ud800\x00b"


def test_a_file_that_cannot_be_opened_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing/events\.jsonl: No such file or directory"):
        EventsFile(tmp_path / "missing" / "events.jsonl")


def test_a_full_disk_is_told_once_and_the_run_goes_on() -> None:
    seen: list[Event] = []
    with EventsFile(Path("/dev/full")) as events:
        hook = events.tee(seen.append)
        for event in run_events():
            hook(event)
    notices = [event.text for event in seen if isinstance(event, Notice) and "/dev/full" in event.text]
    assert len(notices) == 1
    assert "No space left on device" in notices[0]
    assert len(seen) == len(list(run_events())) + 1


def test_a_pipe_that_nobody_reads_is_waited_for_with_a_word_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(events_file, "_SILENT_SECONDS", 0.1)
    monkeypatch.setattr(events_file, "_NO_READER_SECONDS", 0.4)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="nothing opened the pipe"):
        EventsFile(tmp_path / "pipe")
    assert capsys.readouterr().err == f"waiting for a reader of the pipe {tmp_path / 'pipe'} (--events)\n"


def test_a_pipe_whose_reader_does_not_read_does_not_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_file, "_FULL_SECONDS", 0.2)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    seen: list[Event] = []
    began = time.monotonic()
    try:
        with EventsFile(tmp_path / "pipe") as file:
            notify = file.tee(seen.append)
            for _ in range(100):
                notify(Notice("j", START, "x" * 4000))
    finally:
        os.close(reader)
    warnings = [event.text for event in seen if isinstance(event, Notice) and "no more events" in event.text]
    assert len(warnings) == 1
    assert "nothing has read from this pipe" in warnings[0]
    assert len(seen) == 101
    assert time.monotonic() - began < 15, "each event waited for the reader"
