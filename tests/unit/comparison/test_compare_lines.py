"""The lines of `compare` for people."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from beacon_cli.comparison import shown, table
from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.grouping import Grouping
from beacon_cli.comparison.pooled import Pooled
from beacon_cli.comparison.verdicts import Judged, Subject


def comparison(**parts: Any) -> Comparison:
    return cast(Comparison, SimpleNamespace(grouping=Grouping(), **parts))


def judged(effect: float | None) -> Judged:
    return Judged(Subject("q", "a"), {}, "not_shown", "", None, None, detectable=effect)


def test_of_many_pairs_of_regions_those_that_differ_most_are_told() -> None:
    pairs = {(f"R{number}", "R9"): (9 - number) / 10 for number in range(8)} | {("R8", "R9"): 0.0053}
    [_, (_, told)] = table._whole_job(comparison(pooled=Pooled(0.001, 4, pairs, ("R8", "R9"), different=True)))
    assert told.startswith("  p of each two: R8–R9 0.0053, R7–R9 0.200, R6–R9 0.300")
    assert told.endswith(" and 3 more")


def test_a_whole_job_without_a_difference_says_that_single_results_have_tests_of_their_own() -> None:
    pooled = Pooled(0.4, 4, {}, (), different=False)
    [(_, alone)] = table._whole_job(comparison(pooled=pooled, tested_different=False))
    [(_, told), (_, why)] = table._whole_job(comparison(pooled=pooled, tested_different=True))
    assert told == alone == "the whole job: no difference between regions shown (p 0.400, 4 results together)"
    assert why == f"  {shown.LOST_IN_THE_WHOLE}"


def test_effects_that_look_the_same_are_told_once() -> None:
    def found(*effects: float | None) -> str:
        return shown.detectable([judged(effect) for effect in effects])

    assert (found(), found(None), found(0.123, None)) == ("", "", "0.12")
    assert (found(0.086, 0.094), found(0.3, 0.086, 0.2)) == ("0.09", "0.09 to 0.30")


def test_an_interval_of_shares_has_its_unit_once() -> None:
    assert shown.share_interval(0.024, 1.0) == "[2–100 %]"
