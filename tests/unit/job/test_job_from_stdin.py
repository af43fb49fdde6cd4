"""A job file from stdin: YAML and JSON are told apart by what is there, and errors name `<stdin>`."""

from __future__ import annotations

import io
import json
import sys

import pytest

from beacon_cli.console.input_file import STDIN
from beacon_cli.errors import JobFileError
from beacon_cli.job.files import MAX_BYTES
from beacon_cli.job.load import load_job
from beacon_cli.job.model import Job
from tests.support.vocabulary import REGIONS, REGISTRY

YAML = "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n"
AS_JSON = json.dumps({"questions": ["math_basic"], "models": ["llama3.2-1b"], "regions": ["US"]})


def load(monkeypatch: pytest.MonkeyPatch, data: bytes) -> Job:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    return load_job(STDIN, known_models=REGISTRY, regions=REGIONS)


@pytest.mark.parametrize(
    "text", [YAML, AS_JSON, f"\ufeff{AS_JSON}", "{questions: [math_basic], models: [llama3.2-1b], regions: [US]}"]
)
def test_yaml_and_json_are_told_apart(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    job = load(monkeypatch, text.encode())
    assert (job.name, job.expected) == ("stdin", 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (YAML.replace("[US]", "[MARS]").encode(), '<stdin>:3:11: regions[0]: unknown region "MARS"'),
        (AS_JSON.replace('"US"', '"US').encode(), "<stdin>:1:"),
        (b"", "<stdin>:1:1: the file is empty"),
        (b"questions: [\xff]", "<stdin>:1:13: not UTF-8 text: byte 0xff at offset 12"),
        (b"a" * (MAX_BYTES + 1), f"<stdin>: larger than {MAX_BYTES:,} bytes"),
    ],
)
def test_an_error_names_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes, message: str) -> None:
    with pytest.raises(JobFileError) as raised:
        load(monkeypatch, data)
    assert raised.value.message.startswith(message)


def test_what_was_meant_as_json_is_explained_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JobFileError, match="<stdin>:1:") as raised:
        load(monkeypatch, b'{"questions": [math_basic]')
    assert "JSON allows only double quotes" in raised.value.hint
