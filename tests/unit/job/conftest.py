"""Loading a job from a text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.errors import JobFileError
from beacon_cli.job.load import load_job
from beacon_cli.job.model import Job
from tests.support.vocabulary import VOCABULARY

Load = Callable[..., Job]
Refused = Callable[..., JobFileError]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """A function that writes a job file into a fresh working folder and loads it by its bare name."""
    monkeypatch.chdir(tmp_path)

    def load_text(content: str | bytes | dict[str, Any], name: str = "job.yaml", **options: Any) -> Job:
        text = json.dumps(content) if isinstance(content, dict) else content
        Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
        known = {"regions": VOCABULARY.regions, "known_models": VOCABULARY.models}
        return load_job(Path(name), **{**known, **options})

    return load_text


@pytest.fixture
def refused(load: Load) -> Refused:
    """A function that returns the error of a job file that must not load."""

    def error_of(content: str | bytes | dict[str, Any], name: str = "job.yaml", **options: Any) -> JobFileError:
        with pytest.raises(JobFileError) as caught:
            load(content, name, **options)
        assert "\n" not in caught.value.message
        assert caught.value.hint
        return caught.value

    return error_of
