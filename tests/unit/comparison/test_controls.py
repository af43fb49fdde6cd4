"""What differs between the two arms of a control, and when that is more than chance."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest

from beacon_cli.comparison.controls import Control, ControlTests
from beacon_cli.comparison.lexical import lexical
from beacon_cli.comparison.reply import reply_of
from beacon_cli.comparison.verdicts import DEFAULT_TERMS
from beacon_cli.console.formatting import p_text
from beacon_cli.records.stored_answer import StoredExecution
from tests.unit.comparison.executions import execution
from tests.unit.comparison.samples import texts

QUESTIONS = 8


def found(executions: Iterable[StoredExecution], *regions: str) -> tuple[Control, ...]:
    """Return what the controls of these regions show."""
    tests = ControlTests((("job", region) for region in regions), lexical, subjects=QUESTIONS, terms=DEFAULT_TERMS)
    rows = list(executions)
    for question in dict.fromkeys(row.question_id for row in rows):
        for row in rows:
            if row.question_id == question:
                tests.add(row, reply_of(row, row.region, refuses=False), None, length=1)
        tests.end_of(question)
    return tests.result()


def answers(
    *, region: str = "EU", shift: float = 0.0, shifted: int = QUESTIONS, seed: int = 1, repeats: int = 5
) -> Iterator[StoredExecution]:
    """Yield the answers of each arm to each question; in the first ones the second arm is shifted."""
    chance = random.Random(seed)
    for number in range(QUESTIONS):
        for arm in (0, 1):
            given = texts(chance, repeats, shift if arm and number < shifted else 0.0)
            for repeat, text in enumerate(given):
                yield execution(question_id=f"q{number}", region=region, arm=arm, repeat=repeat, response=text)


def test_arms_that_answer_alike_show_what_chance_does() -> None:
    [control] = found(answers(), "EU")
    assert (control.differing, control.different, len(control.results)) == ((), False, QUESTIONS)
    assert control.p_value is not None
    assert control.p_value > 0.05
    p_value = p_text(control.p_value)
    assert control.line().startswith(f"control EU: 0 of 8 results differ, p {p_value} of all tests together;")
    assert [result.answers for result in control.results[:1]] == [{"EU": 5, "EU control": 5}]
    assert {result.subject.region for result in control.results} == {"EU"}


def test_arms_that_answer_otherwise_are_found_and_named() -> None:
    [control] = found(answers(shift=0.8), "EU")
    assert (len(control.differing), control.different) == (QUESTIONS, True)
    assert control.p_value is not None
    assert control.finding() == (
        f"EU and its control differ (p {p_text(control.p_value)}; 8 of 8 results): the same was asked there twice, so"
        " something besides the region changes answers"
    )
    assert "more than chance" in control.line()


def test_a_single_question_can_show_it() -> None:
    [control] = found(answers(shift=1.0, shifted=1, repeats=6), "EU")
    assert [result.subject.question_id for result in control.differing] == ["q0"]
    assert control.p_value == pytest.approx(2 * min(control.p_values))


def test_the_p_value_that_is_told_is_the_one_that_decides() -> None:
    """That of all questions together alone would be at most the rate; corrected, it is not."""
    [control] = found(answers(shift=0.12, seed=4), "EU")
    assert control.pooled is not None
    assert control.p_value is not None
    assert control.pooled.p_value <= DEFAULT_TERMS.rate < control.p_value
    assert f"p {p_text(control.p_value)} of all tests together; that is what chance" in control.line()


def test_several_controls_are_corrected_together() -> None:
    rows = [*answers(shift=0.8), *answers(region="US", seed=2)]
    both = {control.region: control for control in found(rows, "EU", "US")}
    [alone] = found(rows, "EU")
    assert alone.p_value is not None
    assert both["EU"].p_value == pytest.approx(2 * alone.p_value)
    assert (both["EU"].different, both["US"].different) == (True, False)
    assert both["EU"].results == alone.results


def test_regions_that_are_no_controls_do_not_matter() -> None:
    [control] = found([*answers(), *answers(region="US", seed=2)], "EU")
    assert control == found(answers(), "EU")[0]


def test_content_that_differs_without_noise_is_told_and_is_no_alarm() -> None:
    rows = [execution(region="EU", arm=arm, repeat=repeat, response=f"a{arm}") for arm in (0, 1) for repeat in (0, 1)]
    [control] = found(rows, "EU")
    assert [result.verdict for result in control.differing] == ["deterministic_different"]
    assert (control.p_value, control.different) == (None, False)
    assert control.line().startswith("control EU: 1 of 1 result differs; that is")


def test_a_control_that_is_not_asked_yet_says_so() -> None:
    [control] = found([], "EU")
    assert (control.line(), control.different) == ("control EU: no answers yet", False)
    assert control.figures.total.executions == 0
    [half] = found((row for row in answers() if not row.arm), "EU")
    assert {result.verdict for result in half.results} == {"untestable"}


def test_controls_are_false_alarms_in_at_most_one_of_twenty_jobs() -> None:
    """Two controls each: 60 jobs in which nothing differs have 3 on average if the level is 5 %, rarely more than 7."""
    jobs = ([*answers(seed=seed), *answers(region="US", seed=seed + 1000)] for seed in range(60))
    assert sum(any(control.different for control in found(job, "EU", "US")) for job in jobs) <= 7
