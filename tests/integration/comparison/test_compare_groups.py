"""`beacon compare`: what is compared with what: regions, models, tags, two jobs, one repeat, a job that grew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.audit_jobs import JOB, MODELS, START, fingerprint, seed
from tests.support.comparing import Connection, compare, compared
from tests.support.noisy_jobs import NoisyJob, store


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
