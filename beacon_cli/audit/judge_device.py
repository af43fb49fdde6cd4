"""The judgement of `device`: what each model was computed on, as the device says itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beacon_cli.audit.check import Check
from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.records.expectation import Expectation

_SEPARATOR = ", "  # between the parts of a device, as the query writes them


def device(expected: Expectation, *, devices: Sequence[Mapping[str, Any]]) -> Check:  # noqa: ARG001
    """Check that each model was computed on the same GPU, in the same precision, by the same libraries, everywhere.

    `devices` has the rows of each model, region and device; None is a device that does not say what it is.
    """
    known = [found for found in devices if found["device"] is not None]
    if not known:
        return Check("device", "skip", "no row records what it was computed on")
    warnings = []
    for model_id in dict.fromkeys(found["model_id"] for found in known):
        places: dict[str, list[str]] = {}
        for found in known:
            if found["model_id"] == model_id:
                places.setdefault(found["device"], []).append(found["region"])
        if len(places) > 1:
            warnings.append(f"{excerpt(model_id, 60)}: {_differing(places)}")
    if silent := sum(found["executions"] for found in devices if found["device"] is None):
        warnings.append(f"{quantity(silent, 'answer')} without a record of the device")
    if warnings:
        return Check("device", "warn", f"not the same everywhere: {'; '.join(warnings)}")
    names = sorted({found["device"] for found in known})
    return Check("device", "pass", f"the same in each region: {'; '.join(excerpt(name, 200) for name in names)}")


def _differing(places: Mapping[str, Sequence[str]]) -> str:
    """Return what differs between devices, which are lists of names and versions, each with its regions."""
    parts = {name: name.split(_SEPARATOR) for name in places}
    common = set.intersection(*map(set, parts.values()))
    return " and ".join(
        f"{excerpt(_SEPARATOR.join(part for part in parts[name] if part not in common), 160) or 'less is recorded'}"
        f" in {', '.join(regions)}"
        for name, regions in places.items()
    )
