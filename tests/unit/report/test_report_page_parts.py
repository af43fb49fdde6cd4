"""The parts of the page: its policy, its numbers, which conditions stand together, the map's heat."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from beacon_cli.comparison.figures import rate
from beacon_cli.comparison.verdicts import Judged, Subject
from beacon_cli.html.environment import number, small
from beacon_cli.html.style import style
from beacon_cli.report import judgement, page
from beacon_cli.report.effect_map import effect_map


def judged(question: str, model: str, effect: float) -> Judged:
    return Judged(Subject(question, model), {}, "different", "", cast(Any, SimpleNamespace(effect=effect)), 0.01)


def test_the_policy_allows_the_pages_own_style_and_script_alone() -> None:
    script = base64.b64encode(hashlib.sha256(page.page_script().encode()).digest()).decode()
    assert page.policy().startswith("default-src 'none'; script-src 'sha256-")
    assert f"script-src 'sha256-{script}';" in page.policy()
    assert "unsafe" not in page.policy()
    assert "http" not in page.policy()


def test_style_and_script_cannot_end_their_element() -> None:
    assert "</" not in page.page_script()
    assert "</" not in style()


def test_numbers_have_a_minus_of_their_own_and_none_before_zero() -> None:
    assert [number(value) for value in (None, 0.256, -0.3, -0.001)] == ["–", "0.26", "−0.30", "0.00"]
    assert [small(value) for value in (None, 0.0001, 0.04)] == ["–", "0.00010", "0.040"]


def test_a_rate_is_told_with_what_it_is_of_and_its_interval() -> None:
    assert judgement._rate(rate(1, 80)) == "1 of 80 (0–7 %)"
    assert judgement._rate(rate(0, 0)) == "–"


def test_equal_conditions_stand_together() -> None:
    same, other = {"US": {"T4"}, "EU": {"T4"}}, {"US": {"T4"}, "EU": {"L4"}}
    told = page._conditions({"gpu": {"a": same, "b": same}, "generator": {"a": other, "b": same}}, ("US", "EU"))
    assert list(told) == [
        ("gpu", "all", "all", ["T4"]),
        ("generator", "a", "US", ["T4"]),
        ("generator", "a", "EU", ["L4"]),
        ("generator", "b", "all", ["T4"]),
    ]


def test_long_conditions_are_cut_where_they_still_differ() -> None:
    values = {"US": {"You are " * 60 + "in the US"}, "EU": {"You are " * 60 + "in the EU"}}
    [(*_, us), (*_, eu)] = page._conditions({"system_prompt": {"a": values}}, ("US", "EU"))
    assert us[0].startswith("…")
    assert (us[0][-9:], eu[0][-9:]) == ("in the US", "in the EU")


def test_control_characters_are_visible_wherever_the_template_prints_them() -> None:
    made = judgement.environment().from_string("<i>{{ text }}</i>").render(text="\x1b[31m\u202e</i>")
    assert made == "<i>\\x1b[31m\\u202e&lt;/i&gt;</i>"


def test_the_map_has_a_row_for_each_question_and_is_warmer_where_the_effect_is_larger() -> None:
    results = (judged("q1", "a", 0.1), judged("q1", "b", 0.9), judged("q2", "b", -0.1))
    made = effect_map(cast(Any, SimpleNamespace(results=results)), {("q1", "a")}, {"q1": "Why?"})
    assert (made.columns, made.left_out) == (("a", "b"), 0)
    assert [(row.question_id, row.prompt) for row in made.rows] == [("q1", "Why?"), ("q2", "")]
    assert [[cell and (cell.heat, cell.anchor) for cell in row.cells] for row in made.rows] == [
        [(1, "answers-1"), (5, "")],
        [None, (0, "")],
    ]


def test_of_too_many_questions_those_that_matter_most_are_in_the_map() -> None:
    results = tuple(judged(f"q{number}", "a", number / 1000) for number in range(500))
    made = effect_map(cast(Any, SimpleNamespace(results=results)), (), {})
    assert (len(made.rows), made.left_out) == (400, 100)
    assert made.rows[-1].question_id == "q499"


def test_of_many_different_reasons_the_commonest_are_listed_and_the_others_counted() -> None:
    results = [replace(judged("q", "m", 0.1), reason=f"reason {number}") for number in [*range(60), 59, 59, 58]]
    listed, others = judgement._reasons([*results, judged("q", "m", 0.1)])
    assert (listed[:3], len(listed), others) == ([("reason 59", 3), ("reason 58", 2), ("reason 0", 1)], 50, 10)
