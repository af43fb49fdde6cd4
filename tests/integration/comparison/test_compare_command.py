"""`beacon compare` as a program: its verdicts, what it names before them, its exit codes, its JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from beacon_cli.comparison.verdicts import VERDICTS
from beacon_cli.job.analysis import Analysis
from tests.support.audit_jobs import JOB, MODELS, START, add_execution, fingerprint, seed, seed_legacy
from tests.support.comparing import DIFFERING, Connection, compare, compared, different
from tests.support.in_process import beacon
from tests.support.noisy_jobs import NoisyJob, store


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


def test_within_a_margin_regions_are_equivalent(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, models=MODELS[:1], planted=None, repeats=12))
    _, data, _ = compared(JOB, "--margin", "0.2", url=database_url)
    assert (data["margin"], data["verdicts"]) == (0.2, verdicts(equivalent=1))
    assert data["results"][0]["upper"] < 0.2
    assert compare(JOB, "--margin", "0", url=database_url).code == 2
