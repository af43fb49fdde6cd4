"""The reference of the configuration names every key."""

from __future__ import annotations

import pytest

from beacon_cli.command_line.documents import pages
from beacon_cli.job.limits import Limits
from beacon_cli.settings import FleetSettings, ModalSettings, Settings

TABLE = pages()["configuration"].read_text(encoding="utf-8").partition("## Where each value can be set")[2]
TABLE = TABLE.partition("\n## ")[0]


@pytest.mark.parametrize("key", Limits.model_fields)
def test_each_limit_has_a_row_with_all_places(key: str) -> None:
    assert f"| `limits.{key}` | `BEACON_LIMITS__{key.upper()}` | `limits.{key}` |" in TABLE


@pytest.mark.parametrize(("table", "keys"), [("MODAL", ModalSettings), ("FLEET", FleetSettings)])
def test_each_key_of_a_table_has_its_variable(table: str, keys: type[ModalSettings | FleetSettings]) -> None:
    for key in keys.model_fields:
        assert f"`BEACON_{table}__{key.upper()}`" in TABLE or f"`…__{key.upper()}`" in TABLE
        assert f"`{key}`" in TABLE or f"`{table.lower()}.{key}`" in TABLE


def test_each_table_and_each_key_outside_of_one_has_its_variable() -> None:
    names = {f"BEACON_{key.upper()}" for key in Settings.model_fields}
    assert {name for name in names if name not in TABLE} == {"BEACON_PROXY_KEY_OLD", "BEACON_PROXY_SECRET_OLD"}
