"""A study of five regions of three kinds, from `verify` to the report: Beacon's own, vLLM, Azure, Ollama, DeepSeek."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.acceptance.conftest import Beacon
from tests.support.five_regions import CL_KEY, CN_KEY, EU_KEY, JOB, PROXY_LOGIN, TOPIC, FiveRegions, five_regions

LABELS = ("US", "EU", "CL", "BR", "CN")
SECRETS = (EU_KEY, CL_KEY, CN_KEY, PROXY_LOGIN[1])
EACH = 16  # 2 questions, 2 models, 4 repeats


@pytest.fixture
def regions(beacon: Beacon) -> Iterator[FiveRegions]:
    with five_regions() as served:
        beacon.write("beacon.toml", served.toml)
        beacon.write("job.yaml", JOB)
        beacon.environment |= served.environment
        yield served


def test_a_study_of_five_regions_of_three_kinds(beacon: Beacon, regions: FiveRegions) -> None:
    chosen = [word for label in LABELS for word in ("--region", label)]
    verified = beacon("verify", "endpoints", "--probe", *chosen)
    assert verified.returncode == 0, verified.stdout
    assert "5 regions serve the models that are expected there and answer" in verified.stdout

    code, run = beacon.json("run", "job.yaml")
    assert (code, run["data"]["status"]) == (0, "completed"), run
    assert {status: count for status, count in run["data"]["counts"].items() if count} == {
        "completed": 5 * EACH - 8,
        "blocked": 8,
    }
    audited = beacon("check-db", "five-regions")
    assert audited.returncode == 0, audited.stdout
    compared, comparison = beacon.json(
        "compare", "five-regions", "--accept", "model_revision", "--accept", "cache"
    )  # made-up answers repeat
    assert (compared, comparison["data"]["comparable"]) == (0, True), comparison["data"]
    assert len(comparison["data"]["results"]) == 4
    report = beacon("report", "five-regions")
    assert report.returncode == 0
    page = (beacon.folder / "beacon-report-five-regions.html").read_text()
    assert all(f">{label}<" in page for label in LABELS)

    _assert_rows(beacon)
    _assert_what_was_asked(regions)
    said = [*(each.stdout + each.stderr for each in (verified, audited, report)), page, json.dumps([run, comparison])]
    assert [secret for secret in SECRETS for text in said if secret in text] == []


def _assert_rows(beacon: Beacon) -> None:
    with psycopg.connect(beacon("db", "url").stdout.strip(), row_factory=dict_row) as connection:
        rows = connection.execute("SELECT * FROM executions").fetchall()
    found = Counter((row["region"], row["status"], row["error_code"]) for row in rows)
    assert [found.pop((label, "completed", None)) for label in LABELS] == [EACH] * 4 + [EACH - 8]
    assert found == {("CN", "blocked", "content_filtered"): 8}
    of = {label: next(row for row in rows if row["region"] == label) for label in LABELS}
    assert [of[label]["effective_region"] for label in LABELS] == ["US", None, "CL", None, None]
    assert [of[label]["model_revision"] for label in LABELS] == [None, None, "gpt-4o-2024-11-20", None, None]
    answered = [row for row in rows if row["region"] == "CN" and row["status"] == "completed"]
    assert {row["thought"] for row in answered} == {"Let me see."}
    assert all(row["response"].startswith("As seen from China") for row in answered)
    blocked = [row for row in rows if row["status"] == "blocked"]
    assert {row["error_message"] for row in blocked} == {"HTTP 400: Content Exists Risk"}
    assert all(TOPIC in row["prompt"] for row in blocked)
    assert answered[0]["output_data"]["headers"]["x-amz-cf-pop"] == "HKG62-P2"


def _assert_what_was_asked(regions: FiveRegions) -> None:
    """Each model was verified, checked and asked, under its own name and with its own key, and BR through its proxy."""
    for label, server in regions.chat.items():
        assert len(server.posts) == 2 + 2 + EACH, label
    assert {request.headers["authorization"] for request in regions.eu.requests} == {f"Bearer {EU_KEY}"}
    assert {request.headers["api-key"] for request in regions.cl.requests} == {CL_KEY}
    assert not any("authorization" in request.headers for request in (*regions.cl.requests, *regions.br.requests))
    assert {request.path for request in regions.cl.posts} == {
        f"/openai/deployments/{name}/chat/completions?api-version=2024-10-21" for name in regions.cl.models
    }
    assert {request.json["model"] for request in regions.br.posts} == set(regions.br.models)
    seeds = Counter(request.json["seed"] for request in regions.cn.posts if "seed" in request.json)
    assert seeds == {1: 4 + 2, 2: 4, 3: 4, 4: 4}, "a repeat has a seed of its own; a check call has the job's"
    assert {(wanted.by, wanted.host, wanted.port) for wanted in regions.way.wanted} == {
        ("name", "ollama.example.test", 11434)
    }
    assert regions.way.refused == 0
    assert {request.headers["host"] for request in regions.br.requests} == {"ollama.example.test:11434"}
