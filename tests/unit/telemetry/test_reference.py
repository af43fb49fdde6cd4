"""The reference lists every name that spans and metrics have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "traces-and-metrics.md").read_text(encoding="utf-8")
SOURCES = [*(ROOT / "beacon_cli" / "telemetry").glob("*.py"), ROOT / "beacon_cli" / "fleet" / "gauges.py"]
NAME = re.compile(r'f?"((?:beacon|gen_ai|http|server|error)\.[a-z_.]+)')
NAMES = sorted({name for source in SOURCES for name in NAME.findall(source.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_in_the_reference(name: str) -> None:
    endings = [f".{name.split('.', 1)[1]}", f".{name.split('.')[-1]}"]
    assert any(f"`{written}" in PAGE for written in (name, *endings)), name
