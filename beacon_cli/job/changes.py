"""Describes what changed between two versions of a job, to refuse a changed job file under an old id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.job.model import PLACE
from beacon_cli.job.stored_regions import stored_regions
from modal_deployment.regions import Region

Spec = Mapping[str, Any]


def spec_differences(stored: Spec, new: Spec) -> list[str]:
    """Return a line for each difference between two specs (`Job.spec`) that changes answers; none if they are equal.

    The order of models and of regions makes no difference; that of questions does.
    """
    regions = stored_regions(stored) | stored_regions(new)
    return [
        *_question_changes(stored.get("questions") or {}, new.get("questions") or {}),
        *_model_changes(_regions_by_model(stored, regions), _regions_by_model(new, regions)),
        *_region_changes(stored, new),
        *_value_changes("", stored, new, ("repeats",)),
        *_control_changes(stored, new),
        *_section_changes("generation", stored, new),
        *_value_changes("", stored, new, ("system_prompt",)),
        *_section_changes("system_prompts", stored, new),
        *_analysis_changes(stored, new),
    ]


def how_to_go_on(stored: Spec, new: Spec) -> str:
    """Return what to do about a changed job."""
    another = "give the changed job another id (--job-id, or id: in the job file)"
    if not any(_analysis_changes(stored, new)):
        return another
    return (
        f"what is planned is stored before the first answer: write `analysis` as it was, and give {command('compare')}"
        f" its options, which it shows as chosen afterwards; or {another}"
    )


def _analysis_changes(stored: Spec, new: Spec) -> Iterator[str]:
    if ("analysis" in stored) != ("analysis" in new):
        yield f"analysis: {'added' if 'analysis' in new else 'removed'}"
    else:
        yield from _section_changes("analysis", stored, new)


def _question_changes(stored: Spec, new: Spec) -> Iterator[str]:
    if stored.get("count") != new.get("count"):
        yield f"questions: {_change(stored.get('count'), new.get('count'))}"
    elif stored.get("sha256") != new.get("sha256"):
        yield f"questions: still {new.get('count')}, but other ids, texts, tags or another order"


def _model_changes(stored: dict[str, list[str]], new: dict[str, list[str]]) -> Iterator[str]:
    for model in stored.keys() - new.keys():
        yield f"models: - {excerpt(model, 255)} ({', '.join(stored[model])})"
    for model, regions in new.items():
        if model not in stored:
            yield f"models: + {excerpt(model, 255)} ({', '.join(regions)})"
        elif set(regions) != set(stored[model]):
            yield f"models: {excerpt(model, 255)}: {', '.join(stored[model])} → {', '.join(regions)}"


def _region_changes(stored: Spec, new: Spec) -> Iterator[str]:
    """Yield how regions are called otherwise: ids, labels, and places if a system prompt names them."""
    before, after = stored_regions(stored), stored_regions(new)
    names_place = _names_place(stored) or _names_place(new)
    gone = {region.label: region_id for region_id, region in before.items() if region_id not in after}
    for region_id, region in after.items():
        if region_id not in before and region.label in gone:
            yield f"regions: {excerpt(region.label)} has another id: {_change(gone[region.label], region_id)}"
        if (old := before.get(region_id)) is not None:
            if region.label != old.label:
                yield f"regions.{region_id}.label: {_change(old.label, region.label)}"
            if region.place != old.place and names_place:
                yield f"regions.{region_id}.place: {_change(old.place, region.place)}"


def _control_changes(stored: Spec, new: Spec) -> Iterator[str]:
    before, after = _control_labels(stored), _control_labels(new)
    if set(before) != set(after):
        yield f"controls: {_listed(before)} → {_listed(after)}"


def _control_labels(spec: Spec) -> list[str]:
    regions = stored_regions(spec)
    return [excerpt(regions[region_id].label) for region_id in spec.get("controls") or () if region_id in regions]


def _listed(labels: list[str]) -> str:
    return ", ".join(labels) or "none"


def _names_place(spec: Spec) -> bool:
    prompts = (spec.get("system_prompt"), *(spec.get("system_prompts") or {}).values())
    return any(PLACE in (prompt or "") for prompt in prompts)


def _section_changes(section: str, stored: Spec, new: Spec) -> Iterator[str]:
    before, after = stored.get(section) or {}, new.get(section) or {}
    return _value_changes(f"{section}.", before, after, tuple(dict.fromkeys((*before, *after))))


def _value_changes(prefix: str, stored: Spec, new: Spec, keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        if stored.get(key) != new.get(key):
            yield f"{prefix}{key}: {_change(stored.get(key), new.get(key))}"


def _regions_by_model(spec: Spec, regions: Mapping[str, Region]) -> dict[str, list[str]]:
    """Return the labels of each model's regions, in the order of `regions`."""
    order = list(regions)
    return {
        str(model["id"]): [excerpt(regions[region_id].label) for region_id in sorted(model["regions"], key=order.index)]
        for model in spec.get("models") or []
    }


def _change(stored: object, new: object) -> str:
    shown = differing_excerpts([_text(stored), _text(new)], 40)
    pairs = zip((stored, new), shown, strict=True)
    return " → ".join(f'"{text}"' if isinstance(value, str) else text for value, text in pairs)


def _text(value: object) -> str:
    return "none" if value is None else str(value)
