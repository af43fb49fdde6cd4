"""The states of a region: every move, and what holds in each."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.executor.region_state import LONGEST_WAIT_SECONDS, Condition, RegionState, Trouble

BUSY = Trouble("HTTP 429")
NO_CREDIT = Trouble("HTTP 402", final=True)
MOVES = ("trouble", "failed check", "told", "answer", "answered check", "no credit", "give up")


def moved(state: RegionState, move: str, now: float = 0.0) -> RegionState:
    match move:
        case "trouble" | "failed check":
            return state.troubled(BUSY, is_check=move == "failed check", now=now, jitter=1.0)
        case "told":
            return state.troubled(Trouble("busy", retry_after=100.0), is_check=True, now=now, jitter=1.0)
        case "no credit":
            return state.troubled(NO_CREDIT, is_check=False, now=now, jitter=1.0)
        case "give up":
            return state.given_up()
    return state.answered(is_check=move == "answered check")


def assert_invariants(state: RegionState) -> None:
    match state.condition:
        case Condition.OPEN:
            assert state == RegionState.open(state.cap)
        case Condition.PAUSED:
            assert state.allowed == 1
            assert not state.may_call(in_flight=0, checking=True, now=state.check_at)
            assert not state.may_call(in_flight=0, checking=False, now=state.check_at - 0.001)
            assert state.may_call(in_flight=0, checking=False, now=state.check_at)
            assert not state.may_call(in_flight=state.cap, checking=False, now=state.check_at)
        case Condition.RECOVERING:
            assert 1 <= state.allowed < state.cap
        case Condition.DOWN:
            assert not state.may_call(in_flight=0, checking=False, now=1e9)


@pytest.mark.parametrize("cap", [1, 2, 3, 5])
def test_the_invariants_hold_after_every_sequence_of_six_moves(cap: int) -> None:
    states = {RegionState.open(cap)}
    for number in range(6):
        states = {moved(state, move, float(number)) for state, move in itertools.product(states, MOVES)}
        for state in states:
            assert_invariants(state)


@given(st.lists(st.sampled_from(MOVES), max_size=30))
def test_down_is_never_left(moves: list[str]) -> None:
    state = RegionState.open(2).given_up("gone")
    for move in moves:
        state = moved(state, move)
        assert state.condition is Condition.DOWN


def test_checks_come_after_1_2_4_seconds_and_at_last_each_minute() -> None:
    state, waits = RegionState.open(2), []
    for check in range(9):
        state = state.troubled(BUSY, is_check=check > 0, now=0.0, jitter=1.0)
        waits.append(state.check_at)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert LONGEST_WAIT_SECONDS == 60


def test_a_region_that_names_a_time_is_not_checked_before_it() -> None:
    state = RegionState.open(2).troubled(Trouble("busy", retry_after=300.0), is_check=False, now=10.0, jitter=1.0)
    assert 310 < state.check_at < 311
    assert state.told


def test_a_pause_ends_at_half_the_cap_which_grows_with_each_answer() -> None:
    state = moved(moved(RegionState.open(5), "trouble"), "answered check")
    allowed = [state.allowed]
    while state.condition is Condition.RECOVERING:
        state = moved(state, "answer")
        allowed.append(state.allowed)
    assert allowed == [2, 3, 4, 5]
    assert state == RegionState.open(5)


def test_an_answer_to_a_call_from_before_the_pause_does_not_end_it() -> None:
    paused = moved(RegionState.open(2), "trouble")
    assert moved(paused, "answer") == paused


def test_a_failure_of_a_call_from_before_the_pause_does_not_delay_the_check() -> None:
    paused = moved(RegionState.open(2), "trouble", now=0.0)
    assert moved(paused, "trouble", now=0.9) == paused
