"""An operator with a database of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.operator import Operator


@pytest.fixture
def operator(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(tmp_path, database_url, monkeypatch)
