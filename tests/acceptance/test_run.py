"""`beacon run` and `beacon check-db` as operators use them."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.conftest import ROOT, Beacon
from tests.support.fleet import until
from tests.support.regions_server import Regions, regions_server

OPERATORS_SQL = (
    "SELECT job_id, model_id, question_id, region, status FROM executions WHERE job_id = %s ORDER BY created_at"
)


def test_the_operators_own_case(scripted: Beacon, operators_job: str) -> None:
    """2 questions × 2 models × 3 regions: 12 rows, two batches in order, the same six containers, no hop."""
    code, document = scripted.json("run", operators_job, "--local")
    assert code == 0, document
    data = document["data"]
    assert (document["schema_version"], document["command"], document["ok"], document["errors"]) == (1, "run", True, [])
    assert (data["job_id"], data["status"], data["batching"], data["expected"]) == (
        "operators",
        "completed",
        "question",
        12,
    )
    assert data["counts"]["completed"] == 12
    assert data["by_region"] == {label: {"expected": 4, "completed": 4, "blocked": 0} for label in ("US", "EU", "ASIA")}
    assert [batch["question_id"] for batch in data["batches"]] == ["math_basic", "geography_basic"]
    first, second = data["batches"]
    assert len(first["containers"]) == 6
    assert second["containers"] == first["containers"]
    assert (first["executions"], second["executions"]) == (6, 6)
    assert second["started_at"] >= first["completed_at"]
    assert 0 <= data["max_gap_seconds"] < 2
    assert (data["max_in_flight"], data["hops"]) == (6, 0)

    code, document = scripted.json("check-db", "operators")
    assert code == 0, document
    data = document["data"]
    assert (data["job_id"], data["schema"], data["expected"], data["rows"]) == ("operators", "beacon", 12, 12)
    assert data["by_region"] == {label: {"expected": 4, "completed": 4, "blocked": 0} for label in ("US", "EU", "ASIA")}
    passed = ["complete", "no_duplicates", "no_unexpected", "question_id", "regions", "sequential", "batch_gap"]
    passed += ["containers", "no_hops", "timestamps", "answers"]
    checks = {check["name"]: check["status"] for check in data["checks"]}
    assert checks == {**dict.fromkeys(passed, "pass"), "device": "skip"}

    url = scripted("db", "url").stdout.strip()
    with psycopg.connect(url) as connection:
        rows = connection.execute(OPERATORS_SQL, ["operators"]).fetchall()
    assert len(rows) == 12
    assert all(question_id and status == "completed" for _, _, question_id, _, status in rows)
    assert [row[2] for row in rows] == ["math_basic"] * 6 + ["geography_basic"] * 6


def test_two_real_models_answer_differently_in_three_regions_and_the_report_shows_it(beacon: Beacon) -> None:
    """One question of the quickstart, answered shortly; `scripts.places` runs the whole of it."""
    lines = (ROOT / "examples" / "quickstart.yaml").read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if "id: currency" not in line and "id: france" not in line)
    job = beacon.write("job.yaml", text.replace("max_tokens: 16", "max_tokens: 10"))
    code, document = beacon.json("run", job, "--local")
    assert code == 0, document
    job_id = document["data"]["job_id"]
    assert document["data"]["counts"]["completed"] == 18
    with psycopg.connect(beacon("db", "url").stdout.strip()) as connection:
        rows = connection.execute(
            "SELECT region, response, receipt_data, output_data FROM executions WHERE job_id = %s", [job_id]
        ).fetchall()
    assert len(rows) == 18
    assert all(response.strip() and output["tokens_generated"] > 0 for _, response, _, output in rows)
    assert all(receipt["output"]["response"] == response for _, response, receipt, _ in rows)
    words = {(region, word) for region, response, *_ in rows for word in response.split()}
    assert {("US", "Washington,"), ("EU", "Paris."), ("ASIA", "Tokyo.")} <= words
    code, document = beacon.json("report", job_id, "--accept", "system_prompt", "-o", "report.html")
    assert (code, document["data"]["verdicts"]["untestable"]) == (0, 0)
    assert document["data"]["verdicts"]["different"] > 0


def test_a_model_file_without_a_chat_template_is_named_before_anything_is_asked(beacon: Beacon) -> None:
    (beacon.folder / "bare.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0))  # llama.cpp refuses it afterwards
    beacon.write("beacon.toml", '[local.models.own]\ngguf = "bare.gguf"\n')
    done = beacon("run", beacon.write("job.yaml", "questions: [math_basic]\nmodels: [own]\nregions: [US]\n"), "--local")
    assert done.returncode == 3
    assert "warning: model own: bare.gguf has no chat template, so llama.cpp uses ChatML; " in done.stderr


def test_a_stopped_run_says_how_to_go_on_and_then_finishes_without_asking_twice(beacon: Beacon) -> None:
    job = beacon.write(
        "job.yaml",
        "id: stopped\nquestions: [math_basic, geography_basic, identity_basic, taiwan_status]\n"
        "models: [llama3.2-1b, qwen2.5-1.5b]\nregions: [US, EU, ASIA]\n",
    )
    with regions_server(Regions(answers=6)) as regions:
        beacon.environment |= regions.environment()
        process, _ = beacon.begin_until("starting question batch", "run", job)
        until(lambda: sum(regions.seen.values()) == 12, 300)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 130
        assert "stopping" in err
        assert "beacon run" in out
        assert "--job-id stopped" in out
        answered_before = dict(regions.answered)
        assert len(answered_before) == 6
        regions.answers = None
        code, document = beacon.json("run", job)
        assert code == 0, document
        assert document["data"]["counts"]["completed"] == 24
        assert all(regions.seen[key] == 1 for key in answered_before), "an answered cell was asked again"
        assert set(regions.answered.values()) == {1}
        assert len(regions.answered) == 24
    code, document = beacon.json("check-db", "stopped")
    assert code == 0, document


@pytest.mark.parametrize(
    ("moment", "signum"),
    [
        ("job operators", signal.SIGHUP),  # the servers are not started yet
        ("question=math_basic 1/2", signal.SIGINT),
        ("question=geography_basic 2/2", signal.SIGTERM),
    ],
)
def test_a_signal_at_any_moment_ends_with_its_code_and_one_document(scripted: Beacon, signum: int, moment: str) -> None:
    job = (
        "id: operators\nquestions: [math_basic, geography_basic]\nmodels: [llama3.2-1b, qwen2.5-1.5b]\nregions: [US]\n"
    )
    file = scripted.write("job.yaml", job)
    scripted.write("answers.yaml", 'rules:\n  - {prompt: "France", response: "Paris", latency: 60}\ndefault: "4"\n')
    process, _ = scripted.start_until(moment, "run", file, "--local", "--json")
    process.send_signal(signum)
    out, err = process.communicate(timeout=300)
    document = json.loads(out)
    assert (process.returncode, document["command"], document["ok"]) == (128 + signum, "run", False)
    assert "Traceback" not in err
    assert "operators" in json.dumps(document)


def test_a_dry_run_asks_and_starts_nothing(new_machine: Beacon, operators_job: str) -> None:
    code, document = new_machine.json("run", operators_job, "--local", "--dry-run")
    data = document["data"]
    assert (code, data["expected"], data["batches"], data["containers_at_most"]) == (0, 12, 2, 6)
    assert [prompt["text"] for prompt in data["prompts"]] == ["What is 2+2?", "What is the capital of France?"]
    assert not (new_machine.folder / "data").exists()


def test_piped_output_is_plain_lines_in_the_operators_words_and_events_are_json_lines(
    scripted: Beacon, operators_job: str
) -> None:
    scripted.environment["LC_ALL"] = "C"
    events = scripted.folder / "events.jsonl"
    done = scripted("run", operators_job, "--local", "--events", str(events))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert len(re.findall("starting question batch", done.stderr)) == 2
    assert len(re.findall("question batch completed", done.stderr)) == 2
    assert "next:   beacon show operators" in done.stdout
    names = [json.loads(line)["event"] for line in events.read_text().splitlines()]
    assert names.pop(0) == "notice"  # with one repeat the job can hardly find anything
    assert (names[0], names[-1]) == ("job_started", "job_finished")
    assert {
        name: names.count(name) for name in ("batch_started", "call_ended", "execution_finished", "batch_finished")
    } == {
        "batch_started": 2,
        "call_ended": 12,
        "execution_finished": 12,
        "batch_finished": 2,
    }


def children_of(pid: int) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes through /proc")
def test_a_killed_run_leaves_no_server_behind(scripted: Beacon, operators_job: str) -> None:
    process, _ = scripted.begin_until("starting question batch", "run", operators_job, "--local")
    servers = children_of(process.pid)
    assert len(servers) == 3
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 300
    while any(is_alive(pid) for pid in servers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_alive(pid) for pid in servers)


def test_what_init_writes_runs_as_it_is(beacon: Beacon) -> None:
    assert beacon("init").returncode == 0
    beacon.write("answers.yaml", 'rules: [{response: "{model} in {region}"}]\n')
    with (beacon.folder / "beacon.toml").open("a") as file:  # in place of the model's weights
        file.write('[local.models."smollm2-135m"]\nscript = "answers.yaml"\n')
    done = beacon("run", "job.yaml", "--local", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert beacon("doctor", "--quiet").returncode == 0
