"""Compares what a region reports with the registry. Pure; the reports are hostile input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.console.printable import excerpt
from beacon_cli.executor.listing import Listing
from beacon_cli.verification.findings import Finding, Target, finding
from modal_deployment.registry import Model, registry_sha256

_NAMED = 10  # ids in one message


@dataclass(frozen=True, slots=True)
class Comparison:
    """A listing against the registry: see `RegionReport` for the fields."""

    served: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    sha256: str | None = None
    hash_matches: bool | None = None
    findings: tuple[Finding, ...] = ()


def compare(listing: Listing, expected: Mapping[str, Model], target: Target) -> Comparison:
    """Return how a listing deviates from the registry. A missing hash or a missing entry is no deviation."""
    served = tuple(dict.fromkeys(listing.ids))
    missing = tuple(model_id for model_id in expected if model_id not in served)
    extra = tuple(model_id for model_id in served if model_id not in expected)
    renamed = _renamed(listing, [expected[model_id] for model_id in missing], extra)
    matches = None if listing.sha256 is None else listing.sha256 == registry_sha256(expected.values())
    deviations = [
        *_deviations(listing, missing, extra, renamed),
        *_other_weights(listing, expected),
    ]
    if matches is False and not deviations:
        deviations = [("registry_differs", _other_fields(listing, expected))]
    findings = tuple(finding(code, message, target) for code, message in deviations)
    return Comparison(listing.ids, missing, extra, renamed, listing.sha256, matches, findings)


def _renamed(listing: Listing, missing: Iterable[Model], extra: Iterable[str]) -> dict[str, str]:
    """Return served id → registry id for models with the same weights."""
    renamed: dict[str, str] = {}
    for model in missing:
        for model_id in extra:
            entry = listing.entries.get(model_id, {})
            same = entry.get("source") == model.source and entry.get("revision") in {None, model.revision}
            if same and model_id not in renamed:
                renamed[model_id] = model.id
                break
    return renamed


def _deviations(
    listing: Listing, missing: Iterable[str], extra: Iterable[str], renamed: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    if gone := [model_id for model_id in missing if model_id not in renamed.values()]:
        yield "missing_model", f"in the registry and not served: {_names(gone)}"
    if unknown := [model_id for model_id in extra if model_id not in renamed]:
        yield "extra_model", f"served and not in the registry: {_names(unknown)}"
    for served_id, known_id in renamed.items():
        yield "renamed_model", f"{known_id} is served under another id, {excerpt(served_id)}"
    if twice := [model_id for model_id, times in Counter(listing.ids).items() if times > 1]:
        yield "listed_twice", f"listed more than once: {_names(twice)}"


def _other_weights(listing: Listing, expected: Mapping[str, Model]) -> Iterable[tuple[str, str]]:
    for model_id, model in expected.items():
        entry = listing.entries.get(model_id, {}) if model_id in listing.ids else {}
        for key, wanted in (("source", model.source), ("revision", model.revision)):
            if None not in (wanted, reported := entry.get(key)) and reported != wanted:
                served, known = differing_excerpts([str(reported), str(wanted)], 50)
                yield "different_revision", f"{model_id} is served with {key} {served}; the registry has {known}"


def _other_fields(listing: Listing, expected: Mapping[str, Model]) -> str:
    differing = [
        f"{model_id}: {key} {excerpt(str(entry.get(key)), 40)} instead of {wanted}"
        for model_id, model in expected.items()
        if (entry := listing.entries.get(model_id)) is not None
        for key, wanted in asdict(model).items()
        if key != "id" and entry.get(key) != wanted
    ]
    return f"its registry_sha256 differs ({'; '.join(differing[:_NAMED]) or 'but it lists the same models'})"


def _names(ids: Iterable[str]) -> str:
    names = [excerpt(model_id) or "(empty)" for model_id in ids]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
