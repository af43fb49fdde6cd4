"""The lines of `compare` for people."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from beacon_cli.comparison import table
from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.grouping import Grouping
from beacon_cli.comparison.pooled import Pooled


def comparison(**parts: Any) -> Comparison:
    return cast(Comparison, SimpleNamespace(grouping=Grouping(), **parts))


def test_of_many_pairs_of_regions_those_that_differ_most_are_told() -> None:
    pairs = {(f"R{number}", "R9"): (9 - number) / 10 for number in range(8)} | {("R8", "R9"): 0.0053}
    [_, (_, told)] = table._whole_job(comparison(pooled=Pooled(0.001, 4, pairs, ("R8", "R9"), different=True)))
    assert told.startswith("  p of each two: R8–R9 0.0053, R7–R9 0.200, R6–R9 0.300")
    assert told.endswith(" and 3 more")
