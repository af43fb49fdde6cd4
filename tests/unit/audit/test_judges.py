"""The checks' judgements, without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.audit import judges
from beacon_cli.audit.audit import JUDGES
from beacon_cli.audit.check import Check, with_examples
from beacon_cli.audit.coverage import CellGroup, Coverage, LaneCoverage, lane_coverage
from beacon_cli.audit.judge_regions import MAX_COMBINATIONS, regions
from beacon_cli.records.expectation import Expectation
from tests.support.vocabulary import REGIONS

LANES = tuple((model, region) for model in ("a", "b") for region in ("US", "EU", "ASIA"))
EXPECTED = Expectation("the stored job", ("q1", "q2"), LANES, known=REGIONS)
COUNT = st.integers(0, 1_000_000)
EXAMPLES = st.lists(st.text(), max_size=5)


def combination(**changes: Any) -> dict[str, Any]:
    usual = {"asked": "US", "generated": True, "executions": 3}
    usual |= {"effective_region": None, "answered_region": "us", "provider_id": None}
    return {**usual, "container_region": "us-ashburn-1", **changes}


def test_a_lane_that_was_asked_in_two_ways_is_a_doubt_beside_the_others() -> None:
    check = regions(EXPECTED, combinations=[combination(container_region=None)], mixed=["a · US"])
    assert check.status == "warn"
    assert "without a record of where the container ran; 1 lane asked in more than one way" in check.detail
    assert check.detail.endswith("a · US")


def test_the_checks_have_the_documented_names_in_the_documented_order() -> None:
    assert ["complete", *JUDGES] == [
        *("complete", "no_duplicates", "no_unexpected", "question_id", "regions", "device", "sequential", "batch_gap"),
        *("containers", "no_hops", "timestamps", "answers"),
    ]


@given(cells=COUNT, examples=EXAMPLES)
def test_duplicates_fail_exactly_when_there_are_some(cells: int, examples: list[str]) -> None:
    check = judges.no_duplicates(EXPECTED, cells=cells, executions=2 * cells, examples=examples)
    assert check.status == ("fail" if cells else "pass")
    assert check.detail.isprintable()


@given(executions=COUNT, examples=EXAMPLES)
def test_unexpected_rows_fail_exactly_when_there_are_some(executions: int, examples: list[str]) -> None:
    check = judges.no_unexpected(EXPECTED, executions=executions, examples=examples)
    assert check.status == ("fail" if executions else "pass")


@given(question=COUNT, model=COUNT)
def test_an_unlabelled_row_fails(question: int, model: int) -> None:
    check = judges.question_id(EXPECTED, without_question=question, without_model=model)
    assert check.status == ("fail" if question or model else "pass")
    assert ("without question_id" in check.detail) == bool(question)


@given(backwards=COUNT, future=COUNT)
def test_times_fail_when_they_run_backwards_or_ahead(backwards: int, future: int) -> None:
    check = judges.timestamps(EXPECTED, backwards=backwards, future=future, examples=[])
    assert check.status == ("fail" if backwards or future else "pass")


@given(executions=COUNT, refused=COUNT)
def test_hops_only_warn(executions: int, refused: int) -> None:
    check = judges.no_hops(EXPECTED, executions=executions, hops=executions, most=1, refused=refused)
    assert check.status == ("warn" if executions or refused else "pass")


def test_hops_that_are_not_recorded_are_skipped_unless_an_error_names_a_303() -> None:
    old = replace(EXPECTED, unrecorded=frozenset({"hops"}))
    found = {"executions": 0, "hops": 0, "most": 0}
    assert judges.no_hops(old, **found, refused=0).status == "skip"
    check = judges.no_hops(old, **found, refused=2)
    assert check.status == "warn"
    assert check.detail.startswith("2 rows whose error names an HTTP 303")


@given(empty=COUNT, texts=COUNT, technical=COUNT)
def test_answers_only_warn(empty: int, texts: int, technical: int) -> None:
    check = judges.answers(EXPECTED, empty=empty, technical=technical, texts=texts, executions=2 * texts, examples=[])
    assert check.status == ("warn" if empty or texts or technical else "pass")


def test_blocked_and_cut_off_answers_are_named_by_region() -> None:
    regions = [
        {"region": "EU", "blocked": 0, "cut_off": 0, "with_an_end": 40},
        {"region": "US", "blocked": 3, "cut_off": 7, "with_an_end": 40},
    ]
    none: dict[str, Any] = {"empty": 0, "technical": 0, "texts": 0, "executions": 0, "examples": []}
    check = judges.answers(EXPECTED, **none, regions=regions)
    cut_off = "7 answers cut off at max_tokens (US 7 of 40 = 17.5 %, EU 0 of 40)"
    assert (check.status, check.detail) == ("warn", f"3 blocked answers: US 3; {cut_off}")
    assert judges.answers(EXPECTED, **none, regions=regions[:1]).status == "pass"


@given(at_first=st.integers(0, 20), late=st.integers(0, 20), runs=st.integers(0, 3), at_once=st.integers(2, 4))
def test_only_more_containers_at_once_than_the_cap_are_a_fault(
    at_first: int, late: int, runs: int, at_once: int
) -> None:
    crowded = [{"region": "EU", "cap": 2, "at_once": at_once}] if at_once > 2 else []
    check = judges.containers(EXPECTED, runs=runs, at_first=at_first, late=late, bound=6, crowded=crowded, examples=[])
    assert check.status == ("skip" if not runs else "fail" if crowded else "warn" if late or at_first > 6 else "pass")
    assert (f"{at_once} in EU (cap 2)" in check.detail) == (check.status == "fail")


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"queued": 0, "gaps": 0, "longest": None, "long": 0}, "skip"),
        ({"queued": 1, "gaps": 0, "longest": None, "long": 0}, "skip"),
        ({"queued": 2, "gaps": 1, "longest": 1.999, "long": 0}, "pass"),
        ({"queued": 2, "gaps": 1, "longest": -0.5, "long": 0}, "pass"),
        ({"queued": 2, "gaps": 1, "longest": 2.0, "long": 1}, "fail"),
    ],
)
def test_gaps_of_two_seconds_fail(found: dict[str, Any], status: str) -> None:
    assert judges.batch_gap(EXPECTED, **found, examples=[]).status == status


@pytest.mark.parametrize(("batches", "early", "status"), [(0, 0, "skip"), (2, 0, "pass"), (2, 1, "fail")])
def test_questions_that_start_early_fail(batches: int, early: int, status: str) -> None:
    assert judges.sequential(EXPECTED, batches=batches, early=early, examples=[]).status == status


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({}, "pass", "from the region that was asked"),
        ({"answered_region": "US-East"}, "pass", ""),
        ({"answered_region": "us-ashburn-1"}, "pass", ""),
        ({"answered_region": None}, "pass", ""),
        ({"asked": "mars"}, "fail", "3 rows unknown region 'mars'"),
        ({"answered_region": "eu-west"}, "fail", "asked US, answered by eu-west"),
        ({"answered_region": "mars"}, "fail", "asked US, answered by mars"),
        ({"effective_region": "eu-west"}, "fail", "asked US, answered by eu-west"),
        ({"provider_id": "modal-eu-west"}, "fail", "asked US, answered by modal-eu-west"),
        ({"provider_id": "modal-us-east"}, "pass", ""),
        ({"provider_id": "somebody"}, "pass", ""),
        ({"container_region": "europe-west4"}, "fail", "asked US, ran in europe-west4"),
        ({"container_region": "luna-1"}, "warn", "ran in luna-1"),
        ({"container_region": None}, "warn", "without a record of where the container ran"),
        ({"container_region": None, "generated": False, "answered_region": None}, "pass", ""),
    ],
)
def test_regions(changes: dict[str, Any], status: str, told: str) -> None:
    check = regions(EXPECTED, combinations=[combination(**changes)])
    assert (check.status, told in check.detail) == (status, True)


@given(st.sampled_from([region.label for region in REGIONS.values()]), st.sampled_from(list(REGIONS.values())))
def test_an_answer_from_another_region_always_fails(asked: str, answering: Any) -> None:
    for name in (answering.id, answering.label, *answering.aliases):
        check = regions(
            EXPECTED,
            combinations=[combination(asked=asked, answered_region=name, container_region=f"local-{answering.id}")],
        )
        assert check.status == ("pass" if asked == answering.label else "fail")


def test_tables_that_do_not_record_containers_leave_it_to_the_answers() -> None:
    old = replace(EXPECTED, unrecorded=frozenset({"container_region"}))
    check = regions(old, combinations=[combination(container_region=None)])
    assert (check.status, "as far as the answers say" in check.detail) == ("pass", True)
    silent = combination(container_region=None, answered_region=None)
    check = regions(old, combinations=[silent])
    assert (check.status, "that do not say where they were answered" in check.detail) == ("warn", True)


def test_a_fault_outweighs_doubts_and_too_many_names_are_a_fault() -> None:
    doubt = combination(container_region=None)
    assert regions(EXPECTED, combinations=[doubt, combination(asked="")]).status == "fail"
    assert regions(EXPECTED, combinations=[doubt] * MAX_COMBINATIONS).status == "fail"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=6, max_size=6))
def test_complete_passes_only_when_each_cell_has_exactly_one_answer(counts: list[tuple[int, int, int]]) -> None:
    """Each lane has five cells; of those present, some are answered once and some again."""
    found = [
        {
            "model_id": m,
            "region": r,
            "present": min(5, p),
            "answered": min(a, p),
            "answered_again": min(t, p - min(a, p)),
        }
        for (m, r), (p, a, t) in zip(LANES, counts, strict=True)
    ]
    coverage = Coverage(lane_coverage(EXPECTED, 5, found), known=REGIONS)
    check = judges.complete(EXPECTED, coverage)
    assert (check.status == "pass") == all(lane["answered"] == 5 for lane in found)
    assert coverage.never_ran + coverage.unanswered + coverage.completed == coverage.expected == 30
    by_region = coverage.by_region()
    assert list(by_region) == ["US", "EU", "ASIA"]
    assert sum(counts.answered for counts in by_region.values()) == coverage.completed


def test_complete_names_what_became_of_a_cell() -> None:
    lanes = (LaneCoverage("a", "US", expected=3, present=2, answered=0, answered_again=1),)
    groups = (
        CellGroup("q1", "a", "US", expected=1, answered=0, actual=0, stored=0, status=None),
        CellGroup("q2", "a", "US", expected=1, answered=0, actual=0, stored=1, status="timeout"),
        CellGroup("q3", "a", "US", expected=1, answered=0, actual=2, stored=2, status=None),
    )
    assert judges.complete(EXPECTED, Coverage(lanes, groups, known=REGIONS)) == Check(
        "complete",
        "fail",
        "of 3 cells 1 never ran, 1 ran without an answer, 1 answered more than once (expected: the stored job):"
        " q1 · a · US (never ran), q2 · a · US (timeout), q3 · a · US (2 of 1)",
    )


def test_a_list_of_all_that_is_missing_does_not_end_as_if_there_were_more() -> None:
    lanes = (LaneCoverage("a", "US", expected=6, present=0, answered=0, answered_again=0),)
    groups = tuple(
        CellGroup(name, "a", "US", expected=3, answered=0, actual=0, stored=0, status=None) for name in ("q1", "q2")
    )
    whole = judges.complete(EXPECTED, Coverage(lanes, groups, known=REGIONS)).detail
    assert whole.endswith(": q1 · a · US (never ran), q2 · a · US (never ran)")
    first = judges.complete(EXPECTED, Coverage(lanes, groups[:1], known=REGIONS)).detail
    assert first.endswith(": q1 · a · US (never ran), …")


def test_nothing_expected_and_nothing_there_is_not_complete() -> None:
    assert judges.complete(EXPECTED, Coverage((), known=REGIONS)).status == "fail"


@given(EXAMPLES, COUNT)
def test_examples_are_printable_and_short(examples: list[str], total: int) -> None:
    text = with_examples("rows", examples, total)
    assert text.isprintable()
    assert len(text) < 700
