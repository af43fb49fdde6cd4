"""The JSON Schema that editors complete with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from beacon_cli.job.bank import BANK
from beacon_cli.job.schema import job_schema
from tests.support.vocabulary import REGIONS, REGISTRY

SCHEMA = job_schema(known_models=REGISTRY, regions=REGIONS)


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (schema, *schema["$defs"].values()):
        yield from part["properties"].items()


def test_it_names_its_draft_and_refuses_unknown_keys() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["required"] == ["questions", "models"]
    assert all(
        part["additionalProperties"] is False for part in (SCHEMA, *SCHEMA["$defs"].values()) if "metadata" in part
    )


def test_every_key_has_a_description() -> None:
    assert [key for key, value in properties(SCHEMA) if not value.get("description")] == []


def test_it_offers_the_bank_the_models_and_the_regions() -> None:
    text = str(SCHEMA)
    for name in (*BANK, *REGISTRY, "US", "EU", "ASIA"):
        assert f"'{name}'" in text
