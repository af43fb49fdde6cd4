"""`beacon label`, and `beacon compare` with people's labels and a program that scores answers."""

from __future__ import annotations

import csv
import shlex
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB
from tests.support.in_process import beacon
from tests.support.noisy_jobs import NoisyJob, store

Connection = psycopg.Connection[tuple[Any, ...]]

LENGTH = "import sys, json\nfor line in sys.stdin: print(len(json.loads(line)['answer'].split()))"


def filled(connection: Connection) -> None:
    store(connection, NoisyJob(planted=None))
    connection.execute("UPDATE executions SET response = 'The capital of the country is a city.'")
    connection.execute("UPDATE executions SET response = '=1+1 is what I say.' WHERE region = 'US'")
    connection.execute(
        "UPDATE executions SET response = 'I cannot help with that.' WHERE region = 'ASIA' AND repeat < 2"
    )
    connection.execute(
        "UPDATE executions SET response = 'Det kan jag inte svara på nu.' WHERE region = 'EU' AND repeat = 0"
    )


def test_a_sample_is_blinded_labelled_and_corrects_the_rates(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    filled(connection)
    file = tmp_path / "labels.csv"
    done = beacon("label", JOB, "-o", str(file), "--sample", "30", "--json", url=database_url)
    assert (done.code, done.err) == (0, "")
    data = done.document["data"]
    strata = data.pop("strata")
    assert data == {
        "job_id": JOB,
        "file": str(file),
        "sample": 30,
        "seed": 0,
        "rule": "built in, with sentence embeddings",
    }
    assert strata == {
        "refusal": {"answers": 16, "drawn": 11},
        "answer": {"answers": 96, "drawn": 11},
        "unknown": {"answers": 8, "drawn": 8},
    }
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["id", "question", "answer", "label"]
    assert not any(row["answer"].startswith("=") for row in rows)
    assert not any(word in "".join(map(str, rows)) for word in ("ASIA", "model", "seed"))
    again = beacon("label", JOB, "-o", str(file), url=database_url)
    assert again.code == 2
    assert "may have labels in it" in again.err

    for row in rows:
        row["label"] = "refusal" if "cannot" in row["answer"] or "inte" in row["answer"] else "answer"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    data = beacon("compare", JOB, "--labels", str(file), "--json", url=database_url).document["data"]
    corrected = data["corrected_refusals"]
    assert (corrected["labels"], corrected["unclear"]) == (30, 0)
    assert corrected["groups"]["ASIA"]["rate"] == pytest.approx(0.4)
    assert corrected["groups"]["ASIA"]["low"] < 0.4 < corrected["groups"]["ASIA"]["high"]
    assert data["unknown_language"] == {"EU": 8}
    assert data["regions"]["EU"]["refusal"]["of"] == 32

    text = beacon("compare", JOB, "--labels", str(file), url=database_url).out
    assert "refusals, corrected by 30 labels (the rule finds 100 % of the refusals" in text
    assert "does not know, so in no rate of refusals: EU 8" in text


def test_a_program_of_ones_own_scores_the_answers(connection: Connection, database_url: str) -> None:
    filled(connection)
    scorer = shlex.join([sys.executable, "-c", LENGTH])
    data = beacon("compare", JOB, "--scorer", scorer, "--json", url=database_url).document["data"]
    us = data["scores"]["groups"]["US"]
    assert us == {"answers": 40, "unscored": 0, "labels": None, "mean": 5.0, "low": 5.0, "high": 5.0}
    failed = beacon(
        "compare", JOB, "--scorer", shlex.join([sys.executable, "-c", "raise SystemExit('no key')"]), url=database_url
    )
    assert failed.code == 3
    assert "ended with exit code 1 after 0 answers: no key" in failed.err


def test_the_report_has_them_too(connection: Connection, database_url: str, tmp_path: Path) -> None:
    filled(connection)
    page, scorer = tmp_path / "report.html", shlex.join([sys.executable, "-c", LENGTH])
    done = beacon("report", JOB, "-o", str(page), "--scorer", scorer, "--measure", "semantic", url=database_url)
    assert done.code == 0
    text = page.read_text(encoding="utf-8")
    assert "US: mean 5 [5–5]" in text
    assert "does not know, so in no rate of refusals: EU 8" in text
    assert "the measure `semantic` does not know the language of 8 of 120 answers (another language 8)" in text
