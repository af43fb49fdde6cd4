"""What the old system's jobs hold of signatures and wallets is shown by no command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB, OLD_SPEC, SPEC, seed, seed_legacy
from tests.support.in_process import beacon

Connection = psycopg.Connection[tuple[Any, ...]]

SIGNED = {
    "signature": "0xSIGNATURE",
    "public_key": "0xPUBLIC",
    "wallet_auth": {"address": "0xADDRESS", "signature": "0xWALLET", "nonce": "0xNONCE"},
}
COMMANDS = (
    ("report", JOB, "--output", "page.html"),
    ("report", JOB, "--output", "page.html", "--json"),
    ("export", JOB, "--output", "rows.jsonl"),
    ("show", JOB, "--json"),
    ("show", JOB),
    ("check-db", JOB, "--json"),
    ("check-db", JOB),
    ("compare", JOB, "--json"),
    ("compare", JOB),
    ("jobs", "--json"),
    ("show", "unknown"),
    ("show", JOB, "--question", "unknown"),
)


def everything_shown(url: str) -> str:
    """Return all that the commands print and write."""
    printed = [f"{done.out}{done.err}" for done in (beacon(*command, url=url) for command in COMMANDS)]
    files = [path.read_text(encoding="utf-8") for path in Path().iterdir()]
    return "".join([*printed, *files])


def test_the_old_systems_jobs(
    legacy: Connection, legacy_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seed_legacy(legacy, {**OLD_SPEC, **SIGNED, "metadata": {"by": [SIGNED]}})
    legacy.execute("UPDATE executions SET receipt_data = %s", [json.dumps(SIGNED)])
    shown = everything_shown(legacy_database_url)
    assert "greatest_leader" in shown
    assert "wallet_auth" in shown  # that there was one is no secret
    assert "0xSIGNATURE" not in shown
    assert not [name for name in ("0xPUBLIC", "0xADDRESS", "0xWALLET", "0xNONCE") if name in shown]


def test_jobs_that_an_earlier_version_stored_from_old_files(
    connection: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 0.2 kept them in the metadata."""
    monkeypatch.chdir(tmp_path)
    seed(connection, spec={**SPEC, "metadata": SIGNED})
    shown = everything_shown(database_url)
    assert "wallet_auth" in shown
    assert not [name for name in ("0xSIGNATURE", "0xPUBLIC", "0xADDRESS", "0xWALLET", "0xNONCE") if name in shown]
