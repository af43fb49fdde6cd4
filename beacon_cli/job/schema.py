"""The JSON Schema of job files, for editors and for checks outside Beacon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from beacon_cli.job.model import MODEL_ID, REGION_NAME, JobFile
from modal_deployment.regions import Regions


def job_schema(*, regions: Regions, known_models: Iterable[str]) -> dict[str, Any]:
    """Return the schema (draft 2020-12) of today's job files; those of the old system are not described.

    Editors suggest the names of `regions` and `known_models`, and allow any other.
    """
    names = {REGION_NAME: [*regions.labels, *regions], MODEL_ID: list(known_models)}
    schema = _suggesting(names, JobFile.model_json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Beacon job file",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _suggesting(names: Mapping[str, list[str]], schema: Any) -> Any:
    """Return a schema in which the names stand in the place of the comments that stand for them."""
    if isinstance(schema, list):
        return [_suggesting(names, part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _suggesting(names, part) for key, part in schema.items()}
    known = names.get(found.pop("$comment", ""))
    return found if known is None else {**found, "anyOf": [{"enum": known}, {"type": "string", "minLength": 1}]}
