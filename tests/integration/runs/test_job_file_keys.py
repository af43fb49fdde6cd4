"""What a job file says of its questions, prompts and generation arrives where it belongs, and is kept."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.records.load_job import stored_job
from tests.support.in_process import beacon
from tests.support.operator import Operator
from tests.support.raw_server import Request
from tests.support.regions_server import Regions, regions_server
from tests.support.vocabulary import REGIONS

JOB = """\
id: keys
questions: {file: questions.csv}
models: [llama3.2-1b]
regions: [US, EU, ASIA]
system_prompts: {US: "You are in {place}.", default: "Be brief."}
generation: {seed: 7, top_p: 0.5, stop: [END, "\\n"]}
"""
QUESTIONS = 'id;text;tags;author\nmath;What is 2+2?;control easy;me\nwhy;"Why; and\nhow?";;you\n'
AUTHOR = 'warning: questions.csv: not used: "author"; a question has the columns id, text, tags\n'


@dataclass
class Bodies(Regions):
    """Keeps every body that was asked."""

    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        if request.method == "POST":
            self.bodies.append(json.loads(request.body))
        return await super().handle(request, writer)


@pytest.fixture
def folder(operator: Operator, tmp_path: Path) -> Path:
    (tmp_path / "keys.yaml").write_text(JOB)
    (tmp_path / "questions.csv").write_text(QUESTIONS)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_tags_prompts_and_generation_are_sent_stored_shown_and_exported(
    operator: Operator, connection: psycopg.Connection[Any], database_url: str
) -> None:
    with regions_server(Bodies()) as regions:
        operator.uses(regions.environment())
        done = beacon("run", "keys.yaml", "--json", url=database_url)
        assert (done.code, done.document["data"]["status"]) == (0, "completed"), done.out
        assert AUTHOR in done.err
        again = beacon("run", "keys.yaml", url=database_url)
    assert (again.code, "nothing to ask, all 6 answers" in again.out) == (0, True)
    assert "beacon report keys --accept system_prompt" in again.out
    first = regions.bodies[0]
    assert list(first) == ["model", "prompt", "temperature", "max_tokens", "seed", "top_p", "stop", "system_prompt"]
    assert (first["seed"], first["top_p"], first["stop"]) == (7, 0.5, ["END", "\n"])
    sent = connection.execute("SELECT DISTINCT region, system_prompt FROM executions ORDER BY region").fetchall()
    assert sent == [("ASIA", "Be brief."), ("EU", "Be brief."), ("US", "You are in the US.")]
    stored = connection.execute("SELECT id, tags FROM questions ORDER BY position").fetchall()
    assert stored == [("math", ["control", "easy"]), ("why", [])]

    text = beacon("show", "keys", url=database_url).out
    assert text.startswith("system prompt in US: You are in {place}.\nsystem prompt elsewhere: Be brief.\n\n")
    assert "math  [control easy]\n" in text
    data = beacon("show", "keys", "--json", url=database_url).document["data"]
    assert data["system_prompts"] == {"US": "You are in {place}.", "default": "Be brief."}
    assert [answer["tags"] for answer in data["answers"]] == [["control", "easy"]] * 3 + [[]] * 3
    rows = [json.loads(line) for line in beacon("export", "keys", url=database_url).out.splitlines()]
    assert [row["tags"] for row in rows] == ["control easy"] * 3 + [None] * 3

    compared = beacon("compare", "keys", "--json", url=database_url).document["data"]
    assert "system_prompt" in {each["name"] for each in compared["incomparable"]}
    job = stored_job(database_url, "keys", regions=REGIONS)
    assert [question.tags for question in job.questions] == [("control", "easy"), ()]
    stored_hash = connection.execute("SELECT spec_sha256 FROM jobs").fetchone()
    assert stored_hash == (job.spec_sha256,)


def test_a_job_from_stdin_finds_its_questions_in_the_working_folder(
    operator: Operator, folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        for options in (("--dry-run", "--json"), ("--question", "why", "--json")):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / "keys.yaml").read_bytes())))
            done = beacon("run", "-", *options, url=database_url)
            assert done.code == 0, done.out
            if "--dry-run" in options:
                plan = done.document["data"]
    assert plan["prompts"][0] == {"question_id": "math", "text": "What is 2+2?", "tags": ["control", "easy"]}
    assert plan["system_prompts"] == {"US": "You are in the US.", "EU": "Be brief.", "ASIA": "Be brief."}
    assert plan["generation"]["stop"] == ["END", "\n"]
    assert plan["warnings"][:1] == [AUTHOR.removeprefix("warning: ").rstrip()]
    assert plan["warnings"][1:] == plan["design"]["warnings"]
    assert {prompt for prompt, _, _ in regions.seen} == {"Why; and\nhow?"}


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--local",)])
def test_parameters_that_no_endpoint_would_read_are_refused(
    operator: Operator, folder: Path, database_url: str, options: tuple[str, ...]
) -> None:
    (folder / "keys.yaml").write_text(JOB.replace("seed: 7", "extra: {top_k: 40}"))
    with regions_server(Bodies()) as regions:
        operator.uses(regions.environment())
        done = beacon("run", "keys.yaml", "--json", *options, url=database_url)
    [error] = done.document["errors"]
    assert (done.code, error["code"], regions.bodies) == (2, "usage", [])
    who = "the local servers have" if options == ("--local",) else "US, EU, ASIA have"
    assert error["message"] == f"generation.extra is for OpenAI-compatible endpoints, and {who} Beacon's own API"
