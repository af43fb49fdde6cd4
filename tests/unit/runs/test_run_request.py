"""What an operator asked for: which id, which limits, and how to ask for the rest of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beacon_cli.console.input_file import STDIN
from beacon_cli.errors import UsageError
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings
from tests.support.jobs import make_job

FILE = Path("my job.yaml")


@pytest.mark.parametrize(
    ("flag", "in_file", "in_settings", "expected"),
    [(3, 5, 7, 3), (None, 5, 7, 5), (None, None, 7, 7), (None, None, None, 10)],
)
def test_a_flag_outweighs_the_file_and_the_file_the_settings(
    flag: int | None, in_file: int | None, in_settings: int | None, expected: int
) -> None:
    job = make_job(1, limits={"max_in_flight": in_file} if in_file else {})
    settings = Settings.model_validate({"limits": {"max_in_flight": in_settings}} if in_settings else {})
    assert RunRequest(FILE, max_in_flight=flag).limits(job, settings).max_in_flight == expected


def test_the_id_is_the_flag_or_the_files_or_a_new_one_named_after_the_file() -> None:
    assert RunRequest(FILE, job_id="mine").given_or_new_id(make_job(1)) == "mine"
    assert RunRequest(FILE).given_or_new_id(make_job(1)) == "test-job"
    first, second = (RunRequest(FILE).given_or_new_id(make_job(1, id=None)) for _ in range(2))
    assert first.startswith("my-job-2")
    assert first != second


@pytest.mark.parametrize("unusable", ["", "a b", "../x", "é", "x" * 256])
def test_an_id_that_is_none_is_refused(unusable: str) -> None:
    with pytest.raises(UsageError, match="is not a job id"):
        RunRequest(FILE, job_id=unusable).given_or_new_id(make_job(1))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "beacon run 'my job.yaml' --job-id j"),
        (
            {"local": True, "max_in_flight": 4, "events": Path("e.jsonl")},
            "beacon run 'my job.yaml' --job-id j --local --max-in-flight 4 --events e.jsonl",
        ),
        ({"old_prompt": Path("p.txt")}, "beacon run 'my job.yaml' --job-id j --old-prompt p.txt"),
        ({"check": False}, "beacon run 'my job.yaml' --job-id j --no-check"),
        ({"config": Path("c.toml")}, "beacon --config c.toml run 'my job.yaml' --job-id j"),
        ({"database_url": "postgresql://me:secret@host/x"}, "beacon run 'my job.yaml' --job-id j --database-url …"),
        ({"job_file": STDIN}, "beacon run - --job-id j < JOB_FILE"),
    ],
)
def test_the_command_that_resumes_it_repeats_what_was_given_but_no_password(given: dict[str, Any], line: str) -> None:
    assert RunRequest(**{"job_file": FILE, **given}).resume_command("j") == line
