"""The colours of regions, or of models: a number for each, whose colour the style knows in light and dark mode."""

from __future__ import annotations

OTHERS = 8
"""How many regions have a colour of their own; it is the number of the one that all others share."""


def colour_number(place: int) -> int:
    """Return the number of the colour of the region, or model, at a place in their usual order."""
    return min(place, OTHERS)
