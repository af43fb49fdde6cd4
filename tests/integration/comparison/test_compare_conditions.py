"""`beacon compare`: what is missing, and what differs besides the region, is named before any verdict."""

from __future__ import annotations

import pytest

from tests.support.audit_jobs import JOB, MODELS, seed, seed_legacy
from tests.support.comparing import DIFFERING, Connection, compare, compared, different
from tests.support.noisy_jobs import NoisyJob, store


def test_conditions_of_models_are_compared_inside_each_region_and_the_model_itself_between_regions(
    connection: Connection, database_url: str
) -> None:
    store(connection, NoisyJob(planted=None))
    connection.execute(
        'UPDATE executions SET output_data = output_data || \'{"model_revision": "r2"}\' WHERE model_id = %s',
        [MODELS[1]],
    )
    connection.execute("UPDATE executions SET system_prompt = 'In ' || region")
    code, data, _ = compared(JOB, "--by", "model", url=database_url)
    assert (code, data["incomparable"]) == (0, [])
    connection.execute(
        "UPDATE executions SET output_data = output_data || '{\"gpu\": \"L4\"}' WHERE model_id = %s AND region = 'EU'",
        [MODELS[1]],
    )
    code, data, _ = compared(JOB, "--by", "model", url=database_url)
    [finding] = data["incomparable"]
    assert (code, finding["name"]) == (1, "gpu")
    assert finding["detail"] == f"{MODELS[0]}: 'T4'; {MODELS[1]}: 'L4' (EU)"


def test_of_two_incomplete_jobs_each_is_named(connection: Connection, database_url: str) -> None:
    for job_id in (JOB, "later"):
        store(connection, NoisyJob(id=job_id, questions=1, models=MODELS[:1]))
    connection.execute("DELETE FROM executions WHERE region = 'US' AND repeat = 4")
    _, data, _ = compared(JOB, "later", url=database_url)
    assert [each["detail"] for each in data["incomparable"] if each["name"] == "repeats"] == [
        f"fewer answers than planned in job {job_id}: US 4 of 5" for job_id in (JOB, "later")
    ]


def test_what_is_missing_is_told_and_fails(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob())
    connection.execute("DELETE FROM executions WHERE repeat = 4 AND region = 'EU'")
    code, data, errors = compared(JOB, url=database_url)
    assert code == 1
    assert data["complete"] is False
    assert data["jobs"] == {JOB: {"expected": 120, "answered": 112, "superseded": 0}}
    assert [error["message"] for error in errors] == [f"incomplete: job {JOB} has 112 of 120 answers"]
    assert data["incomparable"] == [
        {"name": "repeats", "detail": "fewer answers than planned: EU 32 of 40", "accepted": False}
    ]
    assert different(data) == [("q2", MODELS[0])]
    assert compared(JOB, "--accept", "repeats", url=database_url)[0] == 0


@pytest.mark.parametrize("name", DIFFERING)
def test_whatever_else_differs_between_regions_is_named_first_and_fails(
    connection: Connection, database_url: str, name: str
) -> None:
    store(connection, NoisyJob(questions=2, planted=None))
    connection.execute(f"{DIFFERING[name]} WHERE region = 'ASIA'".encode())
    done = compare(JOB, url=database_url)
    assert done.code == 1
    assert done.out.index(f"not comparable: {name} differs: ") < done.out.index("not shown")
    code, data, errors = compared(JOB, url=database_url)
    assert (code, [finding["name"] for finding in data["incomparable"]]) == (1, [name])
    assert errors[0]["message"].startswith(f"incomparable: {name}: ")
    code, data, errors = compared(JOB, "--accept", name, url=database_url)
    assert (code, data["comparable"], errors) == (0, True, [])
    assert data["incomparable"][0]["accepted"] is True


