"""What is said to be detectable is found in about 80 % of the cases: simulated, with fixed seeds."""

from __future__ import annotations

import random

import numpy as np
import pytest

from beacon_cli.comparison.sensitivity import detectable
from benchmarks.calibration.sources import reworded
from tests.unit.comparison.samples import difference_of, p_value, texts

LEVEL = 0.05 / 16
JOBS = 100


def answers(chance: random.Random, repeats: int, size: float) -> dict[str, list[str]]:
    """Return answers of which those of one region have a share of other words."""
    question = reworded(chance)
    sources = [question.usual, question.usual, question.planted(size)]
    regions = zip(("US", "EU", "ASIA"), sources, strict=True)
    return {region: [source.answer(chance) for _ in range(repeats)] for region, source in regions}


@pytest.mark.parametrize(("repeats", "size"), [(6, 0.68), (10, 0.51), (16, 0.41)])
def test_an_effect_of_that_size_that_all_answers_share_is_found_in_80_percent(repeats: int, size: float) -> None:
    chance = random.Random(1)
    nulls = [difference_of(answers(chance, repeats, 0), exchanges=999) for _ in range(JOBS)]
    planted = [difference_of(answers(chance, repeats, size)) for _ in range(JOBS)]
    said = float(np.median([detectable(each, LEVEL) or 0 for each in nulls]))
    assert np.mean([each.effect for each in planted]) == pytest.approx(said, rel=0.15)
    assert 0.7 <= np.mean([p_value(each) <= LEVEL for each in planted]) <= 0.9


def test_where_the_answers_are_too_few_nothing_can_be_found() -> None:
    found = difference_of({region: texts(random.Random(1), 3) for region in ("US", "EU", "ASIA")})
    assert detectable(found, LEVEL) is None
    assert detectable(found, 0.05) is not None
