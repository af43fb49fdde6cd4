"""One command whose questions end in every way that is an answer."""

from __future__ import annotations

import psycopg

from tests.acceptance.conftest import Beacon
from tests.support.scripted_regions import OUTCOMES

JOB = """
id: outcomes
questions:
  - {id: empty, text: "empty one"}
  - {id: filtered, text: "filtered one"}
  - {id: moderated, text: "moderated one"}
  - {id: country, text: "country one"}
  - {id: law, text: "law one"}
  - {id: think, text: "think: the capital of France?"}
  - {id: endless, text: "endless thought"}
models: [llama3.2-1b]
regions: [US, EU, ASIA]
generation: {temperature: 0.7, seed: 1}
"""


def test_empty_blocked_and_thinking_answers_are_answers(beacon: Beacon) -> None:
    beacon.write("beacon.toml", f'[local.models."llama3.2-1b"]\nscript = "{OUTCOMES}"\n')
    code, document = beacon.json("run", beacon.write("outcomes.yaml", JOB), "--local")
    assert (code, document["data"]["status"], document["errors"]) == (0, "completed", []), document
    assert {status: count for status, count in document["data"]["counts"].items() if count} == {
        "completed": 15,
        "empty": 2,
        "blocked": 4,
    }
    with psycopg.connect(beacon("db", "url").stdout.strip()) as connection:
        rows = connection.execute(
            "SELECT question_id, region, status, error_code FROM executions WHERE status <> 'completed' ORDER BY 1"
        ).fetchall()
    assert rows == [
        ("country", "EU", "blocked", "geo_blocked"),
        ("empty", "ASIA", "empty", None),
        ("endless", "ASIA", "empty", "thought_only"),
        ("filtered", "ASIA", "blocked", "content_filtered"),
        ("law", "EU", "blocked", "legal_blocked"),
        ("moderated", "ASIA", "blocked", "content_filtered"),
    ]
