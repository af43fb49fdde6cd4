from __future__ import annotations

from typing import Any

import pytest

from beacon_cli.comparison.seeds import shared_seeds, varied
from beacon_cli.records.find_job import Schema, StoredJob
from tests.support.vocabulary import REGIONS


def job(generation: object, schema: Schema = "beacon") -> StoredJob:
    spec: Any = {"generation": generation}
    return StoredJob(schema, "id", "id", spec, None, questions_stored=True, columns={}, regions=REGIONS)


@pytest.mark.parametrize(
    ("generations", "shared"),
    [
        ([{"seed": 1}], True),
        ([{"seed": 0}], True),
        ([{"seed": None}], False),
        ([{}], False),
        ([None], False),
        ([{"seed": 1}, {"seed": 1}], True),
        ([{"seed": 1}, {"seed": 2}], False),
        ([{"seed": 1}, {"seed": None}], False),
    ],
)
def test_repeats_are_paired_by_a_seed_that_all_have(generations: list[object], shared: bool) -> None:
    assert shared_seeds([job(each) for each in generations]) is shared


def test_jobs_of_the_old_system_have_no_seeds() -> None:
    assert shared_seeds([job({"seed": 1}, "legacy")]) is False


@pytest.mark.parametrize(("temperature", "expected"), [(0.7, True), (1, True), (0, False), (None, False), ("x", False)])
def test_repeats_vary_at_a_known_temperature_above_0(temperature: object, expected: bool) -> None:
    assert varied(job({"temperature": temperature})) is expected
