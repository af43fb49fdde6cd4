"""Counting answers: one that is empty is one, whoever counts."""

from __future__ import annotations

import pytest

from beacon_cli.executor.counts import Counts, by_region


def test_every_answer_counts_whether_it_has_text_or_not() -> None:
    counts = Counts.of(8, {"completed": 4, "empty": 1, "failed": 1, "timeout": 1})
    assert (counts.answered, counts.empty, str(counts), counts.whole, counts.rate) == (5, 1, "5/8", False, 0.625)
    assert Counts.of(2, {"completed": 1, "empty": 1}).whole
    assert Counts.of(0, {}).rate == 0.0


@pytest.mark.parametrize(
    ("counts", "wanted", "text"),
    [
        (Counts(12, 12), 1.0, "12 of 12 answers are stored"),
        (Counts(12, 12, 2), 0.9, "12 of 12 answers are stored (2 of them empty)"),
        (Counts(12, 11), 0.9, "11 of 12 answers are stored (91.7 %, wanted 90 %)"),
        (Counts(2, 1, 1), 1.0, "1 of 2 answers are stored (1 of them empty; 50 %, wanted 100 %)"),
        (Counts(1, 0), 1.0, "0 of 1 answer is stored (0 %, wanted 100 %)"),
        (Counts(0), 1.0, "no answer is expected"),
    ],
)
def test_what_is_there_is_one_sentence(counts: Counts, wanted: float, text: str) -> None:
    assert counts.sentence(wanted) == text


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (Counts(12, 11), "11 of 12 completed = 91.7 %, wanted 100 %"),
        (Counts(12, 12, 2), "12 of 12 completed (2 of them empty) = 100 %, wanted 100 %"),
        (Counts(0), "no cells are expected, so there is no success rate"),
    ],
)
def test_the_success_rate_comes_with_its_arithmetic(counts: Counts, text: str) -> None:
    assert counts.arithmetic(1.0) == text


def test_lanes_add_up_by_region() -> None:
    lanes = [("US", Counts(2, 2)), ("EU", Counts(2, 1, 1)), ("US", Counts(2, 0))]
    found = {region: counts.as_data() for region, counts in by_region(lanes).items()}
    assert found == {
        "US": {"expected": 4, "completed": 2, "blocked": 0},
        "EU": {"expected": 2, "completed": 1, "blocked": 0},
    }
    assert list(found) == ["US", "EU"]
