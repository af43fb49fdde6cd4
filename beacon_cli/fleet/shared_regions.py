"""The state of the regions as the whole fleet shares it: a row for each region in trouble, changed under one lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg.rows import dict_row

from beacon_cli.executor.region_state import LONGEST_SHARED_WAIT_SECONDS, Condition, RegionState, Trouble
from beacon_cli.pauses import jitter
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.queries import query
from beacon_cli.store.text import original, storable


@dataclass(frozen=True, slots=True)
class Report:
    """What a call met in a region, by its label: trouble, or None for a good answer."""

    region: str
    trouble: Trouble | None
    is_check: bool


@dataclass(frozen=True, slots=True)
class SharedRegion:
    """A region in trouble as the database shows it. Times of `state` are on the database's clock.

    `next_check` is in seconds from now. `checking` says that some worker makes the check call.
    """

    state: RegionState
    since: float
    next_check: float
    checking: bool

    @property
    def may_call(self) -> bool:
        """Whether a call of this region may get a slot soon."""
        return self.state.condition is not Condition.PAUSED or (self.next_check <= 0 and not self.checking)


def shared_region(row: dict[str, Any]) -> SharedRegion:
    """Return a region from its row of `granted.sql`."""
    return SharedRegion(_state(row), row["since"], row["next_check"], row["checking"])


async def report(connection: AsyncConnection, reports: Sequence[Report]) -> None:
    """Change the regions' rows by what calls met. The caller holds the lock of the fleet's calls."""
    regions = list({each.region for each in reports})
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query("fleet", "load_trouble"), {"regions": regions})
        rows = {row["region"]: row for row in await cursor.fetchall()}
    for region, row in rows.items():
        before = after = _state(row)
        for each in reports:
            if each.region == region:
                after = _after(after, each, row["now"])
        if after != before:
            await _store(connection, region, after)


def _after(state: RegionState, each: Report, now: float) -> RegionState:
    if each.trouble is None:
        return state.answered(is_check=each.is_check)
    after = state.troubled(each.trouble, is_check=each.is_check, now=now, jitter=jitter())
    return replace(after, check_at=min(after.check_at, now + LONGEST_SHARED_WAIT_SECONDS))


async def _store(connection: AsyncConnection, region: str, state: RegionState) -> None:
    if state.condition is Condition.OPEN:
        await connection.execute("DELETE FROM region_trouble WHERE region = %s", [region])
        return
    await connection.execute(
        query("fleet", "store_trouble"),
        {
            "region": region,
            "condition": state.condition.value,
            "allowed": state.allowed,
            "why": storable(state.why),
            "check_at": state.check_at,
            "told": state.told,
            "failed_checks": state.failed_checks,
        },
    )


def _state(row: dict[str, Any]) -> RegionState:
    return RegionState(
        cap=row["cap"],
        allowed=row["allowed"],
        condition=Condition(row["condition"]),
        why=original(row["why"]),
        check_at=row["check_at"],
        told=row["told"],
        failed_checks=row["failed_checks"],
    )
