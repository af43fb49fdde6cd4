"""Which models an endpoint says that it serves. What it says is hostile input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beacon_cli.door import bounded

_MOST_MODELS = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """The models that an endpoint lists: ids in its order, what it tells of each, and the hash over all of that.

    An old deployment tells the ids only.
    """

    ids: tuple[str, ...]
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sha256: str | None = None

    def revision(self, model_id: str) -> str | None:
        """Return the revision of a model, or None if the listing has none."""
        entry = self.entries.get(model_id)
        return None if entry is None else bounded(str(entry.get("revision")))


def read_listing(document: Mapping[str, Any]) -> Listing | None:
    """Return what a `models` or `health` answer lists, or None when it lists nothing usable."""
    ids = document.get("models_available")
    if not isinstance(ids, list) or not all(isinstance(model_id, str) for model_id in ids):
        return None
    registry = document.get("model_registry")
    known = list(registry.items() if isinstance(registry, dict) else ())[:_MOST_MODELS]
    entries = {bounded(key): value for key, value in known if isinstance(value, dict)}
    sha256 = document.get("registry_sha256")
    return Listing(
        ids=tuple(bounded(model_id) for model_id in ids[:_MOST_MODELS]),
        entries=entries,
        sha256=bounded(sha256) if isinstance(sha256, str) else None,
    )
