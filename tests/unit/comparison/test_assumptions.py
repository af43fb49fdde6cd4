from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from beacon_cli.comparison.assumptions import Assumptions
from beacon_cli.comparison.verdicts import Subject
from beacon_cli.records.stored_answer import StoredExecution
from tests.unit.comparison.executions import execution

START = datetime(2026, 11, 1, tzinfo=UTC)
LONG = "word " * 20
SUBJECT = Subject("q", "m")


def assumptions(*, varied: bool = True, same_time: bool = True, **groups: list[dict[str, Any]]) -> Assumptions:
    found = Assumptions(varied=varied, same_time=same_time)
    found.add(SUBJECT, {name: _executions(name, rows) for name, rows in groups.items()})
    return found


def _executions(region: str, rows: list[dict[str, Any]]) -> list[StoredExecution]:
    return [execution(region=region, repeat=repeat, **row) for repeat, row in enumerate(rows)]


def names(found: Assumptions) -> list[str]:
    return [name for name, _ in found.broken()]


def test_long_answers_that_repeat_an_earlier_one_of_their_region_are_copies() -> None:
    rows = [{"response": LONG}, {"response": LONG}, {"response": LONG + "!"}]
    ((name, detail),) = assumptions(US=rows, EU=[{"response": LONG}]).broken()
    assert name == "cache"
    assert "(US 1 of 3)" in detail


def test_short_ones_are_not_nor_is_anything_where_repeats_cannot_vary() -> None:
    assert names(assumptions(US=[{"response": "4"}] * 5)) == []
    assert names(assumptions(US=[{"response": LONG}] * 5, varied=False)) == []


def test_regions_asked_more_than_an_hour_apart_are_named_by_question() -> None:
    def at(minutes: int) -> list[dict[str, Any]]:
        return [{"started_at": START + timedelta(minutes=minutes + each)} for each in range(3)]

    assert names(assumptions(US=at(0), EU=at(60))) == []
    ((name, detail),) = assumptions(US=at(0), EU=at(61)).broken()
    assert (name, detail) == ("time", "1 question asked more than an hour apart: q")
    assert names(assumptions(US=at(0), EU=at(61), same_time=False)) == []
    assert names(assumptions(US=at(0), EU=[{"started_at": None}])) == []


def test_shares_of_cut_off_answers_are_unequal_by_more_than_ten_points() -> None:
    whole, cut = {"finish_reason": "stop"}, {"finish_reason": "length"}
    assert names(assumptions(US=[whole] * 10, EU=[*[whole] * 9, cut])) == []
    assert names(assumptions(US=[whole] * 9, EU=[*[whole] * 8, cut])) == ["cut_off"]
    assert names(assumptions(US=[whole] * 9, EU=[{"finish_reason": None}] * 9)) == []


def test_shares_are_also_unequal_where_they_pile_up_beyond_chance() -> None:
    whole, cut = {"finish_reason": "stop"}, {"finish_reason": "length"}
    found = Assumptions(varied=True, same_time=True)
    for _ in range(20):
        found.add(SUBJECT, {name: _executions(name, [whole] * 12) for name in ("US", "EU")})
        found.add(SUBJECT, {"US": _executions("US", [whole] * 12), "EU": _executions("EU", [*[whole] * 10, cut, cut])})
    assert names(found) == ["cut_off"]


def test_failures_that_pile_up_in_one_region_are_told_and_cancelled_cells_are_no_failures() -> None:
    answered, failed = {"status": "completed"}, {"status": "failed", "response": None}
    found = assumptions(US=[answered] * 10, EU=[answered] * 10, ASIA=[*[answered] * 4, *[failed] * 6])
    assert found.piled_failures() == (
        "failures pile up in ASIA (US 0 of 10, EU 0 of 10, ASIA 6 of 10 failed):"
        " what is missing there is not missing by chance"
    )
    assert assumptions(US=[answered] * 10, EU=[*[answered] * 9, failed]).piled_failures() is None
    cancelled = {"status": "cancelled", "response": None}
    assert assumptions(US=[answered] * 10, EU=[*[answered] * 4, *[cancelled] * 6]).piled_failures() is None
