"""Small jobs for tests, made through the real loader."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from beacon_cli.job.load import load_job
from beacon_cli.job.model import Job
from modal_deployment.vocabulary import Vocabulary
from tests.support.vocabulary import VOCABULARY

MODELS = ["llama3.2-1b", "qwen2.5-1.5b"]
REGIONS = ["US", "EU", "ASIA"]


def make_job(questions: int | list[Any] = 2, *, vocabulary: Vocabulary = VOCABULARY, **keys: Any) -> Job:
    """Return a job of these, or that many, questions, two models and three regions unless `keys` say otherwise."""
    if isinstance(questions, int):
        questions = [{"id": f"q{number}", "text": f"Question {number}?"} for number in range(questions)]
    document = {
        "id": "test-job",
        "questions": questions,
        "models": MODELS,
        "regions": REGIONS,
        **keys,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return load_job(path, known_models=MODELS, regions=vocabulary.regions)
