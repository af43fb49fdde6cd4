"""The JSON Schema of job files, for editors and for checks outside Beacon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from beacon_cli.job.model import JobFile
from modal_deployment.regions import Regions


def job_schema(*, regions: Regions, known_models: Iterable[str]) -> dict[str, Any]:
    """Return the schema (draft 2020-12) of today's job files; those of the old system are not described.

    Editors suggest the names of `regions` and `known_models`, and allow any other.
    """
    schema = JobFile.model_json_schema()
    suggested = {"RegionName": [*regions.labels, *regions], "ModelId": list(known_models)}
    for name, names in suggested.items():
        schema["$defs"][name] = {"anyOf": [{"enum": names}, schema["$defs"][name]]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Beacon job file",
        **{key: value for key, value in schema.items() if key != "title"},
    }
