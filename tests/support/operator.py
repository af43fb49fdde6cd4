"""The operators' job, run inside the test's process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.in_process import Done, beacon

JOB = (
    "id: operators\nquestions: [math_basic, geography_basic]\n"
    "models: [llama3.2-1b, qwen2.5-1.5b]\nregions: [US, EU, ASIA]\n"
)


class Operator:
    """Runs the job on a database of its own, with endpoints that the test serves."""

    def __init__(self, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._url = url
        self._monkeypatch = monkeypatch
        self.job = folder / "job.yaml"
        self.job.write_text(JOB)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("BEACON_DATA_DIR", str(folder / "data"))
        monkeypatch.setenv("BEACON_LIMITS__ATTEMPTS", "1")
        monkeypatch.setenv("BEACON_LIMITS__REGION_PATIENCE", "0")

    def uses(self, environment: dict[str, str]) -> None:
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)

    def run(self, *options: str) -> tuple[Done, dict[str, Any]]:
        done = beacon("run", str(self.job), "--json", *options, url=self._url)
        return done, done.document["data"]

    def audit(self) -> dict[str, str]:
        done = beacon("check-db", "operators", "--json", url=self._url)
        assert done.code == 0, done.out
        return {check["name"]: check["status"] for check in done.document["data"]["checks"]}
