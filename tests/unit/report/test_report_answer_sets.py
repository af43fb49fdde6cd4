"""Which answers are shown when not all of them fit: what differs before what could not be tested before the rest."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from beacon_cli.comparison.verdicts import Judged, Subject, Verdict
from beacon_cli.report.answer_sets import AnswerFile, AnswerSet, Gathering, Selection, ranks


def execution(text: str = "Yes.", *, region: str = "US", repeat: int = 0, **columns: Any) -> Any:
    values = {"status": "completed", "prompt": "Why?", "seconds": 1.0, "hops": 0, "attempts": 1}
    values |= {"error_code": None, "error_message": None, "thinking": None, "cut_off": False}
    return SimpleNamespace(region=region, repeat=repeat, text=text, **{**values, **columns})


def answer_set(key: tuple[str, str], executions: Iterable[Any]) -> AnswerSet:
    gathering = Gathering(key)
    for each in executions:
        gathering.add(each, each.region)
    return gathering.gathered()


def found(question: str, size: int) -> AnswerSet:
    return answer_set((question, "m"), [execution("x" * size)])


def judged(question: str, verdict: Verdict, effect: float | None) -> Judged:
    difference = None if effect is None else SimpleNamespace(effect=effect)
    return Judged(Subject(question, "m"), {}, verdict, "", cast(Any, difference), None)


def selected(sizes: Iterable[tuple[str, int]], order: str, budget: int) -> Selection:
    with AnswerFile() as answers:
        for name, size in sizes:
            answers.add(found(name, size))
        return answers.select({(name, "m"): rank for rank, name in enumerate(order)}, budget)


def names(selection: Selection) -> str:
    return "".join(sorted(question for question, _ in selection.kept))


def test_what_differs_most_comes_first_then_what_could_not_be_tested() -> None:
    results = [
        judged("same", "not_shown", 0.01),
        judged("untested", "untestable", None),
        judged("little", "different", 0.1),
        judged("much", "different", 0.7),
    ]
    assert [question for question, _ in ranks(results)] == ["much", "little", "untested", "same"]


def test_everything_is_shown_while_it_fits() -> None:
    selection = selected([("a", 100), ("b", 100)], "ab", 100_000)
    assert (names(selection), selection.shown, selection.left_out) == ("ab", 2, 0)


@pytest.mark.parametrize("arrival", ["abcd", "dcba", "bdac"])
def test_the_least_important_are_left_out_in_whatever_order_they_come(arrival: str) -> None:
    selection = selected([(name, 3000) for name in arrival], "abcd", 10_000)
    assert (names(selection), selection.shown, selection.left_out) == ("ab", 2, 2)


def test_nothing_less_important_takes_the_place_of_something_that_was_too_long() -> None:
    selection = selected([("a", 100), ("b", 4000), ("c", 100)], "abc", 5_000)
    assert names(selection) == "a"


def test_what_has_no_verdict_is_left_out() -> None:
    selection = selected([("z", 100), ("a", 100)], "a", 100_000)
    assert (names(selection), selection.left_out) == ("a", 1)


def test_escapes_count_as_long_as_they_are_in_the_page() -> None:
    assert found("a", 100).size < answer_set(("a", "m"), [execution("<" * 100)]).size
    assert found("a", 100).size < answer_set(("a", "m"), [execution("\u202e" * 100)]).size


def test_a_long_answer_is_cut_and_says_by_how_much() -> None:
    [answer] = answer_set(("q", "m"), [execution("x" * 8_000)]).answers
    assert len(answer.text) + answer.cut == 8_000
    assert answer.cut > 0


def test_a_region_shows_forty_repeats_and_the_others_are_counted() -> None:
    rows = [execution(region=region, repeat=repeat) for region in ("US", "EU") for repeat in range(50)]
    shown = answer_set(("q", "m"), rows)
    assert (len(shown.answers), shown.repeats_left_out, shown.prompt) == (80, 20, "Why?")


def test_an_error_is_told_with_its_code() -> None:
    rows = [execution("", status="failed", error_code="timeout", error_message="no answer in 60 s")]
    assert answer_set(("q", "m"), rows).answers[0].error == "timeout: no answer in 60 s"
