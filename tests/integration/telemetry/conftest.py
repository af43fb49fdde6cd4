"""An operator whose every variable of OpenTelemetry is the test's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.operator import Operator

JOB = "id: traced\nquestions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US, EU, ASIA]\ngeneration: {seed: 7}\n"


@pytest.fixture
def operator(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Operator:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    operator = Operator(tmp_path, database_url, monkeypatch)
    operator.job.write_text(JOB)
    operator.uses({"BEACON_LIMITS__REGION_PATIENCE": "60s", "BEACON_LIMITS__ATTEMPTS": "3"})
    return operator
