"""Job files of the old system."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from beacon_cli.errors import JobFileError
from beacon_cli.job.model import Job

Load = Callable[..., Job]
Refused = Callable[..., JobFileError]

OLD: dict[str, Any] = {
    "jobspec_id": "old-1",
    "version": "v1",
    "benchmark": {"name": "Who are you?"},
    "constraints": {"regions": ["us-east", "EU", "asia-pacific"]},
    "questions": ["math_basic", "identity_basic"],
    "models": [{"id": "llama3.2-1b", "regions": ["US"]}, {"id": "qwen2.5-1.5b"}],
}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in OLD.items() if name != key}


def constrained(**constraints: Any) -> dict[str, Any]:
    return {**OLD, "constraints": {**OLD["constraints"], **constraints}}


def test_an_old_file_means_the_same_as_a_new_one(load: Load) -> None:
    old = load(
        {
            **constrained(timeout=1_800_000_000_000, provider_timeout=90_500_000_000, min_success_rate=0.67),
            "runs": 2,
            "metadata": {"team": "x"},
        },
        "old.json",
    )
    new = load(
        {
            "id": "old-1",
            "name": "Who are you?",
            "questions": ["math_basic", "identity_basic"],
            "models": [{"id": "llama3.2-1b", "regions": ["US"]}, "qwen2.5-1.5b"],
            "regions": ["US", "EU", "ASIA"],
            "repeats": 2,
            "limits": {"job_timeout": "30m", "answer_timeout": 90.5, "min_success_rate": 0.67},
            "metadata": {"team": "x"},
        },
        "new.json",
    )
    assert old == new
    assert old.limits.model_fields_set == {"job_timeout", "answer_timeout", "min_success_rate"}


@pytest.mark.parametrize("key", ["benchmark", "constraints", "jobspec_id", "runs"])
def test_each_old_key_alone_tells_an_old_file(load: Load, key: str) -> None:
    value: Any = {"benchmark": {"container": {}}, "constraints": {"min_regions": 1}, "jobspec_id": "a", "runs": 2}[key]
    job = load(
        {"questions": ["math_basic"], "models": [{"id": "llama3.2-1b", "regions": ["EU"], "name": "x"}], key: value}
    )
    assert any("models[].name" in warning for warning in job.warnings)


def test_every_field_without_meaning_is_named_in_a_warning(load: Load) -> None:
    job = load(
        {
            **constrained(min_regions=3),
            "benchmark": {"name": "n", "container": {}, "scoring": {}, "input": {"hash": ""}},
            "models": [{"id": "llama3.2-1b", "container_image": "x"}, {"id": "qwen2.5-1.5b", "container_image": "y"}],
            "novel": 1,
            "\x1b]52;": 1,
        }
    )
    assert job.warnings == (
        'novel, "\\x1b]52;", benchmark.container, benchmark.scoring, benchmark.input, constraints.min_regions, '
        "models[].container_image: not supported here, ignored",
    )


def test_signature_fields_are_kept_unchecked(load: Load) -> None:
    fields = {"signature": "s", "public_key": "k", "wallet_auth": {"a": 1}, "created_at": "2025-01-01T00:00:00Z"}
    job = load({**OLD, **fields, "metadata": {"team": "x"}})
    assert job.metadata == {"team": "x", **fields}
    assert job.warnings == ()


def test_the_old_prompt_never_becomes_a_question_silently(load: Load, refused: Refused) -> None:
    benchmark = {"input": {"type": "prompt", "data": {"prompt": "Who are you?"}}}
    job = load({**OLD, "benchmark": benchmark})
    assert job.questions.count == 2
    assert "benchmark.input.data.prompt is not asked: the job asks only the listed questions" in job.warnings
    error = refused({**without("questions"), "benchmark": benchmark})
    assert error.message == "job.yaml:1:1: questions: missing"
    assert "to ask it, make it the text of a question" in error.hint


@pytest.mark.parametrize(
    ("id_", "jobspec_id", "expected"), [("a", "b", "a"), ("", "b", "b"), (None, None, None), ("", "", None)]
)
def test_the_id_is_id_then_jobspec_id_then_absent(
    load: Load, id_: str | None, jobspec_id: str | None, expected: str | None
) -> None:
    job = load({**OLD, "id": id_, "jobspec_id": jobspec_id})
    assert job.id == expected
    assert any("jobspec_id" in warning for warning in job.warnings) == (id_ == "a")


def test_null_empty_and_zero_mean_not_set(load: Load) -> None:
    job = load(
        {
            **constrained(timeout=0, provider_timeout=None),
            "models": [{"id": "llama3.2-1b", "regions": []}, {"id": "qwen2.5-1.5b", "regions": None}],
            "runs": 0,
            "metadata": None,
            "benchmark": {"name": ""},
        }
    )
    assert (job.repeats, job.limits.model_fields_set, job.name, len(job.lanes())) == (1, set(), "job", 6)


def test_keys_of_today_may_be_added(load: Load) -> None:
    job = load({**OLD, "limits": {"attempts": 1}, "generation": {"seed": 7}, "system_prompt": "In {place}."})
    assert (job.limits.attempts, job.generation.seed, job.system_prompt) == (1, 7, "In {place}.")


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ({"questions": []}, "questions: must not be empty", "ids of the question bank"),
        ({"questions": ["who_are_you"]}, 'questions[0]: the question bank has no "who_are_you"', "needs a text"),
        ({"questions": {"a": 1}}, "questions.a: unknown key", "file"),
        ({"models": None}, "models: missing", '"models": ['),
        ({"models": "x"}, 'models: must be a list, not the text "x"', "models"),
        ({"models": [{"id": "llama3.2:1b"}]}, 'models[0].id: unknown model "llama3.2:1b"', "did you mean llama3.2-1b"),
        ({"constraints": {}}, "models[1]: qwen2.5-1.5b is not asked anywhere", "regions"),
        ({"constraints": {"regions": ["MARS"]}}, 'constraints.regions[0]: unknown region "MARS"', "known regions"),
        (
            {"constraints": {"timeout": "10m"}},
            "constraints.timeout: must be a whole number of nanoseconds",
            "job_timeout",
        ),
        (
            {"constraints": {"timeout": True}},
            "constraints.timeout: must be a whole number of nanoseconds",
            "600000000000",
        ),
        (
            {"constraints": {"timeout": 600}},
            "constraints.timeout: 600 nanoseconds is less than a millisecond",
            "600000000000",
        ),
        ({"constraints": {"timeout": -1}}, "constraints.timeout: must be more than 0 seconds, not -1", "docs"),
        ({"constraints": {"min_success_rate": 67}}, "constraints.min_success_rate: must be at most 1, not 67", "docs"),
        ({"constraints": 3}, "constraints: must be keys and values", "leave it out"),
        ({"runs": -1}, "runs: must be at least 1, not -1", "docs"),
        ({"runs": 2, "repeats": 2}, "runs: has the same meaning as repeats", "remove one"),
        ({"regions": ["US"]}, "constraints.regions: has the same meaning as regions", "remove one"),
        ({"metadata": 3}, "metadata: must be keys and values, not 3", "docs"),
        ({"limits": 3}, "limits: must be keys and values, not 3", "docs"),
        ({"jobspec_id": "a/b"}, "jobspec_id: may hold only A-Z", "docs"),
    ],
)
def test_what_cannot_be_translated_is_named_by_its_old_key(
    refused: Refused, change: dict[str, Any], message: str, hint: str
) -> None:
    error = refused(json.dumps({**OLD, **change}, indent=1), "old.json")
    assert error.message.split(": ", 1)[1].startswith(message)
    assert hint in error.hint


def test_a_limit_is_not_said_twice(refused: Refused) -> None:
    error = refused({**constrained(timeout=10**12), "limits": {"job_timeout": "1h"}})
    assert error.message.endswith("constraints.timeout: has the same meaning as limits.job_timeout")
