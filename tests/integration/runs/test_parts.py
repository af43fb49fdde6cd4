"""`beacon run --model --region --question`: a part of a job is asked, and decides how the run ends."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.support.in_process import beacon
from tests.support.operator import Operator
from tests.support.regions_server import Regions, regions_server

MATH, GEOGRAPHY = "What is 2+2?", "What is the capital of France?"
LLAMA, QWEN = "llama3.2-1b", "qwen2.5-1.5b"
ONE = ("--model", LLAMA, "--region", "us-east", "--question", "geography_basic")
CHOSEN = {"models": [LLAMA], "regions": ["US"], "questions": ["geography_basic"]}


def test_a_part_decides_the_exit_code_and_the_rest_is_asked_later(operator: Operator) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        done, data = operator.run(*ONE)
        assert (done.code, data["status"], data["success_rate"], data["part"]) == (0, "partial", 1.0, CHOSEN)
        assert (data["expected"], data["counts"]["completed"], len(data["batches"])) == (12, 1, 1)
        assert dict(regions.seen) == {(GEOGRAPHY, LLAMA, "us"): 1}
        again, data = operator.run(*ONE)
        assert (again.code, data["nothing_to_ask"], data["status"]) == (0, True, "partial")
        whole, data = operator.run()
        assert (whole.code, data["status"], data["part"]["models"]) == (0, "completed", [])
    assert sorted(regions.seen.values()) == [1] * 12


def test_several_models_and_regions_may_be_chosen_and_regions_left_out(operator: Operator) -> None:
    with regions_server(Regions(models=[LLAMA])) as regions:
        operator.uses(regions.environment())
        options = ["--model", LLAMA, "--region", "US", "--region", "EU", "--without", "eu"]
        done, data = operator.run(*options, "--max-in-flight", "1")
    assert (done.code, data["without"], data["max_in_flight"]) == (0, ["EU"], 1)
    assert set(regions.seen) == {(MATH, LLAMA, "us"), (GEOGRAPHY, LLAMA, "us")}


def test_a_part_that_fails_is_resumed_as_a_part(operator: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses({**regions.environment(), "BEACON_REGIONS__US__INFERENCE_URL": f"{regions.url}/us/models"})
        done, _ = operator.run(*ONE)
    [error] = done.document["errors"]
    assert (done.code, error["message"][:30]) == (1, "0 of 1 completed = 0 %, wanted")
    part = "--model llama3.2-1b --region US --question geography_basic"
    assert f"--job-id operators {part}" in error["hint"]


def test_asking_again_keeps_to_the_part(operator: Operator, connection: psycopg.Connection[Any]) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        assert operator.run()[0].code == 0
        done, data = operator.run("--again", "completed", *ONE)
    assert (done.code, data["again"]["replaced"], data["again"]["kept"]) == (0, 1, 0)
    assert regions.seen.pop((GEOGRAPHY, LLAMA, "us")) == 2
    assert set(regions.seen.values()) == {1}
    assert connection.execute("SELECT count(*) FROM superseded_executions").fetchone() == (1,)


def test_a_dry_run_shows_only_the_part(operator: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        _, data = operator.run(*ONE, "--dry-run")
        text = beacon("run", "job.yaml", *ONE, "--dry-run", url=database_url).out
    assert (data["expected"], data["batches"], data["part"], list(data["by_region"])) == (1, 1, CHOSEN, ["US"])
    assert [prompt["question_id"] for prompt in data["prompts"]] == ["geography_basic"]
    chosen = "--model llama3.2-1b --region US --question geography_basic"
    assert f"only a part of the job ({chosen}): as a whole it has 12 executions" in text


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (["--model", "llama"], "--model llama: the job does not ask this model", "did you mean llama3.2-1b? it asks"),
        (["--region", "mars"], "--region: unknown region 'mars'", ""),
        (
            ["--question", "maths_basic"],
            "--question maths_basic: the job does not ask this question",
            "did you mean math_basic? it asks math_basic, geography_basic",
        ),
        (["--question", "x\x1b"], "--question x\\x1b: the job does not ask this question", "it asks math_basic"),
        (
            ["--region", "EU", "--without", "EU"],
            "the options leave no model and region of the job to ask",
            "choose a region",
        ),
    ],
)
def test_what_the_job_does_not_ask_is_refused(operator: Operator, options: list[str], message: str, hint: str) -> None:
    done, _ = operator.run(*options)
    [error] = done.document["errors"]
    assert (done.code, error["code"]) == (2, "usage")
    assert error["message"].startswith(message)
    assert error["hint"].startswith(hint)
