from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from beacon_cli.comparison.grouping import Grouping
from beacon_cli.comparison.verdicts import Subject


def rows(*cells: tuple[str, str, str]) -> list[Any]:
    return [
        cast(Any, SimpleNamespace(question_id=question, model_id=model, region=region, job_id="j"))
        for question, model, region in cells
    ]


def test_regions_are_compared_inside_a_model_and_models_inside_a_region() -> None:
    [row] = rows(("q", "m", "US"))
    by_region, by_model, jobs = Grouping("region"), Grouping("model"), Grouping("job")
    assert (by_region.subject_of(row), by_region.group_of(row)) == (Subject("q", "m"), "US")
    assert (by_model.subject_of(row), by_model.group_of(row)) == (Subject("q", None, "US"), "m")
    assert (jobs.subject_of(row), jobs.group_of(row)) == (Subject("q", "m", "US"), "j")
    assert [each.subject_of(row).names for each in (by_region, by_model, jobs)] == [
        ("q", "m"),
        ("q", "US"),
        ("q", "m", "US"),
    ]


def test_executions_of_a_question_come_region_by_region_if_models_are_compared() -> None:
    given = rows(("q", "a", "US"), ("q", "a", "EU"), ("q", "b", "US"), ("q", "b", "EU"), ("r", "a", "EU"))
    assert list(Grouping("region").in_order(given)) == given
    assert [(each.question_id, each.region, each.model_id) for each in Grouping("model").in_order(given)] == [
        ("q", "US", "a"),
        ("q", "US", "b"),
        ("q", "EU", "a"),
        ("q", "EU", "b"),
        ("r", "EU", "a"),
    ]
