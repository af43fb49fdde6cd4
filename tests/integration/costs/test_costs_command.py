"""`beacon costs`: what stored rows cost."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB, START, add_execution, add_job, add_run, seed_legacy
from tests.support.in_process import beacon

Connection = psycopg.Connection[tuple[Any, ...]]
LLAMA, QWEN = "llama3.2-1b", "qwen2.5-1.5b"
# A T4 with 1 core and 4 GiB, in a broad region.
SECOND = (0.000164 + 0.0000131 + 4 * 0.00000222) * 1.5


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(tmp_path / "no-modal.toml"))
    return tmp_path


def on_modal(seconds: object, gpu: str = "T4") -> dict[str, Any]:
    output = json.dumps({"success": True, "inference_time": seconds, "gpu": gpu})
    return {"provider_id": "modal-aws-us", "output_data": output, "tokens": 10}


def openai(asked: object, tokens: int | None) -> dict[str, Any]:
    output = json.dumps({"usage": {"prompt_tokens": asked}, "sent": {"model": "m"}})
    return {"output_data": output, "tokens": tokens, "container_id": None, "container_region": None}


def seed_paid(connection: Connection) -> tuple[str, str]:
    """Store rows of two runs: on Modal, of an OpenAI-compatible API, of this machine, and some that say nothing."""
    add_job(connection)
    first, second = add_run(connection), add_run(connection, START + timedelta(days=2))
    later = START + timedelta(days=2)
    add_execution(connection, first, "math_basic", LLAMA, "US", at=START, **on_modal(10.0))
    add_execution(connection, first, "math_basic", LLAMA, "EU", at=START, **openai(1000, 200))
    add_execution(connection, first, "math_basic", LLAMA, "ASIA", at=START, provider_id="local-apac")
    add_execution(connection, second, "greatest_leader", LLAMA, "US", at=later, **on_modal(5, "NVIDIA L4"))
    cut_off: dict[str, Any] = {"status": "timeout", "output_data": None, "completed_at": later + timedelta(seconds=60)}
    add_execution(connection, second, "math_basic", QWEN, "US", at=later, **on_modal(1))
    add_execution(connection, second, "greatest_leader", QWEN, "US", at=later, **cut_off)
    return first, second


def costs(url: str, *options: str) -> dict[str, Any]:
    done = beacon("costs", *options, "--json", url=url)
    assert done.code == 0, done.out + done.err
    data: dict[str, Any] = done.document["data"]
    return data


def test_rows_are_summed_by_what_answered_them(connection: Connection, database_url: str, folder: Path) -> None:
    first, second = seed_paid(connection)
    (folder / "beacon.toml").write_text(
        f'[prices]\ndate = 2026-11-01\n[prices.models."{LLAMA}"]\ninput = 2\noutput = 10\n'
        '[prices.regions.us]\nmodels = {"llama3.2-1b" = {second = 0.01}}\n'
    )
    data = costs(database_url, JOB)
    llama_us, llama_eu, qwen_us = 15 * 0.01, 1000 * 2e-6 + 200 * 10e-6, 61 * SECOND
    assert data["cost"] == pytest.approx(llama_us + llama_eu + qwen_us, abs=1e-6)
    assert {each["region"]: each["cost"] for each in data["by_region"]} == {
        "US": pytest.approx(llama_us + qwen_us, abs=1e-6),
        "EU": pytest.approx(llama_eu, abs=1e-6),
        "ASIA": 0,
    }
    assert {each["run"]: each["executions"] for each in data["by_run"]} == {first: 3, second: 3}
    assert (data["seconds"], data["input_tokens"], data["unpriced"], data["unmeasured"]) == (76, 1000, [], 0)
    assert data["sources"][0] == "beacon.toml, 2026-11-01"


def test_what_has_no_price_is_said_and_not_counted(connection: Connection, database_url: str) -> None:
    seed_paid(connection)
    data = costs(database_url, JOB)
    [unpriced] = data["unpriced"]
    assert (unpriced["why"], unpriced["executions"]) == ("no price of its tokens is known", 1)
    by_model = {each["model"]: each for each in data["by_model"]}
    l4 = SECOND + (0.000222 - 0.000164) * 1.5
    assert by_model[LLAMA]["cost"] == pytest.approx(10 * SECOND + 5 * l4, abs=1e-6)
    assert next(each for each in data["by_region"] if each["region"] == "EU")["cost"] is None
    shown = beacon("costs", JOB, url=database_url).out
    assert "not in it: 1 execution, because no price of its tokens is known" in shown
    assert "modal.com/pricing, 2026-09-19" in shown
    assert "cold starts and idle time on Modal are not in it; with them about $" in shown


def test_a_container_that_answers_in_two_runs_within_its_idle_time_is_one(
    connection: Connection, database_url: str
) -> None:
    add_job(connection)
    runs = [add_run(connection), add_run(connection), add_run(connection)]
    for run, question, after in zip(runs, ("math_basic", "greatest_leader", "math_basic"), (0, 60, 600), strict=True):
        at, model = START + timedelta(seconds=after), QWEN if after == 600 else LLAMA
        add_execution(connection, run, question, model, "US", at=at, container_id="ta-one", **on_modal(1))
    stays = (61 + 120) + (1 + 120)
    assert costs(database_url, JOB)["with_idle_time"] == pytest.approx(stays * SECOND, abs=1e-6)
    assert costs(database_url)["with_idle_time"] == pytest.approx(stays * SECOND, abs=1e-6)
    assert "with Modal's credentials" in beacon("costs", JOB, url=database_url).out
    assert "credentials" not in beacon("costs", JOB, "--no-billing", url=database_url).out


def test_answers_that_were_asked_again_were_paid_too(connection: Connection, database_url: str) -> None:
    first, second = seed_paid(connection)
    before = costs(database_url, JOB)["cost"]
    columns = (
        "arm, job_id, run_id, question_id, model_id, region, status, output_data, provider_id, queued_at, completed_at"
    )
    connection.execute(
        f"INSERT INTO superseded_executions (id, repeat, attempts, hops, created_at, superseded_by, {columns})"
        f" SELECT id, repeat, attempts, hops, created_at, %s, {columns} FROM executions WHERE run_id = %s"
        " AND provider_id LIKE 'modal%%'".encode(),
        [second, first],
    )
    assert costs(database_url, JOB)["cost"] == pytest.approx(before + 10 * SECOND, abs=1e-6)


def test_all_jobs_since_a_day(connection: Connection, database_url: str) -> None:
    _, second = seed_paid(connection)
    data = costs(database_url, "--since", "2026-01-03")
    assert (data["job_id"], data["since"], data["executions"]) == (None, "2026-01-03T00:00:00+00:00", 3)
    assert [each["run"] for each in data["by_run"]] == [second]
    assert [each["job"] for each in data["by_job"]] == [JOB]
    assert costs(database_url, "--since", "7d")["executions"] == 0
    refused = beacon("costs", "--since", "yesterday", url=database_url)
    assert (refused.code, refused.out) == (2, "")
    assert "--since: 'yesterday' is neither a day nor a time" in refused.err


@pytest.mark.parametrize("hostile", ["Infinity", '"12"', "-5", "1e400", "[1]", "true", '{"a": 1}'])
def test_what_an_endpoint_says_of_itself_is_not_believed_blindly(
    connection: Connection, database_url: str, hostile: str
) -> None:
    add_job(connection)
    run = add_run(connection)
    try:
        output = json.dumps({"inference_time": json.loads(hostile)})
    except ValueError:
        output = f'{{"inference_time": {hostile}}}'
    if hostile in {"Infinity", "1e400"}:  # JSON that PostgreSQL holds, and Python would read as infinite
        output = '{"inference_time": 1e400}'
    modal = {"provider_id": "modal-us", "output_data": output}
    add_execution(connection, run, "math_basic", LLAMA, "US", at=START, **modal)
    add_execution(connection, run, "greatest_leader", LLAMA, "US", at=START, **openai(-7, 2**31 - 1))
    data = costs(database_url, JOB)
    assert 0 <= data["seconds"] <= 30 * 86400
    assert data["input_tokens"] == 0


def test_the_old_systems_tables_have_no_costs(legacy: Connection, legacy_database_url: str) -> None:
    seed_legacy(legacy)
    done = beacon("costs", "--json", url=legacy_database_url)
    assert (done.code, done.document["errors"][0]["code"]) == (3, "schema")


def test_a_database_without_rows_costs_nothing(database_url: str) -> None:
    assert costs(database_url)["cost"] == 0
    assert beacon("costs", url=database_url).out == "nothing was asked, so nothing was paid\n"
