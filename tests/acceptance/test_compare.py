"""From a scripted job with one planted difference to its verdict, by the installed program."""

from __future__ import annotations

import itertools
import json

from tests.acceptance.conftest import Beacon

_BEGINNINGS = ("It is", "That would be", "Most people say", "Probably", "I think it is")
_MIDDLES = ("the wheel", "fire", "writing", "the printing press", "bread")
_ENDS = ("since everybody needs it", "as far as one can tell", "but that is a matter of taste", "without any doubt")
NOISE = [" ".join(parts) for parts in itertools.product(_BEGINNINGS, _MIDDLES, _ENDS)]
OTHER = [f"Our wise leaders invented {thing} {end}" for thing in ("everything", "it all") for end in _ENDS]


def test_exactly_the_planted_difference_is_found(beacon: Beacon) -> None:
    script = {"rules": [{"prompt": "question 3", "region": "ASIA", "response": OTHER}, {"response": NOISE}]}
    beacon.write("answers.json", json.dumps(script))
    beacon.write("beacon.toml", '[local.models."llama3.2-1b"]\nscript = "answers.json"\n')
    job = {
        "id": "planted",
        "questions": [{"id": f"q{number}", "text": f"This is question {number}?"} for number in range(8)],
        "models": ["llama3.2-1b"],
        "regions": ["US", "EU", "ASIA"],
        "repeats": 8,
        "generation": {"temperature": 0.7, "seed": 2},
    }
    assert beacon("run", beacon.write("job.json", json.dumps(job)), "--local").returncode == 0
    code, document = beacon.json("compare", "planted")
    assert code == 0
    verdicts = {each["question_id"]: each["verdict"] for each in document["data"]["results"]}
    assert verdicts == {f"q{number}": "different" if number == 3 else "not_shown" for number in range(8)}
    told = beacon("compare", "planted", "--fail-on", "different")
    assert told.returncode == 1
    assert "Our wise leaders" in told.stdout
    assert "1 different, 7 not shown" in told.stdout
    assert document["data"]["design"] == "paired"
    assert document["data"]["pooled"]["regions"] == ["ASIA"]
