"""The JSON Schema of job files, for editors and for checks outside Beacon."""

from __future__ import annotations

from typing import Any

from beacon_cli.job.model import JobFile


def job_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of today's job files; those of the old system are not described."""
    schema = JobFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Beacon job file",
        **{key: value for key, value in schema.items() if key != "title"},
    }
