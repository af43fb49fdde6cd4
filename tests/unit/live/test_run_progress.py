"""The reducer: what a view knows after some events."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import fields
from datetime import timedelta

from beacon_cli.executor.events import (
    AttemptFailed,
    BatchStarted,
    CallEnded,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    HopFollowed,
    JobStarted,
    RegionCheckFailed,
    RegionDown,
    RegionPaused,
    RegionResumed,
)
from beacon_cli.executor.execution import Cell
from beacon_cli.job.lanes import Question
from beacon_cli.live.frame import Size, frame
from beacon_cli.live.progress import Progress
from tests.support.run_feed import START, finished, lanes, run_events

QUESTION = Question("math_basic", "What is 2+2?")
CELL = Cell(QUESTION, lanes()[0])


def after(events: Iterable[Event]) -> Progress:
    progress = Progress()
    for event in events:
        progress.apply(event)
    return progress


def started(*, expected: int = 12, answered: int = 0) -> JobStarted:
    return JobStarted("job", START, "run-1", "question", 2, lanes(), 1, expected, answered, 10)


def test_a_whole_run_is_counted_by_status_and_lane() -> None:
    progress = after(run_events(questions=2))
    assert progress.counts == {"completed": 10, "empty": 0, "blocked": 0, "failed": 1, "timeout": 1, "cancelled": 0}
    assert (progress.settled, progress.expected) == (12, 12)
    assert progress.lanes[lanes()[3]] == {
        "completed": 0,
        "empty": 0,
        "blocked": 0,
        "failed": 1,
        "timeout": 1,
        "cancelled": 0,
    }
    assert (progress.hops, progress.retries, progress.containers) == (2, 2, "6")
    assert not progress.in_flight
    assert progress.finished is not None


def test_a_call_in_flight_is_asking_then_retrying_then_hopping_then_gone() -> None:
    progress = after([started(), ExecutionStarted("job", START, CELL)])
    assert progress.calls_in(CELL.lane) == {"asking": 1}
    progress.apply(AttemptFailed("job", START, CELL, 1, "server_error", "HTTP 503", 0.5))
    assert progress.calls_in(CELL.lane) == {"retry": 1}
    assert progress.in_flight[CELL].attempt == 2
    progress.apply(HopFollowed("job", START, CELL, 1, None))
    assert progress.calls_in(CELL.lane) == {"hop": 1}
    progress.apply(ExecutionFinished("job", START, finished(CELL, START)))
    assert progress.calls_in(CELL.lane) == {}


def test_a_cell_whose_row_is_being_stored_is_not_in_flight() -> None:
    progress = after([started(), ExecutionStarted("job", START, CELL), CallEnded("job", START, CELL)])
    assert (progress.calls_in(CELL.lane), progress.storing) == ({}, {CELL})
    shown = [line.plain for line in frame(progress, 1.0, Size(100, 30))]
    assert "in flight 0 of 10   containers 0   hops 0   retries 0   failed 0   storing 1" in shown
    progress.apply(ExecutionFinished("job", START, finished(CELL, START)))
    assert not progress.storing


def test_a_cell_that_never_got_a_slot_does_not_make_the_calls_in_flight_negative() -> None:
    progress = after([started(), ExecutionFinished("job", START, finished(CELL, START, "timeout"))])
    assert len(progress.in_flight) == 0
    assert progress.settled == 1


def test_cells_answered_before_fill_the_bar_and_cancelled_ones_do_not() -> None:
    progress = after([started(answered=3)])
    progress.apply(ExecutionFinished("job", START, finished(CELL, START, "cancelled")))
    assert (progress.settled, progress.done) == (3, 0)


def test_the_time_left_is_not_guessed_without_a_basis() -> None:
    progress = after([started()])
    assert progress.eta_seconds(5.0) is None
    progress.apply(ExecutionFinished("job", START, finished(CELL, START)))
    assert progress.eta_seconds(5.0) is None


def test_the_time_left_follows_the_pace_of_this_run_alone() -> None:
    """Six of twelve cells took ten seconds; cells answered before the run say nothing about its pace."""
    events = [event for event in run_events(questions=2) if event.at <= START + timedelta(seconds=2.4)]
    assert after(events[:-1]).eta_seconds(10.0) == 10.0


def test_each_group_has_its_current_question_and_its_text_once_it_is_asked() -> None:
    progress = after(
        [
            started(),
            BatchStarted("job", START, "math_basic", 2, 5, 2, "US"),
            BatchStarted("job", START, "geography_basic", 1, 5, 2, "EU"),
            ExecutionStarted("job", START, CELL),
        ]
    )
    shown = [(batch.group, batch.number, batch.text) for batch in progress.current_batches()]
    assert shown == [("EU", 1, None), ("US", 2, "What is 2+2?")]


def test_between_two_batches_the_last_question_stays_in_view() -> None:
    events = list(run_events(questions=1))
    assert [batch.question_id for batch in after(events).current_batches()] == ["question_1"]


def test_a_hundred_thousand_cells_need_no_more_memory_than_sixty() -> None:
    small = after(run_events(questions=10, answer="x" * 2000))
    large = after(run_events(questions=16_667, answer="x" * 2000, troubles=False))
    assert size(large) < size(small) * 1.2


def size(progress: Progress) -> int:
    """The bytes of its values, without its lock."""
    return len(pickle.dumps([getattr(progress, each.name) for each in fields(progress) if each.name != "lock"]))


def test_a_server_that_names_ever_new_containers_does_not_fill_the_memory() -> None:
    progress = after([started()])
    for number in range(3000):
        cell = Cell(Question(f"q{number}", "?"), CELL.lane)
        execution = finished(cell, START)
        object.__setattr__(execution, "container_id", f"ta-{number}")
        progress.apply(ExecutionFinished("job", START, execution))
    assert progress.containers == "1000+"


def test_a_paused_region_is_known_until_it_is_open_again_or_down() -> None:
    progress = after([started(), RegionPaused("job", START, "EU", "HTTP 429", 1.0, 900.0)])
    later = START + timedelta(seconds=1)
    progress.apply(RegionCheckFailed("job", later, "EU", "HTTP 503", 2.0, 899.0))
    region = progress.regions["EU"]
    assert (region.why, region.since) == ("HTTP 503", START)
    assert (region.next_check, region.given_up) == (START + timedelta(seconds=3), START + timedelta(seconds=900))
    progress.apply(RegionResumed("job", later, "EU", 1, 1, 1.0))
    assert progress.regions == {}
    progress.apply(RegionDown("job", later, "EU", "HTTP 429", 1, 1.0))
    assert progress.regions["EU"].next_check is None


def test_a_cell_that_waits_for_its_region_is_not_in_flight() -> None:
    progress = after([started(), ExecutionStarted("job", START, CELL)])
    progress.apply(AttemptFailed("job", START, CELL, 1, "rate_limited", "HTTP 429", None, waits=True))
    assert progress.calls_in(CELL.lane) == {}
    assert progress.retries == 1
