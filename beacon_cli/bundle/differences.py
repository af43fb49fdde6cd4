"""The first difference between two JSON documents."""

from __future__ import annotations

import json
import math
from typing import Any

from beacon_cli.console.printable import excerpt

_RELATIVE = 1e-9  # sums of floating-point numbers differ by less between machines, and results of other data by more
_ABSOLUTE = 1e-12
_SHOWN = 80


def first_difference(stored: Any, computed: Any, path: str = "") -> str | None:
    """Return `data.results[3].verdict: stored "different", computed "not_shown"`, or None if nothing differs.

    Numbers with a fraction may differ by one in 10⁹: another machine adds them up in another order.
    """
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in (*stored, *(key for key in computed if key not in stored)):
            here = f"{path}.{excerpt(key, 60)}" if path else excerpt(key, 60)
            if key not in stored or key not in computed:
                return f"{here}: only {'computed' if key in computed else 'stored'}"
            if found := first_difference(stored[key], computed[key], here):
                return found
        return None
    if isinstance(stored, list) and isinstance(computed, list):
        for number, (one, other) in enumerate(zip(stored, computed, strict=False)):
            if found := first_difference(one, other, f"{path}[{number}]"):
                return found
        if len(stored) != len(computed):
            return f"{path}: stored {len(stored)} values, computed {len(computed)}"
        return None
    return None if _same(stored, computed) else f"{path}: stored {_shown(stored)}, computed {_shown(computed)}"


def _same(stored: Any, computed: Any) -> bool:
    if isinstance(stored, float) and isinstance(computed, float):
        return math.isclose(stored, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return type(stored) is type(computed) and stored == computed


def _shown(value: Any) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False, default=str), _SHOWN)
