"""The picture of a run, without a terminal."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from rich.cells import cell_len

from beacon_cli.executor.events import (
    ExecutionFinished,
    ExecutionStarted,
    JobStarted,
    RegionCheckFailed,
    RegionDown,
    RegionPaused,
    RegionResumed,
    WeightsFetching,
)
from beacon_cli.executor.execution import Cell, Status
from beacon_cli.job.lanes import Question
from beacon_cli.live.frame import ASCII, Size, clock, frame
from beacon_cli.live.lines import RunLog
from beacon_cli.live.progress import Progress
from tests.support.run_feed import HOSTILE, START, finished, lanes, run_events


def progress_after(count: int, *, questions: int = 2, models: int = 2, answer: str = "4") -> Progress:
    progress = Progress()
    for event in itertools.islice(run_events(questions, models, answer=answer), count):
        progress.apply(event)
    return progress


def picture(progress: Progress, columns: int = 80, rows: int = 24) -> str:
    return "\n".join(line.plain.rstrip() for line in frame(progress, 3.0, Size(columns, rows)))


def test_nothing_is_shown_before_the_job_has_started() -> None:
    assert frame(Progress(), 0.0, Size(80, 24)) == []


def fetching(done: int) -> Progress:
    progress = Progress()
    progress.apply(WeightsFetching("demo", START, "smollm2-135m", done * 1_000_000, 93_000_000))
    return progress


def test_weights_that_are_fetched_are_a_bar_until_they_are_there() -> None:
    shown = picture(fetching(31)).splitlines()
    assert shown == ["fetching the weights of smollm2-135m, once: 31 of 93 MB", "━" * 20 + "─" * 40 + "  33 %"]
    assert picture(fetching(93)) == ""


def test_as_lines_a_fetch_is_told_at_each_tenth_and_so_is_that_of_the_next_model() -> None:
    progress = Progress()
    log, lines = RunLog(progress), []
    for model_id in ("smollm2-135m", "another"):
        for megabytes in range(41):
            event = WeightsFetching("demo", START, model_id, megabytes * 1_000_000, 40_000_000)
            progress.apply(event)
            lines += log.lines(event)
    assert lines == [
        f"fetching the weights of {model_id}, once: {done} of 40 MB"
        for model_id in ("smollm2-135m", "another")
        for done in range(0, 41, 4)
    ]


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (5, 2), (20, 3), (200, 50)])
def test_the_bar_fits_any_terminal(columns: int, rows: int) -> None:
    lines = frame(fetching(31), 0.0, Size(columns, rows))
    assert len(lines) <= max(1, rows - 1)
    assert all(cell_len(line.plain) <= max(1, columns - 1) for line in lines)


def test_a_frame_shows_the_job_the_question_each_lane_and_the_latest_answers() -> None:
    shown = picture(progress_after(28), columns=100)
    assert shown.splitlines()[0].startswith("beacon run  bias-demo-1  running  batching question  2 questions")
    assert "66 %  8/12  0:03  about 0:01 left" in shown
    assert "question 2 of 2  question_2  What is 2 and 2" in shown
    assert "llama3.2-1b   ✓ 2" in shown
    assert "qwen2.5-1.5b  ✗ 1 asking 1" in shown
    assert "in flight 4 of 10   containers 6   hops 1   retries 2   failed 1" in shown
    assert "connection_failed: the connection was refused" in shown


@pytest.mark.parametrize("columns", [1, 5, 20, 40, 80, 200])
@pytest.mark.parametrize("rows", [1, 2, 5, 10, 24, 60])
@pytest.mark.parametrize("models", [2, 40])
def test_a_frame_fits_the_terminal(columns: int, rows: int, models: int) -> None:
    lines = frame(progress_after(60, models=models, answer="答" * 300), 3.0, Size(columns, rows))
    assert 1 <= len(lines) <= max(1, rows - 1)
    assert all(line.cell_len <= max(1, columns - 1) for line in lines)


def test_the_least_important_parts_go_first() -> None:
    progress = progress_after(23)
    assert "%" in picture(progress, rows=2)
    assert "question 2 of 2" in picture(progress, rows=5)
    assert "latest answers" not in picture(progress, rows=10)
    assert "✓ answered" in picture(progress, rows=24)


@pytest.mark.parametrize("columns", [26, 40, 80, 200])
def test_an_empty_answer_counts_as_an_answer_at_any_width(columns: int) -> None:
    lane, progress = lanes(1)[0], Progress()
    statuses: tuple[Status, ...] = ("completed", "empty", "completed", "completed")
    progress.apply(JobStarted("demo", START, "run-1", "question", 4, (lane,), 1, 4, 0, 10))
    for number, status in enumerate(statuses):
        cell = Cell(Question(f"question_{number}", "Why?"), lane)
        progress.apply(ExecutionFinished("demo", START, finished(cell, START, status)))
    [line] = [line for line in picture(progress, columns).splitlines() if line.startswith(lane.model_id[:4])]
    assert "✓ 4 ○ 1" in line


def test_a_control_is_named_and_so_are_the_answers_of_its_second_arm() -> None:
    lane, progress = lanes(1)[0], Progress()
    progress.apply(JobStarted("demo", START, "run-1", "question", 1, (lane,), 3, 6, 0, 10, controls=("US",)))
    asked = Cell(Question("q", "Why?"), lane, repeat=2, arm=1)
    progress.apply(ExecutionFinished("demo", START, finished(asked, START, "completed")))
    progress.apply(ExecutionStarted("demo", START, asked))
    shown = picture(progress, 120)
    assert "1 model  1 region  3 repeats  control US" in shown
    assert "longest 0:03  q · llama3.2-1b · US control #3" in shown
    assert "✓ US control  llama3.2-1b" in shown
    log = RunLog(progress)
    assert log.lines(JobStarted("j", START, "r", "question", 1, (lane,), 3, 6, 0, 10, controls=("US",)))[0].endswith(
        " max_in_flight=10 controls=US"
    )
    assert log.heartbeat(1.0).endswith(" longest=1s question=q model=llama3.2-1b region=US repeat=3 arm=1")


def test_models_that_do_not_fit_are_counted() -> None:
    assert "and 30 more models" in picture(progress_after(60, models=40))


def test_hostile_answers_are_shown_as_what_they_are() -> None:
    lines = frame(progress_after(30, answer=HOSTILE), 3.0, Size(200, 50))
    shown = "\n".join(line.plain for line in lines)
    assert "[bold]loud[/bold] [/foo]" in shown
    assert "\\x1b[2J\\x1b]52;c;aGk=\\x07" in shown
    assert "\\u202egnp.exe \\x9b31m" in shown
    assert not set("\x1b\x07\x9b\u202e") & set(shown)


def test_a_terminal_without_unicode_gets_ascii() -> None:
    lines = frame(progress_after(23), 3.0, Size(60, 24), ASCII)
    text = "".join(line.plain for line in lines).replace("·", "")
    assert text.isascii()


def test_statuses_are_told_by_more_than_colour() -> None:
    assert "✗ 1" in picture(progress_after(40))
    assert "T 1" in picture(progress_after(40))
    assert "T timeout" in picture(progress_after(40))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (7.9, "0:07"), (750, "12:30"), (7500, "2:05:00"), (-3, "0:00")]
)
def test_durations_read_like_a_stopwatch(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
    assert cell_len(shown) == len(shown)


def test_a_paused_region_has_a_line_and_so_has_one_that_is_down() -> None:
    progress = progress_after(28)
    at = START + timedelta(seconds=1)
    progress.apply(RegionPaused("j", at, "EU", "HTTP 429: slow down", 10.0, 900.0))
    progress.apply(RegionDown("j", at, "ASIA", "the connection failed: refused", 1, 20.0))
    lines = picture(progress).splitlines()
    assert "EU paused 0:02  next check in 0:08  given up in 14:58  HTTP 429: slow down" in lines
    assert "ASIA is down  the connection failed: refused" in lines


def test_the_log_tells_a_pause_in_lines() -> None:
    progress = progress_after(28)
    log, told = RunLog(progress), list[str]()
    for event in (
        RegionPaused("j", START, "EU", "HTTP 429", 1.04, 900.0),
        RegionCheckFailed("j", START + timedelta(seconds=1), "EU", "HTTP 429", 12.0, 899.0),
        RegionDown("j", START, "US", "HTTP 429", 1, 3.0),
    ):
        progress.apply(event)
        told += log.lines(event)
    assert told == [
        "region paused region=EU next_check_in=1.0s given_up_in=900s why=HTTP 429",
        "region down region=US why=HTTP 429",
    ]
    assert " EU=paused for 5s, next check in 8s, given up in 895s US=down longest=" in log.heartbeat(5.0)
    resumed = RegionResumed("j", START, "EU", 1, 1, 3.0)
    assert log.lines(resumed) == ["region open again region=EU calls=1 pauses=1 paused_seconds=3.0"]
