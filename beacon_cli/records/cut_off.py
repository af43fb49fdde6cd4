"""Answers that ended at the maximum length, not at their own end."""

from __future__ import annotations

from collections.abc import Mapping

from beacon_cli.console.formatting import percent, quantity
from beacon_cli.console.printable import excerpt

_REGIONS = 10

Share = tuple[int, int]
"""How many answers were cut off, of how many whose end is recorded."""


def cut_off_answers(by_region: Mapping[str, Share]) -> str:
    """Return `7 answers cut off at max_tokens (US 0 of 40, EU 7 of 40 = 17.5 %)`."""
    total = sum(count for count, _ in by_region.values())
    shares = [_share(region, *share) for region, share in list(by_region.items())[:_REGIONS]]
    more = [f"and {len(by_region) - _REGIONS} more regions"] if len(by_region) > _REGIONS else []
    return f"{quantity(total, 'answer')} cut off at max_tokens ({', '.join([*shares, *more])})"


def _share(region: str, count: int, of: int) -> str:
    share = f" = {percent(count, of)}" if count else ""
    return f"{excerpt(region, 30)} {count} of {of}{share}"
