"""Job files that are bombs, that run code elsewhere, or that say something else than they seem to."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import Beacon
from tests.support.invariant import Aftermath, assert_invariant

MEBIBYTE = 2**20
# What reading a job file takes is about 60 MiB.
MEMORY_AT_MOST = 150 * MEBIBYTE

REST = "models: [llama3.2-1b]\nregions: [US]\n"


ALIASES = [f"  a0: &a0 [{', '.join(['lol'] * 9)}]"]
ALIASES += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 7)]

BOMBS = {
    "aliases that unfold to 37 MiB": ("job.yaml", "metadata:\n" + "\n".join(ALIASES) + f"\n{REST}"),
    "an alias of itself": ("job.yaml", f"metadata: &a {{a: *a}}\n{REST}"),
    "5,000 levels of YAML": ("job.yaml", f"metadata: {'[' * 5000}{']' * 5000}\n{REST}"),
    "5,000 levels of YAML mappings": ("job.yaml", f"metadata: {'{a: ' * 5000}1{'}' * 5000}\n{REST}"),
    "5,000 levels of JSON": ("job.json", f'{{"metadata": {"[" * 5000}{"]" * 5000}}}'),
}


@pytest.mark.fault(54, "YAML aliases that unfold to 37 MiB or hold themselves; nesting of 5,000")
def test_a_bomb_is_a_clear_error_and_little_memory(hurt: Beacon) -> None:
    done = []
    for what, (name, text) in BOMBS.items():
        found, memory = hurt.measured("run", hurt.write(name, text), "--dry-run", "--json", exit_code=2)
        (error,) = json.loads(found.stdout)["errors"]
        assert (found.returncode, error["code"]) == (2, "job_file"), what
        assert name in error["message"]
        assert memory < MEMORY_AT_MOST, what
        done.append(found)
    assert_invariant(Aftermath(hurt.folder, done=done))


QUESTIONS = "questions: [math_basic]\n"
# What a job file holds, where the error is, and what it says.
WRONG = {
    "an object of Python": (
        f"metadata: !!python/object/apply:os.system [touch owned]\n{QUESTIONS}{REST}",
        "1:11",
        "tag",
    ),
    "a key twice": (f"{QUESTIONS}{REST}regions: [EU]\n", "4:1", "regions"),
    "a nested key twice": (f"{QUESTIONS}{REST}generation:\n  seed: 1\n  seed: 2\n", "6:3", "seed"),
    "a number as a text": (f"{QUESTIONS}{REST}name: 010\n", "4:7", "name"),
    "a text as a number": (f"{QUESTIONS}{REST}repeats: many\n", "4:10", "repeats"),
    "yes is no boolean": (f"{QUESTIONS}models: [llama3.2-1b]\nregions: yes\n", "3:10", "regions"),
    "a mapping as a list": (f"questions: {{math_basic: 1}}\n{REST}", "1:13", "questions"),
    "a list of lists": (f"{QUESTIONS}models: [[llama3.2-1b]]\nregions: [US]\n", "2:10", "models[0]"),
    "a number as an id": (f"questions: [{{id: 010, text: Why?}}]\n{REST}", "1:18", "questions[0].id"),
    "not a number": (f"{QUESTIONS}{REST}generation: {{temperature: .nan}}\n", "4:27", "generation.temperature"),
    "an unknown key": (f"{QUESTIONS}{REST}limits: {{attemps: 1}}\n", "4:10", "limits"),
}


@pytest.mark.fault(55, "!!python/object, duplicate keys, wrong types")
def test_what_is_wrong_is_named_with_its_line_column_and_key(hurt: Beacon) -> None:
    done = []
    for what, (text, position, key) in WRONG.items():
        path = hurt.write("job.yaml", text)
        found = hurt("run", path, "--dry-run")
        assert found.returncode == 2, what
        first = found.stderr.splitlines()[0]
        assert first.startswith(f"error: {path}:{position}: "), what
        assert key in first, what
        done.append(found)
    assert not (hurt.folder / "owned").exists()
    assert_invariant(Aftermath(hurt.folder, done=done))


@pytest.mark.fault(55, "no, on and 12:30:45 as ids")
def test_what_yaml_1_1_would_read_as_something_else_is_plain_text(hurt: Beacon) -> None:
    ids = ["no", "on", "12:30:45", "1_000", "0o", "~x", "2026-01-02"]
    questions = "".join(f"  - {{id: {name}, text: {name}}}\n" for name in ids)
    done = hurt("run", hurt.write("job.yaml", f"questions:\n{questions}{REST}"), "--local", "--dry-run", "--json")
    assert done.returncode == 0, done.stdout
    prompts = json.loads(done.stdout)["data"]["prompts"]
    assert [(prompt["question_id"], prompt["text"]) for prompt in prompts] == [(name, name) for name in ids]
    assert_invariant(Aftermath(hurt.folder, done=[done]))
