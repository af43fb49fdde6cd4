"""What a design can find: from the measured curves, and from how many exchanges of labels there are."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from beacon_cli.comparison.conditions import NAMES
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.design.curves import Effect, measured_curves
from beacon_cli.design.design import Design, Prospects, design_of, fewest_repeats, prospects
from beacon_cli.job.analysis import AcceptedName, Analysis, MeasureName
from beacon_cli.job.part import WHOLE, Part
from tests.support.jobs import make_job

DESIGN = Design(results=16, regions=(3,), repeats=5, seeds=False, temperature=0.7, analysis=Analysis())


def found(**changes: object) -> Prospects:
    return prospects(replace(DESIGN, **changes))  # type: ignore[arg-type]


def test_the_names_of_a_plan_are_those_that_compare_takes() -> None:
    assert (get_args(AcceptedName), get_args(MeasureName)) == (NAMES, tuple(MEASURES))


def test_every_design_of_the_curves_was_measured() -> None:
    curves = measured_curves()
    designs = {
        (effect, seeds, regions, repeats)
        for effect in get_args(Effect)
        for seeds in (False, True)
        for regions in curves.regions
        for repeats in curves.repeats
    }
    assert curves.points.keys() == designs
    for point in curves.points.values():
        assert len(point["one"]) == len(curves.thresholds)
        assert [len(row) for row in point["whole"]] == [len(curves.levels)] * len(curves.results)


def test_measured_points_are_returned_as_they_are_and_lines_are_drawn_between_them() -> None:
    curves = measured_curves()

    def one(regions: int, repeats: int, threshold: float) -> float | None:
        return curves.in_one_question("sentence", seeds=False, regions=regions, repeats=repeats, threshold=threshold)

    at = {repeats: curves.points["sentence", False, 3, repeats]["one"] for repeats in (5, 7)}
    assert one(3, 5, 0.05) == at[5][curves.thresholds.index(0.05)] / 100
    between = [at[repeats][curves.thresholds.index(0.001)] / 100 for repeats in (5, 7)]
    assert one(3, 6, 0.001) == pytest.approx(sum(between) / 2)
    assert one(4, 5, 0.05) is not None


@pytest.mark.parametrize("changes", [{"regions": (9,)}, {"repeats": 40}, {"results": 100_000}, {"regions": (3, 9)}])
def test_outside_of_what_was_measured_there_is_no_figure(changes: dict[str, object]) -> None:
    assert {each.one_question.power for each in found(**changes).found} == {None}


def test_more_results_than_were_measured_are_found_at_least_as_often() -> None:
    most = max(measured_curves().results)
    many, more = (found(results=results).found[0].whole_job for results in (most, most * 3))
    assert many == more


def test_a_further_look_finds_less_than_a_first_one_and_says_up_to_which_value() -> None:
    first, further = (found(looks=looks) for looks in ((), (3,)))
    assert further.as_data()["level"] == pytest.approx(0.05 * (1 / 3 - 1 / 5))
    for early, late in zip(first.found, further.found, strict=True):
        assert (early.one_question.power or 0) >= (late.one_question.power or 0)
    assert (first.found[1].whole_job.power or 0) > 0
    assert (further.found[1].one_question.power or 0) < (first.found[1].one_question.power or 0)
    assert found(looks=(3, 5)).as_data()["level"] == further.as_data()["level"]


def test_a_job_cannot_shrink_so_only_more_repeats_are_named() -> None:
    for each in found(looks=(18,), repeats=19).found:
        assert (each.whole_job.repeats or 18) >= 18


def test_more_repeats_find_more_and_fewer_tests_need_fewer() -> None:
    assert [each.one_question.power for each in found(repeats=1).found] == [0.0] * 4
    few, many = (found(repeats=repeats).found[1].one_question.power for repeats in (3, 15))
    assert few is not None
    assert many is not None
    assert few < many
    alone, among = (found(results=results).found[1].one_question.repeats for results in (1, 256))
    assert alone is not None
    assert among is not None
    assert alone < among


def test_the_repeats_that_are_named_are_the_fewest_that_are_enough() -> None:
    half_length = found().found[1].one_question
    assert half_length.repeats is not None
    enough, fewer = (found(repeats=half_length.repeats - less).found[1].one_question.power for less in (0, 1))
    assert enough is not None
    assert fewer is not None
    assert fewer < 0.8 <= enough


def test_if_models_are_asked_in_different_numbers_of_regions_the_least_chance_counts() -> None:
    both, two, three = (found(regions=regions).found[1].one_question.power for regions in ((2, 3), (2,), (3,)))
    assert None not in (two, three)
    assert both == min(two or 0, three or 0)


def test_what_was_never_simulated_has_no_figure() -> None:
    for other in (found(temperature=0.0), found(analysis=Analysis(measure="semantic"))):
        assert {each.whole_job.power for each in other.found} == {None}
        assert {(each.whole_job.repeats, each.whole_job.most) for each in other.found} == {(None, None)}
        assert len(other.warnings) == 1


@pytest.mark.parametrize(
    ("changes", "warning", "doubtful"),
    [
        ({}, None, False),
        ({"repeats": 1}, "with one repeat nothing shows how much answers vary by chance", True),
        ({"temperature": 0.0}, "at temperature 0 repeats are copies", True),
        (
            {"repeats": 3, "regions": (2,)},
            "with 3 repeats, among 16 tests, no single question can be shown to differ; it takes 6 at least",
            False,
        ),
        (
            {"repeats": 2, "regions": (2,), "results": 1},
            "no single question can be shown to differ; it takes 4 at least",
            True,
        ),
        (
            {"repeats": 3, "results": 8},
            "with 3 repeats, among 8 tests, a single question can hardly be shown to differ where one region differs"
            " from others that agree; it takes 4 at least",
            False,
        ),
        ({"results": 6000, "repeats": 20}, "no number of repeats is enough", False),
    ],
)
def test_warnings(changes: dict[str, object], warning: str | None, doubtful: bool) -> None:
    other = found(**changes)
    if warning is None:
        assert other.warnings == ()
    else:
        [told] = other.warnings
        assert warning in told
    assert (other.doubt is not None) is doubtful


def test_what_is_compared_is_what_is_asked_in_two_regions_or_more() -> None:
    job = make_job(
        questions=["math_basic", "greatest_leader"],
        models=["llama3.2-1b", {"id": "qwen2.5-1.5b", "regions": ["US"]}],
        repeats=4,
        generation={"seed": 3, "temperature": 0.5},
    )
    design = design_of(job, WHOLE)
    assert design == Design(2, (3,), 4, seeds=True, temperature=0.5, analysis=Analysis())
    assert design_of(job, Part(models=("qwen2.5-1.5b",))) is None


def test_a_further_look_takes_more_repeats_than_a_first_one_and_always_more_than_there_are() -> None:
    first = fewest_repeats([3], tests=6, rate=0.05, seeds=False)
    again = fewest_repeats([3], tests=6, rate=0.05, seeds=False, looked_at=3)
    assert first is not None
    assert again is not None
    assert again > first > 3
    assert fewest_repeats([3], tests=6, rate=1e-9, seeds=False) is None
