"""Job files of the old system."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon_cli.errors import JobFileError, UsageError
from beacon_cli.job.lanes import Question
from beacon_cli.job.model import Job
from beacon_cli.job.questions import id_problem

Load = Callable[..., Job]
Refused = Callable[..., JobFileError]

SHARE_WARNING = "min_success_rate is not given: 0.67 of the answers are enough, as in the old system"
PROMPT_WARNING = (
    "the old system sent a system prompt of its own with every question; this job is asked without it:"
    " --old-prompt FILE sends it"
)
OLD_KEYS = (
    *("id", "jobspec", "benchmark", "constraints", "questions", "input", "models", "metadata", "runs", "regions"),
    *("target_regions", "min_success_rate", "timeout", "provider_timeout", "signature", "nonce", "text", "data"),
)
JSON_VALUES = st.dictionaries(
    st.sampled_from(OLD_KEYS),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(OLD_KEYS), inner, max_size=3),
        max_leaves=10,
    ),
)
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
            **constrained(provider_timeout=90_500_000_000, min_success_rate=0.67),
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
            "limits": {"answer_timeout": 90.5, "min_success_rate": 0.67},
            "metadata": {"team": "x"},
        },
        "new.json",
    )
    assert old.warnings == (PROMPT_WARNING,)
    assert replace(old, warnings=()) == new
    assert old.limits.model_fields_set == {"answer_timeout", "min_success_rate"}


ALONE: dict[str, Any] = {
    "benchmark": {"container": {}},
    "constraints": {"min_regions": 1},
    "jobspec_id": "a",
    "runs": 2,
    "input": {"questions": ["math_basic"]},
    "target_regions": ["EU"],
    "signature": "s",
    "public_key": "k",
    "wallet_auth": {},
}


@pytest.mark.parametrize("key", ALONE)
def test_each_old_key_alone_tells_an_old_file(load: Load, key: str) -> None:
    value = ALONE[key]
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
        SHARE_WARNING,
        PROMPT_WARNING,
        'novel, "\\x1b]52;", benchmark.container, benchmark.scoring, benchmark.input, constraints.min_regions, '
        "models[].container_image: not supported here, ignored",
    )


def test_signatures_and_what_a_wallet_signed_in_with_are_dropped_wherever_they_stand(load: Load) -> None:
    wallet = {"address": "0xADDRESS", "signature": "0xSIGNATURE", "nonce": "NONCE"}
    secret = {"signature": "SIG", "public_key": "KEY", "wallet_auth": wallet, "walletAuth": wallet}
    job = load({**OLD, **secret, "metadata": {"team": "x", "nonce": 7, "by": [secret]}, "created_at": "2025-01-01"})
    assert job.metadata == {"team": "x", "by": [{}], "created_at": "2025-01-01"}
    [told] = [warning for warning in job.warnings if "dropped" in warning]
    assert told == (
        "signature, public_key, wallet_auth, walletAuth, metadata.nonce, metadata.by[0].signature,"
        " metadata.by[0].public_key, metadata.by[0].wallet_auth, metadata.by[0].walletAuth: dropped, and not checked"
    )
    assert not {"SIG", "KEY", "0xADDRESS", "NONCE"} & set(json.dumps([job.spec(), job.warnings]).split('"'))


def test_an_empty_signature_is_not_worth_a_warning(load: Load) -> None:
    assert not any("dropped" in warning for warning in load({**OLD, "signature": "", "public_key": None}).warnings)


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
            **constrained(timeout=0, provider_timeout=None, min_success_rate=0),
            "models": [{"id": "llama3.2-1b", "regions": []}, {"id": "qwen2.5-1.5b", "regions": None}],
            "runs": 0,
            "metadata": None,
            "benchmark": {"name": ""},
        }
    )
    assert (job.repeats, job.limits.model_fields_set, job.name, len(job.lanes())) == (1, {"min_success_rate"}, "job", 6)


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
            {"constraints": {"provider_timeout": "10m"}},
            "constraints.provider_timeout: must be a whole number of nanoseconds",
            "answer_timeout",
        ),
        (
            {"constraints": {"provider_timeout": True}},
            "constraints.provider_timeout: must be a whole number of nanoseconds",
            "600000000000",
        ),
        (
            {"constraints": {"provider_timeout": 600}},
            "constraints.provider_timeout: 600 nanoseconds is less than a millisecond",
            "600000000000",
        ),
        (
            {"constraints": {"provider_timeout": -1}},
            "constraints.provider_timeout: must be more than 0 seconds, not -1",
            "docs",
        ),
        ({"constraints": {"min_success_rate": 67}}, "constraints.min_success_rate: must be at most 1, not 67", "docs"),
        ({"constraints": 3}, "constraints: must be keys and values", "leave it out"),
        ({"runs": -1}, "runs: must be at least 1, not -1", "docs"),
        ({"runs": 2, "repeats": 3}, "runs: has the same meaning as repeats", "remove one"),
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
    error = refused({**constrained(provider_timeout=10**12), "limits": {"answer_timeout": "1h"}})
    assert error.message.endswith("constraints.provider_timeout: has the same meaning as limits.answer_timeout")


PORTAL: dict[str, Any] = {
    "version": "v1",
    "benchmark": {"name": "multi-model", "input": {"type": "prompt", "data": {"prompt": ""}, "hash": "sha256:0"}},
    "constraints": {"regions": ["US", "EU", "ASIA"], "min_regions": 1, "timeout": 600_000_000_000},
    "questions": ["math_basic", "Who wrote the first book?"],
    "metadata": {"models": ["llama3.2-1b", "qwen2.5-1.5b"], "created_by": "portal"},
    "wallet_auth": {"address": "0xADDRESS", "signature": "0xSIGNATURE", "nonce": "NONCE"},
}


def test_a_file_of_the_portal_runs_with_a_warning_for_each_assumption(load: Load) -> None:
    job = load(PORTAL)
    assert (job.expected, job.limits.min_success_rate) == (12, 0.67)
    assert list(job.questions) == [
        Question("math_basic", "What is 2+2?"),
        Question("Who wrote the first book?", "Who wrote the first book?"),
    ]
    assert job.warnings == (
        "questions: 1 of 2 questions stand there as a text, which is asked, and is the id",
        SHARE_WARNING,
        PROMPT_WARNING,
        "wallet_auth: dropped, and not checked",
        "benchmark.input, constraints.min_regions: not supported here, ignored",
        "constraints.timeout is not used: limits.job_timeout bounds a run",
    )


def test_an_envelope_is_opened(load: Load) -> None:
    envelope = {"jobspec": PORTAL, "target_regions": ["US", "EU", "ASIA"], "min_success_rate": 0.5, "min_regions": 1}
    job = load(envelope)
    assert (job.expected, job.limits.min_success_rate) == (12, 0.5)
    assert "min_regions, benchmark.input, constraints.min_regions: not supported here, ignored" in job.warnings
    without_regions = {**PORTAL, "constraints": {}}
    assert load({"jobspec": without_regions, "target_regions": ["EU"]}).expected == 4


@pytest.mark.parametrize(
    "place", [{"input": {"questions": ["math_basic"]}}, {"benchmark": {"input": {"questions": ["math_basic"]}}}]
)
def test_questions_may_stand_under_input(load: Load, place: dict[str, Any]) -> None:
    job = load({**without("questions"), **place})
    assert [question.id for question in job.questions] == ["math_basic"]
    assert job.warnings == (SHARE_WARNING, PROMPT_WARNING)
    assert load({**without("questions"), **place, "questions": ["math_basic"]}).questions == job.questions


def test_the_models_of_the_job_are_asked_and_others_in_its_metadata_named(load: Load) -> None:
    job = load({**OLD, "metadata": {"models": ["llama3.2-1b"]}})
    assert len(job.models) == 2
    assert "metadata.models is not used: models says which models are asked" in job.warnings
    same = load({**OLD, "metadata": {"models": ["llama3.2-1b", {"id": "qwen2.5-1.5b", "name": "Qwen"}]}})
    assert same.warnings == (SHARE_WARNING, PROMPT_WARNING)


def test_models_in_the_metadata_may_be_objects(load: Load) -> None:
    models = [{"id": "llama3.2-1b", "name": "Llama", "regions": ["US"]}, {"id": "qwen2.5-1.5b", "provider": "modal"}]
    job = load({**without("models"), "metadata": {"models": models}})
    assert len(job.lanes()) == 4
    assert any("models[].name, models[].provider: not supported" in warning for warning in job.warnings)


LONG = "Why? " * 60


@pytest.mark.parametrize(
    ("text", "begins"), [(LONG, "Why? Why?"), ("Who\nwas\tthat?", "Who was that?"), (" Why? ", "Why?")]
)
def test_a_text_that_cannot_be_an_id_gets_one_that_is_its_own(load: Load, text: str, begins: str) -> None:
    job = load({**OLD, "questions": [text, f"{text}!"]})
    first, second = job.questions
    assert (first.text, second.text) == (text, f"{text}!")
    assert first.id != second.id
    assert first.id.startswith(begins)
    assert not id_problem(first.id)
    assert any("gets its beginning and a part of its SHA-256" in warning for warning in job.warnings)


def test_ten_thousand_texts_take_one_warning(load: Load) -> None:
    job = load({**OLD, "questions": [f"What is {number} + 1?" for number in range(10_000)]})
    assert job.expected == 40_000
    assert "questions: 10000 of 10000 questions stand there as a text, which is asked, and is the id" in job.warnings


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"jobspec": 7}, "jobspec: must be keys and values"),
        ({"jobspec": "{}"}, "jobspec: must be keys and values"),
        ({"jobspec": {"jobspec": PORTAL}}, "jobspec.jobspec: an envelope inside an envelope"),
        ({"jobspec": PORTAL, "target_regions": ["US"]}, "jobspec.constraints.regions: has the same meaning as target"),
        ({"jobspec": PORTAL, "target_regions": "US"}, "jobspec.constraints.regions: has the same meaning as target"),
        ({"jobspec": PORTAL, "min_success_rate": "all"}, 'min_success_rate: must be a number, not the text "all"'),
        ({**PORTAL, "questions": ["Who?", "Who?"]}, "questions[1]: the question Who? is repeated: questions[0]"),
        ({**PORTAL, "questions": [7]}, "questions[0]: must be text, not 7"),
        ({**PORTAL, "questions": "Who?"}, "questions: must be a list"),
        ({**PORTAL, "questions": ["x? " * 20_000]}, "questions[0]: a question's text must not be longer than"),
        ({**PORTAL, "input": {"questions": ["taiwan_status"]}}, "input.questions: has the same meaning as questions"),
        ({**PORTAL, "metadata": {"models": "llama3.2-1b"}}, "metadata.models: must be a list, not the text"),
        ({**PORTAL, "metadata": {"models": ["mistral-7b"]}}, 'metadata.models[0]: unknown model "mistral-7b"'),
        ({**PORTAL, "metadata": {"models": [{"name": "Llama"}]}}, "metadata.models[0]: id: missing"),
        ({**PORTAL, "metadata": {"models": []}}, "metadata.models: must not be empty"),
        ({**PORTAL, "metadata": []}, "models: missing"),
    ],
)
def test_what_an_old_file_cannot_mean_is_named_where_it_stands(
    refused: Refused, content: dict[str, Any], message: str
) -> None:
    error = refused(json.dumps(content), "old.json")
    assert error.message.split(": ", 1)[1].startswith(message)
    assert not {"0xADDRESS", "0xSIGNATURE", "NONCE"} & set(f"{error.message} {error.hint}".split('"'))


@given(JSON_VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_old_file_is_too_strange(load: Load, content: dict[str, Any]) -> None:
    with contextlib.suppress(JobFileError):
        assert load(json.dumps({**PORTAL, **content}), "old.json").expected


def test_the_old_prompt_is_sent_where_it_is_given(load: Load, tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("You are based in {place}.\n")
    job = load(PORTAL, old_prompt=prompt)
    assert job.system_prompt == "You are based in {place}."
    assert PROMPT_WARNING not in job.warnings
    prompt.write_text("You are based in Europe.")
    assert (
        "the text of --old-prompt has no {place}: every region is sent the same"
        in load(PORTAL, old_prompt=prompt).warnings
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"\xff", "not UTF-8 text"),
        (b"a\0", "NUL"),
        (b"x" * 8001, "at most 8000 characters"),
        ("ü".encode() * 40_000, "at most 8000 characters"),
        (None, "no such file"),
    ],
)
def test_an_old_prompt_that_cannot_be_used_is_named(
    refused: Refused, tmp_path: Path, data: bytes | None, problem: str
) -> None:
    prompt = tmp_path / "prompt.txt"
    if data is not None:
        prompt.write_bytes(data)
    error = refused(PORTAL, old_prompt=prompt)
    assert error.message.startswith(f"{prompt}:")
    assert problem in error.message


def test_the_old_prompt_is_for_old_files_without_a_system_prompt(load: Load, refused: Refused, tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("You are based in {place}.")
    error = refused({**PORTAL, "system_prompt": "Be brief."}, old_prompt=prompt)
    assert error.message.endswith("system_prompt: has the same meaning as --old-prompt")
    error = refused({**PORTAL, "system_prompts": {"US": "Be brief."}}, old_prompt=prompt)
    assert error.message.endswith("system_prompts: has the same meaning as --old-prompt")
    told = load({**PORTAL, "system_prompts": {"default": "In {place}."}})
    assert [told.prompt_system(lane.region) for lane in told.lanes()][:1] == ["In the US."]
    assert not any("--old-prompt" in warning for warning in told.warnings)
    with pytest.raises(UsageError, match=r"job\.yaml is not one"):
        load({"questions": ["math_basic"], "models": ["llama3.2-1b"], "regions": ["US"]}, old_prompt=prompt)
