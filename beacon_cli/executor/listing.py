"""Which models an endpoint says that it serves. What it says is hostile input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beacon_cli.door import bounded
from beacon_cli.executor.answer import Reply, read_object, status_error
from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.json_paths import value_at

NOT_RUNNING = frozenset({"app_stopped", "app_paused"})
"""The codes of `listing_document` for an app that answers nothing until somebody starts it again."""

_MOST_MODELS = 1000
# Modal's gateway answers 404 with these texts, in place of a function. Source: seen in operation and in public bug
# reports.
_MODAL_REFUSALS = (
    ("is stopped", "app_stopped"),
    ("is paused", "app_paused"),
    ("is disabled", "app_paused"),
)


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


def listing_document(reply: Reply) -> dict[str, Any]:
    """Return the JSON object in the answer of `models` or `health`.

    Raises `AttemptError`; for a 404 its code is `app_stopped`, `app_paused` or `never_deployed`.
    """
    if reply.status == 404:
        text = reply.excerpt
        code = next((code for words, code in _MODAL_REFUSALS if words in text), "never_deployed")
        raise AttemptError(code, f"HTTP 404: {text}", http_status=404)
    if reply.status != 200:
        raise status_error(reply)
    return read_object(reply)


def _openai_ids(document: Mapping[str, Any]) -> list[object] | None:
    data = document.get("data")
    return [value_at(entry, ("id",)) for entry in data] if isinstance(data, list) else None


def read_listing(document: Mapping[str, Any]) -> Listing | None:
    """Return what a `models` or `health` answer lists, or None when it lists nothing usable.

    It is in the form of Beacon's endpoints, or in OpenAI's: `data` has objects with an `id`.
    """
    ids = document.get("models_available", _openai_ids(document))
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
