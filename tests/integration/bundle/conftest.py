"""A database to verify bundles in: a clone, which takes less time than a server of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest

from beacon_cli.bundle.verify import Database
from tests.integration.conftest import fresh_database


@pytest.fixture
def database(postgres_url: str, migrated_template: str) -> Database:
    def cloned() -> AbstractContextManager[str]:
        return fresh_database(postgres_url, migrated_template)

    return cloned
