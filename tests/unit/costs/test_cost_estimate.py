"""What a plan says that a job will cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from beacon_cli.costs.estimate import Estimate, estimated
from beacon_cli.costs.texts import estimate_lines
from beacon_cli.costs.usage import UsageGroup
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.job.part import WHOLE
from beacon_cli.prices.price import FREE, Price, Unpriced
from tests.support.jobs import make_job

JOB = make_job([{"id": "q", "text": "x" * 40}], repeats=10, models=["llama3.2-1b"], generation={"max_tokens": 120})
US, EU, ASIA = JOB.lanes()
SECOND = Price(per_second=0.001, basis="a GPU", sources=("a page, 2026-11-01",))
TOKENS = Price(per_input=0.001, per_output=0.01, basis="tokens", sources=("a page, 2026-11-02",))
AT = datetime(2026, 11, 1, tzinfo=UTC)
GROUP = UsageGroup("j", "r", "llama3.2-1b", "US", "modal", "T4", 4, 8.0, 0, 40, 4, 0, 0, AT, AT)


def estimate(
    prices: dict[Lane, Price | Unpriced], calls: int = 10, earlier: list[UsageGroup] | None = None
) -> Estimate:
    return estimated(JOB, WHOLE, Limits(), prices=prices, calls=dict.fromkeys(prices, calls), earlier=earlier or [])


def test_seconds_are_assumed_from_the_longest_answer_and_containers_are_up_until_the_slowest_region_is_done() -> None:
    found = estimate({US: SECOND, EU: SECOND})
    assert found.low == pytest.approx(2 * 10 * (30 / 60) * 0.001)
    assert found.high == pytest.approx(2 * (120 + 10 * 120 / 20 + 120) * 0.001)
    assert list(found.assumptions) == [
        "answers have 30 to 120 tokens (assumed; max_tokens is 120)",
        "a model writes 60 to 20 tokens a second (assumed)",
        "low: only answers count; high: 2 containers each from a cold start of 2m 00s (assumed) to 2m 00s after the"
        " last answer, all as long as the slowest region needs",
        "no call is repeated or fails",
    ]


def test_models_that_share_a_container_take_turns_in_it_and_it_is_paid_once() -> None:
    ids = ["llama3.2-1b", "qwen2.5-1.5b"]
    lanes = make_job([{"id": "q", "text": "x"}], models=ids, regions=["US"]).lanes()
    estimates = [
        estimated(
            JOB, WHOLE, Limits(), prices=dict.fromkeys(lanes, SECOND), calls=dict.fromkeys(lanes, 10), shared=shared
        )
        for shared in (None, dict.fromkeys(ids, "inference"))
    ]
    assert [each.high for each in estimates] == pytest.approx([2 * (240 + 60) * 0.001, (240 + 120) * 0.001])
    assert [each.low for each in estimates] == pytest.approx([20 * 0.5 * 0.001] * 2)
    assert "high: 1 container each" not in estimates[0].assumptions[2]
    assert "high: 1 container each" in estimates[1].assumptions[2]


def test_the_jobs_own_rows_say_what_an_answer_takes() -> None:
    found = estimate({US: SECOND}, earlier=[GROUP])
    assert found.low == pytest.approx(10 * 1 * 0.001)
    assert found.high == pytest.approx((120 + 40 + 120) * 0.001)
    assert found.assumptions[0] == (
        "answers take as long, and as many tokens, as this job's so far (1 lane, of 4 answers at least),"
        " up to 2.0 times less or more"
    )


@pytest.mark.parametrize(("answers", "factor"), [(1, 3), (4, 2), (100, 1.2)])
def test_the_more_answers_there_are_the_narrower_the_range_is(answers: int, factor: float) -> None:
    measured = replace(GROUP, kind="openai", answered=answers, input_tokens=0, output_tokens=30 * answers)
    found = estimate({US: TOKENS}, earlier=[measured])
    assert (found.low, found.high) == pytest.approx((10 * 30 / factor * 0.01, 10 * 30 * factor * 0.01))


def test_no_answer_is_taken_to_be_longer_than_max_tokens() -> None:
    measured = replace(GROUP, kind="openai", input_tokens=0, output_tokens=4 * 100)
    assert estimate({US: TOKENS}, earlier=[measured]).high == pytest.approx(10 * 120 * 0.01)


def test_tokens_of_a_prompt_are_counted_from_its_bytes() -> None:
    found = estimate({US: TOKENS})
    assert found.low == pytest.approx(10 * (10 * 0.001 + 30 * 0.01))
    assert found.high == pytest.approx(10 * (20 * 0.001 + 120 * 0.01))
    measured = replace(GROUP, kind="openai", input_tokens=400, output_tokens=80)
    assert estimate({US: TOKENS}, earlier=[measured]).low == pytest.approx(10 * (50 * 0.001 + 10 * 0.01))


def test_nothing_left_to_ask_costs_nothing() -> None:
    found = estimate({US: SECOND, EU: TOKENS}, calls=0)
    assert (found.low, found.high, found.calls) == (0, 0, 0)


def test_a_price_that_is_missing_is_said_and_the_sum_is_not_known() -> None:
    found = estimate({US: SECOND, EU: Unpriced("nobody knows", "ask somebody"), ASIA: SECOND})
    data = found.as_data()
    assert (data["low"], data["high"], data["calls"]) == (None, None, 30)
    assert data["lanes"][1] == {
        "model_id": "llama3.2-1b",
        "region": "EU",
        "calls": 10,
        "low": None,
        "high": None,
        "price": None,
        "sources": [],
        "unpriced": "nobody knows",
        "hint": "ask somebody",
    }
    lines = list(estimate_lines(found, 2.5))
    assert lines[:4] == [
        "cost of 2 lanes: $0.010 to $0.60, for 20 calls",
        "  a GPU",
        "  prices: a page, 2026-11-01",
        "  limits.max_cost is $2.50, over all runs of the job and without idle time",
    ]
    assert lines[-2:] == ["cost of llama3.2-1b in EU: not known, because nobody knows", "  ask somebody"]


@pytest.mark.parametrize(
    ("max_cost", "spent", "said"),
    [
        (0.004, 0.0, "  the job will stop before it is complete: the limit is below the least that answers cost"),
        (0.05, 0.0, "  the job may stop before it is complete: the limit is below the most that answers cost"),
        (
            0.07,
            0.068,
            "  the job will stop before it is complete: the limit ($0.068 are spent) is below the least"
            " that answers cost",
        ),
        (0.06, 0.0, None),
    ],
)
def test_a_plan_says_that_the_limit_is_below_what_is_expected(max_cost: float, spent: float, said: str | None) -> None:
    found = replace(estimate({US: SECOND}), spent=spent)
    assert found.low == pytest.approx(0.005)
    assert found.answers_high == pytest.approx(0.06)
    warned = [line for line in estimate_lines(found, max_cost) if "before it is complete" in line]
    assert warned == ([said] if said else [])


def test_servers_on_this_machine_are_free_and_say_so_in_a_line() -> None:
    found = estimate({US: FREE, EU: FREE})
    assert list(estimate_lines(found, None)) == ["cost: nothing; servers on this machine are free"]
    assert (found.as_data()["low"], found.as_data()["high"], found.as_data()["assumptions"]) == (0, 0, [])
