"""Any valid job survives being written and read; nothing that can be written raises anything but JobFileError."""

from __future__ import annotations

import io
import json
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from beacon_cli.errors import JobFileError
from beacon_cli.job.bank import BANK
from beacon_cli.job.load import load_job
from beacon_cli.job.model import Job
from beacon_cli.job.question_file import open_question_file
from tests.support.vocabulary import REGIONS, REGISTRY

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=250)

# What YAML and JSON both can carry, and PostgreSQL can store.
characters = st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufeff")
texts = st.text(characters, min_size=1, max_size=40).filter(str.strip)
ids = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12).filter(str.isprintable)
own_questions = st.builds(lambda id_, text: {"id": f"own-{id_}", "text": text}, ids, texts)
question_lists = st.lists(
    own_questions | st.sampled_from(list(BANK)),
    min_size=1,
    max_size=6,
    unique_by=lambda entry: entry if isinstance(entry, str) else entry["id"],
)
region_lists = st.permutations([(r.id, r.label, *r.aliases) for r in REGIONS.values()]).flatmap(
    lambda names: st.integers(1, 3).flatmap(lambda n: st.tuples(*map(st.sampled_from, names[:n])).map(list))
)


@st.composite
def model_lists(draw: st.DrawFn) -> list[Any]:
    names = draw(st.permutations(list(REGISTRY)))
    return [{"id": name, "regions": draw(region_lists)} if draw(st.booleans()) else name for name in names]


jobs = st.fixed_dictionaries(
    {"questions": question_lists, "models": model_lists(), "regions": region_lists},
    optional={
        "id": st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20),
        "name": texts,
        "version": st.just(1),
        "repeats": st.integers(1, 1000),
        "generation": st.fixed_dictionaries(
            {},
            optional={
                "temperature": st.floats(0, 2),
                "max_tokens": st.integers(1, 4096),
                "seed": st.integers(0, 9),
                "top_p": st.floats(0.1, 1),
            },
        ),
        "system_prompt": texts,
        "limits": st.fixed_dictionaries(
            {}, optional={"attempts": st.integers(1, 20), "job_timeout": st.sampled_from([5, 0.25, "600s", "1h30m"])}
        ),
        "metadata": st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts, max_size=3),
    },
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
keys = st.text(max_size=8) | st.sampled_from(
    ["id", "text", "file", "questions", "models", "regions", "limits", "benchmark", "constraints", "runs", "timeout"]
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def loaded(path: Path, text: str | bytes) -> Job | None:
    """Return the job, or None where it is refused: anything but `JobFileError` fails the test."""
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    try:
        return load_job(path, known_models=REGISTRY, regions=REGIONS)
    except JobFileError as error:
        message = error.message
    assert message.startswith(str(path))
    assert "\n" not in message
    return None


def as_yaml(value: Any) -> str:
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    # Block style: inside braces ruamel.yaml writes a text such as ?x without the quotes that it needs to read it.
    yaml.default_flow_style = False
    yaml.dump(value, stream)
    return stream.getvalue()


@FEW
@given(job=jobs)
def test_a_job_written_as_yaml_and_as_json_is_the_same_job(folder: Path, job: dict[str, Any]) -> None:
    forms = {
        "job.yaml": as_yaml(job),
        "job.json": json.dumps(job, indent="\t"),
        "job.yml": json.dumps(job, ensure_ascii=False),
    }
    read = [loaded(folder / name, text) for name, text in forms.items()]
    assert read[0] is not None
    assert read[0] == read[1] == read[2]
    assert read[0].expected == sum(1 for _ in read[0].questions) * len(read[0].lanes()) * job.get("repeats", 1)
    json.dumps(read[0].spec(), allow_nan=False).encode()


@MANY
@given(data=st.binary(max_size=200), name=st.sampled_from(["a.yaml", "a.json"]))
def test_arbitrary_bytes_are_refused_or_read(folder: Path, data: bytes, name: str) -> None:
    loaded(folder / name, data)


@MANY
@given(text=st.text(st.sampled_from("ab01:-,.[]{}&*!|>'\"%@#?~\\ux \n\t<=\ud800\u2028\x85"), max_size=60))
def test_arbitrary_punctuation_is_refused_or_read(folder: Path, text: str) -> None:
    loaded(folder / "a.yaml", text)
    loaded(folder / "a.json", text)


@MANY
@given(tree=trees)
def test_arbitrary_structures_are_refused_or_read(folder: Path, tree: Any) -> None:
    loaded(folder / "a.json", json.dumps(tree))
    loaded(folder / "b.yaml", json.dumps(tree, ensure_ascii=False))


@MANY
@given(job=jobs, tree=trees, data=st.data())
def test_a_job_with_anything_anywhere_is_refused_or_read(
    folder: Path, job: dict[str, Any], tree: Any, data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from([*job, "benchmark", "constraints", "runs", "limits"]))
    loaded(folder / "a.json", json.dumps({**job, key: tree}))


@FEW
@given(lines=st.lists(trees | st.fixed_dictionaries({"id": st.text(), "text": st.text()}), max_size=4))
def test_arbitrary_lines_of_questions_are_refused_or_read(folder: Path, lines: list[Any]) -> None:
    path = folder / "q.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    try:
        source = open_question_file(path)
    except JobFileError:
        return
    assert [(question.id, question.text) for question in source] == [(line["id"], line["text"]) for line in lines]
