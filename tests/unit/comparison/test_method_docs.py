"""docs/explanation/method.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from beacon_cli.comparison.conditions import NAMES
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.comparison.reply import OUTCOMES
from beacon_cli.comparison.verdicts import VERDICTS
from beacon_cli.design.shapes import distinct_count, together_share
from beacon_cli.job.analysis import FALSE_DISCOVERY_RATE

METHOD = (Path(__file__).parents[3] / "docs" / "explanation" / "method.md").read_text(encoding="utf-8")
MOST_EXCHANGES = 100_000  # with the real labels


def test_every_name_is_explained() -> None:
    for name in (*VERDICTS, *NAMES, *MEASURES, *OUTCOMES):
        assert f"`{name}`" in METHOD


@pytest.mark.parametrize("groups", [2, 3])
def test_the_table_of_repeats_is_right(groups: int) -> None:
    rows = re.findall(
        rf"^\| {groups} \| (\d+) \| ([\d,]+) \| ([\d.]+) \| ([\d,–]+)(?: tests)? \| ?([\d,–]*)", METHOD, re.MULTILINE
    )
    assert len(rows) == 6
    for repeats, dealings, least, alone, stands_out in rows:
        sizes = ((int(repeats),) * groups,)
        assert _number(dealings) == distinct_count(sizes)
        assert float(least) == pytest.approx(1 / distinct_count(sizes), rel=0.06)
        level = FALSE_DISCOVERY_RATE * (1 - 1 / int(repeats))  # of a first look
        assert _number(alone) == int(min(MOST_EXCHANGES, distinct_count(sizes)) * level + 1e-9)
        if groups == 3:
            assert _number(stands_out) == int(min(MOST_EXCHANGES, 2 / together_share(sizes)) * level + 1e-9)


def _number(cell: str) -> int:
    return 0 if cell == "–" else int(cell.replace(",", ""))
