"""`beacon compare` as a program: its verdicts, what it names before them, its exit codes, its JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.comparison.verdicts import VERDICTS
from beacon_cli.job.analysis import Analysis
from tests.support.audit_jobs import JOB, MODELS, START, add_execution, fingerprint, seed, seed_legacy
from tests.support.in_process import Done, beacon
from tests.support.noisy_jobs import NoisyJob, store

Connection = psycopg.Connection[tuple[Any, ...]]


def compare(*arguments: str, url: str) -> Done:
    return beacon("compare", *arguments, url=url)


def compared(*arguments: str, url: str) -> tuple[int, dict[str, Any], list[dict[str, str]]]:
    done = compare(*arguments, "--json", url=url)
    assert done.err == ""
    document = done.document
    assert (document["schema_version"], document["command"]) == (1, "compare")
    assert document["ok"] is (done.code == 0)
    return done.code, document["data"], document["errors"]


def different(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["question_id"], each["model_id"]) for each in data["results"] if each["verdict"] == "different"]


def verdicts(**counts: int) -> dict[str, int]:
    return {**dict.fromkeys(VERDICTS, 0), **counts}


def test_exactly_the_planted_difference_among_noise_is_different(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob())
    before = fingerprint(connection)
    code, data, errors = compared(JOB, url=database_url)
    assert (code, errors) == (0, [])
    assert different(data) == [("q2", MODELS[0])]
    assert data["verdicts"] == verdicts(different=1, not_shown=7)
    assert (data["design"], data["pooled"]["different"], data["pooled"]["regions"]) == ("unpaired", True, ["ASIA"])
    [planted] = [each for each in data["results"] if each["verdict"] == "different"]
    assert planted["most_apart"] == "ASIA"
    assert fingerprint(connection) == before


def test_the_json_of_a_comparison(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, models=MODELS[:1], planted=None))
    connection.execute("UPDATE executions SET response = 'Yes.' WHERE region <> 'ASIA' AND repeat < 4")
    connection.execute("UPDATE executions SET response = 'I cannot help with that.' WHERE region = 'ASIA'")
    connection.execute("UPDATE executions SET response = 'Yes, indeed.' WHERE repeat = 4 AND region <> 'ASIA'")
    connection.execute("UPDATE executions SET hops = 2 WHERE repeat = 1 AND region = 'EU'")
    _, data, _ = compared(JOB, url=database_url)
    [result] = data.pop("results")
    assert {key: result[key] for key in ("question_id", "model_id", "region", "verdict", "reason", "answers")} == {
        "question_id": "q0",
        "model_id": MODELS[0],
        "region": None,
        "verdict": "different",
        "reason": "outcomes differ: US: 5 answered; EU: 5 answered; ASIA: 5 refused",
        "answers": {"US": 5, "EU": 5, "ASIA": 5},
    }
    inside = 8 * (1 / 3) / 20
    assert result["pairs"] == [
        {"groups": ["US", "EU"], "between": pytest.approx((8 * 1 / 3) / 25), "effect": pytest.approx(-inside / 5)},
        {"groups": ["US", "ASIA"], "between": 1.0, "effect": pytest.approx(1 - inside / 2)},
        {"groups": ["EU", "ASIA"], "between": 1.0, "effect": pytest.approx(1 - inside / 2)},
    ]
    assert result["outcomes"] == {"US": {"answered": 5}, "EU": {"answered": 5}, "ASIA": {"refused": 5}}
    assert (result["design"], result["regions_apart"], result["most_apart"]) == ("unpaired", ["ASIA"], "ASIA")
    assert result["outcomes_p_value"] == result["outcomes_q_value"] == pytest.approx(1 / 1001, rel=0.5)
    assert (result["detectable"], result["upper"] < result["interval"][1]) == (None, True)
    assert result["within"] == pytest.approx((8 * 1 / 3) / 30)
    assert result["effect"] == pytest.approx(result["between"] - result["within"])
    assert result["p_value"] == result["q_value"] <= 0.002
    assert result["least_p_value"] <= result["p_value"]
    low, high = result["interval"]
    assert low < result["effect"] < high
    eu = data["regions"].pop("EU")
    assert eu.pop("models")[MODELS[0]] == eu
    assert eu == {
        "executions": 5,
        "refusal": {"count": 0, "of": 5, "rate": 0.0, "low": 0.0, "high": pytest.approx(0.4345, abs=1e-4)},
        "empty": {"count": 0, "of": 5, "rate": 0.0, "low": 0.0, "high": pytest.approx(0.4345, abs=1e-4)},
        "blocked": {"count": 0, "of": 5, "rate": 0.0, "low": 0.0, "high": pytest.approx(0.4345, abs=1e-4)},
        "cut_off": {"count": 0, "of": 0, "rate": None, "low": None, "high": None},
        "failure": {"count": 0, "of": 5, "rate": 0.0, "low": 0.0, "high": pytest.approx(0.4345, abs=1e-4)},
        "words": {"median": 1.0, "p95": 2.0, "max": 2.0},
        "seconds": {"median": 1.0, "p95": 1.0, "max": 1.0},
        "hops": 2,
        "hopped": 1,
        "containers": 1,
    }
    assert data["regions"]["ASIA"]["refusal"]["count"] == 5
    del data["regions"]
    pooled = data.pop("pooled")
    assert {key: pooled[key] for key in ("different", "results", "regions")} == {
        "different": True,
        "results": 1,
        "regions": ["ASIA"],
    }
    assert pooled["p_value"] <= 0.005
    assert [pair["groups"] for pair in pooled["pairs"]] == [["US", "EU"], ["US", "ASIA"], ["EU", "ASIA"]]
    assert [pair["p_value"] <= 0.05 for pair in pooled["pairs"]] == [False, True, True]
    assert data.pop("refusals")[0] == {
        "job_id": JOB,
        "question_id": "q0",
        "model_id": MODELS[0],
        "region": "ASIA",
        "repeat": 0,
        "words": "I cannot help",
    }
    assert data == {
        "job_id": JOB,
        "other_job_id": None,
        "complete": True,
        "jobs": {JOB: {"expected": 15, "answered": 15, "superseded": 0}},
        "comparable": True,
        "incomparable": [],
        "unrecorded": [],
        "unequal_cut_off": None,
        "superseded": 0,
        "measure": "lexical",
        "false_discovery_rate": 0.05,
        "margin": None,
        "look": 1,
        "level": pytest.approx(0.04),
        "looks": [{"repeats": {JOB: 5}, "level": pytest.approx(0.04)}],
        "analysis": {
            "used": {"measure": "lexical", "rate": 0.05, "margin": None, "accept": []},
            "planned": None,
            "planned_sha256": None,
            "chosen_afterwards": [],
        },
        "design": "unpaired",
        "failures_pile_up": None,
        "controls": [],
        "verdicts": verdicts(different=1),
        "refusal_rule": "built in, with sentence embeddings",
        "unknown_language": {},
        "measure_warning": None,
        "corrected_refusals": None,
        "scores": None,
        "nearly_alike": [],
        "by": "region",
        "models": None,
        "tags": None,
        "own_words": [],
    }


def test_a_difference_fails_only_where_that_is_asked_for(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob())
    code, _, errors = compared(JOB, "--fail-on", "different", url=database_url)
    assert (code, errors) == (1, [{"code": "problems_found", "message": "different: 1 result", "hint": ""}])
    assert compare(JOB, "--fail-on", "anything", url=database_url).code == 2


def test_a_planned_analysis_is_used_and_what_is_chosen_afterwards_is_told(
    connection: Connection, database_url: str
) -> None:
    store(connection, NoisyJob(questions=2, planted=None))
    plan = Analysis(rate=0.01, accept=["gpu"])
    connection.execute(
        "UPDATE jobs SET spec = spec || %s", [json.dumps({"analysis": plan.spec(), "analysis_sha256": plan.sha256})]
    )
    connection.execute(f"{DIFFERING['gpu']} WHERE region = 'ASIA'".encode())
    code, data, _ = compared(JOB, url=database_url)
    assert (code, data["false_discovery_rate"], data["incomparable"][0]["accepted"]) == (0, 0.01, True)
    assert data["analysis"] == {
        "used": plan.spec(),
        "planned": plan.spec(),
        "planned_sha256": plan.sha256,
        "chosen_afterwards": [],
    }
    told = f"analysis: planned before the first answer (sha256 {plan.sha256[:12]}); "
    assert f"\n{told}as planned: lexical, rate 0.01, no margin, accept gpu\n" in compare(JOB, url=database_url).out
    done = compare(JOB, "--rate", "0.05", url=database_url)
    assert f"\n{told}chosen afterwards: rate 0.05 (planned: rate 0.01); as planned: lexical, no margin" in done.out
    assert compared(JOB, "--rate", "0.05", url=database_url)[1]["analysis"]["chosen_afterwards"] == ["rate"]


def test_one_repeat_is_never_a_difference_and_says_what_to_run(connection: Connection, database_url: str) -> None:
    seed(connection)
    done = compare(JOB, url=database_url)
    assert (done.code, done.err) == (0, "")
    assert "0 different, 4 untestable" in done.out
    assert "set repeats: 4 in the job file, and run it again under the same id\n" in done.out
    assert "What llama3.2-1b has to say in ASIA of math_basic." in done.out
    assert "only ASIA: ASIA" in done.out


def test_one_repeat_has_distances_and_the_words_that_differ(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, repeats=1, models=MODELS[:1], planted=None))
    connection.execute("UPDATE executions SET response = 'It is an island.' WHERE region <> 'ASIA'")
    connection.execute("UPDATE executions SET response = 'It is a province.' WHERE region = 'ASIA'")
    for by in ("region", "model"):
        code, data, errors = compared(JOB, "--by", by, "--fail-on", "different", url=database_url)
        assert (code, errors, data["verdicts"]["untestable"], data["pooled"]) == (
            0,
            [],
            1 if by == "region" else 3,
            None,
        )
    _, data, _ = compared(JOB, url=database_url)
    [result] = data["results"]
    assert (result["verdict"], result["within"], result["effect"]) == ("untestable", None, None)
    assert result["between"] == pytest.approx(2 / 3 * result["pairs"][1]["between"])
    assert result["pairs"][0] == {"groups": ["US", "EU"], "between": 0.0, "effect": None}
    assert data["own_words"] == [
        {
            "question_id": "q0",
            "model_id": MODELS[0],
            "region": None,
            "words": {"US": [], "EU": [], "ASIA": ["a", "province"]},
        }
    ]


def test_models_are_compared_inside_each_region(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(repeats=8, planted=None))
    _, other = MODELS
    connection.execute(
        "UPDATE executions SET response = replace(response, 'word', 'own') WHERE model_id = %s AND question_id = 'q1'",
        [other],
    )
    code, data, errors = compared(JOB, "--by", "model", url=database_url)
    assert (code, errors, data["by"]) == (0, [], "model")
    found = [each for each in data["results"] if each["verdict"] == "different"]
    assert [(each["question_id"], each["model_id"], each["region"]) for each in found] == [
        ("q1", None, region) for region in ("US", "EU", "ASIA")
    ]
    assert [each["answers"] for each in found] == [dict.fromkeys(MODELS, 8)] * 3
    assert len(data["results"]) == 4 * 3
    assert (data["pooled"]["different"], data["pooled"]["pairs"][0]["groups"]) == (True, list(MODELS))
    assert {name: each["executions"] for name, each in data["models"].items()} == dict.fromkeys(MODELS, 96)
    assert list(data["models"][other]["regions"]) == list(data["regions"]) == ["US", "EU", "ASIA"]
    done = compare(JOB, "--by", "model", "--fail-on", "different", url=database_url)
    assert done.code == 1
    assert f"the whole job: models differ: {MODELS[0]} from {other}" in done.out


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


def test_by_tag_the_size_of_regional_differences_is_compared(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=12, models=MODELS[:1], planted=None))
    connection.execute(
        "UPDATE executions SET response = replace(response, 'word', 'own')"
        " WHERE region = 'ASIA' AND question_id IN ('q0', 'q1', 'q2', 'q3', 'q4')"
    )
    connection.execute(
        "UPDATE questions SET tags = CASE WHEN position < 5 THEN '{politics}'::text[] WHEN position < 10"
        " THEN '{control}' ELSE '{}' END"
    )
    code, data, errors = compared(JOB, "--by", "tag", url=database_url)
    assert (code, errors, data["by"], data["models"]) == (0, [], "tag", None)
    politics, control, rest = data["tags"]
    assert [each["tag"] for each in data["tags"]] == ["politics", "control", None]
    assert [(each["questions"], each["results"], each["different"]) for each in data["tags"]] == [
        (5, 5, 5),
        (5, 5, 0),
        (2, 2, 0),
    ]
    assert (politics["pooled"]["regions"], control["pooled"]["different"]) == (["ASIA"], False)
    assert set(politics) == {
        *("tag", "questions", "results", "different", "no_text", "pooled", "effect", "interval"),
        *("other_questions", "regions"),
    }
    other = politics["other_questions"]
    assert set(other) == {"effect", "difference", "p_value", "q_value", "least_p_value"}
    assert other["difference"] == pytest.approx(politics["effect"] - other["effect"])
    assert other["q_value"] <= 0.05 < rest["other_questions"]["p_value"]
    assert politics["regions"]["ASIA"]["executions"] == 25
    out = compare(JOB, "--by", "tag", url=database_url).out
    assert "ASIA stands apart" in out
    assert "(no tag)" in out


def test_a_tag_counts_what_has_no_text_apart(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=2, models=MODELS[:1], planted=None))
    connection.execute("UPDATE questions SET tags = '{media}' WHERE position = 0")
    connection.execute(
        "UPDATE executions SET status = 'empty', response = '' WHERE region = 'ASIA' AND question_id = 'q0'"
    )
    _, data, _ = compared(JOB, "--by", "tag", url=database_url)
    assert [(each["different"], each["no_text"]) for each in data["tags"]] == [(1, 1), (0, 0)]
    assert "0/1, 1 no text" in compare(JOB, "--by", "tag", url=database_url).out


def test_with_one_repeat_a_question_without_text_does_not_hide_the_answers_to_the_others(
    connection: Connection, database_url: str
) -> None:
    store(connection, NoisyJob(questions=2, repeats=1, models=MODELS[:1]))
    connection.execute(
        "UPDATE executions SET status = 'empty', response = '' WHERE region = 'ASIA' AND question_id = 'q0'"
    )
    out = compare(JOB, url=database_url).out
    assert "no text from ASIA" in out
    assert out.count("  only ASIA: ") == 1


def test_of_two_incomplete_jobs_each_is_named(connection: Connection, database_url: str) -> None:
    for job_id in (JOB, "later"):
        store(connection, NoisyJob(id=job_id, questions=1, models=MODELS[:1]))
    connection.execute("DELETE FROM executions WHERE region = 'US' AND repeat = 4")
    _, data, _ = compared(JOB, "later", url=database_url)
    assert [each["detail"] for each in data["incomparable"] if each["name"] == "repeats"] == [
        f"fewer answers than planned in job {job_id}: US 4 of 5" for job_id in (JOB, "later")
    ]


def test_by_tag_needs_tags_and_two_jobs_have_only_regions(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(planted=None))
    store(connection, NoisyJob(id="later", planted=None))
    done = compare(JOB, "--by", "tag", url=database_url)
    assert (done.code, "no question of job" in done.err) == (2, True)
    done = compare(JOB, "later", "--by", "model", url=database_url)
    assert (done.code, "region by region" in done.err) == (2, True)


def grow(connection: Connection, job_id: str, *, before: int, after: int) -> None:
    """Make a second run of a job the one that stored its repeats from `before` on."""
    connection.execute("UPDATE runs SET repeats = %s WHERE job_id = %s", [before, job_id])
    connection.execute(
        "WITH run AS (INSERT INTO runs (id, job_id, started_at, host, pid, version, repeats)"
        " VALUES (gen_random_uuid(), %(job)s, %(at)s, 'host', 1, '0', %(after)s) RETURNING id)"
        " UPDATE executions SET run_id = run.id FROM run WHERE job_id = %(job)s AND repeat >= %(before)s",
        {"job": job_id, "at": START + timedelta(days=1), "before": before, "after": after},
    )


def test_a_job_that_grew_is_looked_at_again_and_less_counts(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, models=MODELS[:1], repeats=4, words=8, planted=("q0", MODELS[0], "ASIA")))
    _, first, _ = compared(JOB, url=database_url)
    assert (first["look"], first["level"], first["verdicts"]["different"]) == (1, pytest.approx(0.0375), 1)
    grow(connection, JOB, before=3, after=4)
    before = fingerprint(connection)
    p_value = first["results"][0]["p_value"]
    for rate, different in ((12 * 1.1 * p_value, 1), (12 * 0.9 * p_value, 0)):
        _, data, _ = compared(JOB, "--rate", f"{rate:.12f}", url=database_url)
        assert (data["look"], data["level"]) == (2, pytest.approx(rate / 12))
        assert data["looks"] == [
            {"repeats": {JOB: 3}, "level": pytest.approx(rate * 2 / 3)},
            {"repeats": {JOB: 4}, "level": pytest.approx(rate / 12)},
        ]
        assert data["verdicts"]["different"] == different
    told = compare(JOB, url=database_url).out
    assert (
        "look 2 (3 repeats, then 4 repeats): results count up to p or q 0.0042; of 0.05, 0.033 went to the looks before"
        in told
    )
    assert fingerprint(connection) == before


def test_each_growth_of_two_compared_jobs_is_a_look(connection: Connection, database_url: str) -> None:
    for job_id in (JOB, "later"):
        store(connection, NoisyJob(id=job_id, questions=1, models=MODELS[:1], planted=None, repeats=8))
    grow(connection, "later", before=5, after=8)
    _, data, _ = compared(JOB, "later", url=database_url)
    assert [look["repeats"] for look in data["looks"]] == [{JOB: 8, "later": 5}, {JOB: 8, "later": 8}]
    assert (data["look"], data["level"]) == (2, pytest.approx(0.05 * (1 / 5 - 1 / 8) / 2))


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


# A change of a region's rows, and the condition that then differs.
DIFFERING = {
    "model": """UPDATE executions SET output_data = output_data
        || CASE model_id WHEN 'llama3.2-1b' THEN '{"model": "other"}'::jsonb ELSE '{}' END""",
    "model_revision": """UPDATE executions SET output_data = output_data || '{"model_revision": "r2"}'""",
    "gpu": """UPDATE executions SET output_data = output_data || '{"gpu": "L4"}'""",
    "precision": """UPDATE executions SET output_data = output_data
        || jsonb_build_object('device', '{"dtype": "float16"}'::jsonb)""",
    "libraries": """UPDATE executions SET output_data = output_data
        || jsonb_build_object('device', '{"torch": "2.12.0"}'::jsonb)""",
    "generator": """UPDATE executions SET receipt_data = jsonb_set(receipt_data, '{provenance,architecture}', '"x"')""",
    "registry": """UPDATE executions
        SET receipt_data = jsonb_set(receipt_data, '{provenance,model_registry}', '"x"')""",
    "sampling": """UPDATE executions
        SET receipt_data = jsonb_set(receipt_data, '{output,metadata,temperature}', '1')""",
    "system_prompt": "UPDATE executions SET system_prompt = 'You are in Asia.'",
    "region": """UPDATE executions SET output_data = output_data || '{"region": "us"}'""",
}


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


def test_two_jobs_are_compared_region_by_region(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(planted=None, repeats=8))
    store(connection, NoisyJob(id="later", repeats=8, seed=2))
    code, data, errors = compared(JOB, "later", url=database_url)
    assert (code, errors, data["other_job_id"]) == (0, [], "later")
    assert [
        (each["question_id"], each["model_id"], each["region"])
        for each in data["results"]
        if each["verdict"] == "different"
    ] == [("q2", MODELS[0], "ASIA")]
    assert sum(data["verdicts"].values()) == 4 * 2 * 3
    assert list(data["regions"]) == [f"{job} · {label}" for label in ("US", "EU", "ASIA") for job in (JOB, "later")]
    connection.execute("UPDATE executions SET prompt = 'Another?' WHERE job_id = 'later' AND question_id = 'q1'")
    code, data, _ = compared(JOB, "later", url=database_url)
    assert (code, [finding["name"] for finding in data["incomparable"]]) == (1, ["prompt"])


def test_a_job_is_not_compared_with_itself(connection: Connection, database_url: str) -> None:
    seed(connection)
    assert compare(JOB, JOB, url=database_url).code == 2


def test_failed_and_empty_answers_are_rates_and_no_texts(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(planted=None))
    connection.execute("UPDATE executions SET status = 'empty', response = '' WHERE region = 'ASIA' AND repeat = 0")
    connection.execute("UPDATE executions SET status = 'timeout', response = NULL WHERE region = 'ASIA' AND repeat = 1")
    code, data, _ = compared(JOB, url=database_url)
    assert (code, data["complete"], different(data)) == (1, False, [])
    asia = data["regions"]["ASIA"]
    assert (asia["empty"]["count"], asia["empty"]["of"]) == (8, 32)
    assert (asia["failure"]["count"], asia["failure"]["of"]) == (8, 40)
    assert data["results"][0]["answers"] == {"US": 5, "EU": 5, "ASIA": 3}


def test_the_rule_for_refusals_can_be_replaced(connection: Connection, database_url: str, tmp_path: Path) -> None:
    store(connection, NoisyJob(questions=1, planted=None, words=3))
    connection.execute("UPDATE executions SET response = '4' WHERE region = 'US'")
    rule = tmp_path / "refusals.txt"
    rule.write_text("# mine\nword\\d+\n")
    _, data, _ = compared(JOB, "--refusals", str(rule), url=database_url)
    assert data["refusal_rule"] == str(rule)
    assert [data["regions"][label]["refusal"]["count"] for label in ("US", "EU", "ASIA")] == [0, 10, 10]
    rule.write_text("(\n")
    done = compare(JOB, "--refusals", str(rule), url=database_url)
    assert (done.code, done.err.splitlines()[0].split(": not")[0]) == (2, f"error: {rule}:1")


def test_the_old_systems_tables_can_be_compared(legacy_database_url: str) -> None:
    with psycopg.connect(legacy_database_url, autocommit=True) as connection:
        seed_legacy(connection)
    code, data, _ = compared(JOB, url=legacy_database_url)
    assert (code, data["verdicts"]["untestable"], list(data["regions"])) == (0, 4, ["US", "EU", "ASIA"])


def test_hostile_answers_are_shown_as_text(connection: Connection, database_url: str) -> None:
    seed(connection)
    run = connection.execute("SELECT run_id FROM executions LIMIT 1").fetchone()
    assert run is not None
    for label in ("US", "EU"):
        at = START + timedelta(seconds=9)
        text = f"[bold]{label}[/foo] \x1b]0;owned\x07 \u202e sorry"
        add_execution(connection, str(run[0]), "[bold]q[/x]", "m\x1b[31m", label, at=at, response=text)
    done = compare(JOB, url=database_url)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "[bold]US[/foo] \\x1b]0;owned\\x07 \\u202e" in done.out


def test_a_job_that_is_not_there_and_options_that_do_not_exist(connection: Connection, database_url: str) -> None:
    seed(connection)
    assert compare("nobody", url=database_url).code == 1
    for option in ("--measure", "--accept"):
        done = compare(JOB, option, "nonsense", url=database_url)
        assert (done.code, "nonsense" in done.err, "known: " in done.err) == (2, True, True)


def test_the_same_answers_give_the_same_document(connection: Connection, database_url: str) -> None:
    store(connection, replace(NoisyJob(), questions=2))
    assert compare(JOB, "--json", url=database_url).out == compare(JOB, "--json", url=database_url).out


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


def test_a_narrow_terminal_gets_fewer_columns_and_no_cut_numbers(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, planted=None))
    told = beacon("compare", JOB, url=database_url, columns=60)
    assert "0/10" in told.out
    assert max(map(len, told.out.splitlines())) <= 60
    heading = next(line for line in told.out.splitlines() if line.startswith("region "))
    assert "p95" not in heading
    assert "p95, hops; a wider terminal or --json has them" in " ".join(told.out.split())
    assert "p95 " in beacon("compare", JOB, url=database_url, columns=80).out
    assert "left out here" not in beacon("compare", JOB, url=database_url, columns=120).out


def test_a_rule_with_a_byte_order_mark_keeps_its_first_pattern(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    store(connection, NoisyJob(questions=1, planted=None))
    (tmp_path / "rule.txt").write_bytes(b"\xef\xbb\xbfword\n")
    _, data, _ = compared(JOB, "--refusals", str(tmp_path / "rule.txt"), url=database_url)
    assert data["regions"]["US"]["refusal"]["count"] == 10


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


def test_within_a_margin_regions_are_equivalent(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, models=MODELS[:1], planted=None, repeats=12))
    _, data, _ = compared(JOB, "--margin", "0.2", url=database_url)
    assert (data["margin"], data["verdicts"]) == (0.2, verdicts(equivalent=1))
    assert data["results"][0]["upper"] < 0.2
    assert compare(JOB, "--margin", "0", url=database_url).code == 2
