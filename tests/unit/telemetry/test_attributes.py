"""Which ids of questions may be sent: none that says what is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon_cli.job.lanes import Question
from beacon_cli.job.load import load_job
from beacon_cli.telemetry.attributes import question_attributes
from tests.support.vocabulary import VOCABULARY


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("What  is secret?", "What  is secret?"),
        ("What is secret?", "What  is\nsecret?"),
        ("what is secret", "What is secret?"),
        ("What is sec\u200bret?", "What is secret?"),
        ("What is secret? 0123456789ab", "What is secret?"),
        ("1. What is secret?", "What is secret?"),
        ("What is the secret that nobo 0123456789ab", "What is the secret that nobody knows?"),
    ],
)
def test_an_id_that_is_made_of_the_text_is_not_sent(id: str, text: str) -> None:
    assert question_attributes(Question(id, text)) == {}


def test_any_other_id_is_sent() -> None:
    assert question_attributes(Question("math_basic", "What is 2+2?")) == {"beacon.question.id": "math_basic"}


@pytest.mark.parametrize("text", ["Hello\nyou", "  Hello  you", "Hello\u200b you", "Who? " * 100])
def test_ids_that_old_job_files_get_from_their_texts_are_not_sent(text: str, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    old = {"jobspec_id": "old", "version": "1", "questions": [text], "models": ["llama3.2-1b"], "regions": ["US"]}
    path.write_text(json.dumps(old))
    [question] = load_job(path, known_models=["llama3.2-1b"], regions=VOCABULARY.regions).questions
    assert question_attributes(question) == {}
