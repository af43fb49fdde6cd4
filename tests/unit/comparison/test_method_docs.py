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
MOST_TESTS = 5_000  # among which 99,999 exchanges can show one difference


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
        assert _number(alone) == min(MOST_TESTS, int(distinct_count(sizes) * FALSE_DISCOVERY_RATE))
        if groups == 3:
            most = int(2 * FALSE_DISCOVERY_RATE / together_share(sizes) + 1e-9)
            assert _number(stands_out) == min(MOST_TESTS, most)


def _number(cell: str) -> int:
    return 0 if cell == "–" else int(cell.replace(",", ""))
