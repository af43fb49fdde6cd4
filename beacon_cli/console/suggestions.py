"""What somebody may have meant by a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 255  # characters that are compared: longer names are nobody's typing mistakes


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `did you mean …? `, or an empty text if no known name is similar."""
    names: dict[str, str] = {}
    for key in known:
        names.setdefault(key.lower(), key)
    near = difflib.get_close_matches(name.lower()[:_LONGEST], names, n=1, cutoff=0.6)
    return f"did you mean {names[near[0]]}? " if near else ""