def test_the_old_systems_prompts_by_region_are_named_before_any_verdict(
    legacy: Connection, legacy_database_url: str
) -> None:
    seed_legacy(legacy)
    legacy.execute("UPDATE executions SET system_prompt = 'You are based in ' || region")
    done = compare(JOB, url=legacy_database_url)
    assert done.code == 1
    assert done.out.index("not comparable: system_prompt differs: ") < done.out.index("untestable")
    code, data, errors = compared(JOB, "--accept", "system_prompt", url=legacy_database_url)
    assert (code, data["comparable"], errors) == (0, True, [])
    legacy.execute("UPDATE executions SET system_prompt = NULL WHERE region = 'EU'")
    legacy.execute("UPDATE executions SET system_prompt = 'You are based in Asia' WHERE region <> 'EU'")
    code, data, _ = compared(JOB, url=legacy_database_url)
    assert (code, "system_prompt" in data["unrecorded"]) == (0, True)


def test_what_no_answer_records_is_said(connection: Connection, database_url: str) -> None:
    seed(connection)
    _, data, _ = compared(JOB, url=database_url)
    assert data["unrecorded"] == ["model", "model_revision", "generator", "registry", "sampling"]


def test_what_never_ran_is_told_too(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(planted=None))
    connection.execute("DELETE FROM executions WHERE question_id = 'q3'")
    connection.execute("DELETE FROM executions WHERE question_id = 'q1' AND model_id = %s", [MODELS[1]])
    code, data, _ = compared(JOB, url=database_url)
    assert (code, sum(data["verdicts"].values())) == (1, 4 * 2)
    silent = {(each["question_id"], each["model_id"]) for each in data["results"] if each["reason"] == "no answer"}
    assert silent == {("q3", MODELS[0]), ("q3", MODELS[1]), ("q1", MODELS[1])}


def test_jobs_that_share_nothing_are_not_comparable(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, models=MODELS[:1], repeats=2, planted=None))
    store(connection, NoisyJob(id="other", questions=1, models=MODELS[1:], repeats=3, planted=None))
    code, _, errors = compared(JOB, "other", url=database_url)
    assert code == 1
    assert errors[0]["message"] == "incomparable: no question, model and region has answers in both jobs"
    told = compare(JOB, "other", url=database_url).out
    assert f"job {JOB}: 6 of 6 answers, 2 repeats" in told
    assert "job other: 9 of 9 answers, 3 repeats" in told


def test_a_region_without_text_fails_by_name_and_assumptions_that_do_not_hold_are_told_first(
    connection: Connection, database_url: str
) -> None:
    store(connection, NoisyJob(questions=3, models=MODELS[:1], planted=None))
    generation = '{"generation": {"temperature": 0.7, "seed": 1}}'
    connection.execute("UPDATE jobs SET spec = spec || %s::jsonb", [generation])
    connection.execute(
        "UPDATE executions SET status = 'empty', response = '' WHERE region = 'ASIA' AND question_id = 'q0'"
    )
    connection.execute(
        "UPDATE executions SET response = repeat('word ', 20) WHERE region = 'US' AND repeat < 2 AND question_id = 'q1'"
    )
    connection.execute(
        "UPDATE executions SET started_at = started_at + interval '2 hours' WHERE region = 'EU' AND question_id = 'q1'"
    )
    code, data, errors = compared(JOB, "--fail-on", "different", url=database_url)
    assert (code, data["design"]) == (1, "paired")
    assert [each["name"] for each in data["incomparable"]] == ["cache", "time"]
    assert errors[-1]["message"] == "different: 1 result; no text: q0 (ASIA)"
    assert (data["results"][0]["verdict"], data["results"][0]["regions_apart"]) == ("no_text", ["ASIA"])
    assert data["results"][0]["outcomes"]["ASIA"] == {"empty": 5}
    told = compare(JOB, url=database_url).out
    assert told.index("not comparable: cache: ") < told.index("the whole job: ") < told.index("q0 · ")
    assert "no text from ASIA: 5 empty" in told
    code, _, errors = compared(JOB, "--accept", "cache", "--accept", "time", url=database_url)
    assert (code, errors) == (0, [])
