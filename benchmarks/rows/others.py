"""Other programs that ask models many questions, on the same 600 requests to the same server.

Each lives in an environment of its own and is named on the command line; see `benchmarks/README.md`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Run, Workplace, kept_environment
from benchmarks.processes import CommandFailed
from benchmarks.row import Row
from benchmarks.rows.requests import IN_FLIGHT, MILLISECONDS, REQUESTS

_INSPECT_TASK = Path(__file__).parents[1] / "others" / "inspect_task.py"
_MODEL = "llama3.2-1b"


@dataclass(frozen=True)
class _Program:
    """A program: how it is installed, and its arguments for a server at `url`, with files written to `folder`."""

    name: str
    how_to_install: str
    arguments: Callable[[Path, str], list[str]]


def rows(bench: Bench) -> Iterator[Row]:
    with bench.workplace() as place:
        place.start_database()
        job = place.job("job", 10, repeats=10, in_flight=IN_FLIGHT, per_endpoint=IN_FLIGHT)
        ours = place.run("run", job, milliseconds=MILLISECONDS)
        for program in _PROGRAMS:
            path = bench.options.others.get(program.name) or shutil.which(program.name)
            if path is None:
                yield Row(
                    f"{program.name}, 600 requests",
                    "s",
                    None,
                    note=f"not installed: {program.how_to_install}, then --{program.name} PATH",
                )
                continue
            try:
                yield from _rows(program.name, _run(bench, place, program, path), ours)
            except CommandFailed as failed:
                yield Row(f"{program.name}, 600 requests", "s", None, note=str(failed).splitlines()[-1])


def _run(bench: Bench, place: Workplace, program: _Program, path: str) -> Run:
    url = f"{bench.server.url}/{MILLISECONDS}/v1"
    folder = Path(tempfile.mkdtemp(prefix=f"{program.name}-", dir=place.folder))
    environment = {
        **kept_environment(),
        "HOME": str(folder),
        "OPENAI_BASE_URL": url,
        "OPENAI_API_KEY": "none",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_CONFIG_DIR": str(folder),
    }
    command = [str(Path(path).absolute()), *program.arguments(folder, url)]
    run = bench.measured(command, environment=environment, folder=folder)
    if run.server.requests < REQUESTS:
        raise CommandFailed(f"it sent {run.server.requests} requests of {REQUESTS}")
    return run


def _rows(name: str, run: Run, ours: Run) -> Iterator[Row]:
    figures: dict[str, Any] = {"run": run.document(), "beacon": ours.document()}
    note = f"{run.server.peak_in_flight} in flight at most"
    for what, unit, factor, value, reference in (
        ("600 requests, whole command", "s", 1.0, run.cost.wall, ours.cost.wall),
        ("CPU per request, whole command", "ms", 1000 / REQUESTS, run.cost.cpu, ours.cost.cpu),
        ("peak memory", "MB", 1e-6, run.cost.peak_memory, ours.cost.peak_memory),
    ):
        yield Row(f"{name}, {what}", unit, value * factor, reference * factor, "beacon run", note=note, figures=figures)


def _inspect(folder: Path, _url: str) -> list[str]:
    shutil.copy(_INSPECT_TASK, folder)  # it wants a path relative to the working folder
    options = ["--max-connections", str(IN_FLIGHT), "--max-samples", str(IN_FLIGHT), "--display", "none"]
    options += ["-M", "responses_api=false"]
    return ["eval", _INSPECT_TASK.name, "--model", f"openai/{_MODEL}", "--log-dir", str(folder), *options]


def _lm_eval(folder: Path, url: str) -> list[str]:
    with (folder / "questions.jsonl").open("w") as file:
        file.writelines(json.dumps({"q": f"Question number {n} of many?", "a": "4"}) + "\n" for n in range(REQUESTS))
    task = {
        "task": "requests",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "questions.jsonl")}},
        "output_type": "generate_until",
        "test_split": "test",
        "doc_to_text": "{{q}}",
        "doc_to_target": "{{a}}",
        "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 500},
        "metric_list": [{"metric": "exact_match"}],
    }
    (folder / "requests.yaml").write_text(json.dumps(task))
    model = f"model={_MODEL},base_url={url}/chat/completions,num_concurrent={IN_FLIGHT},tokenized_requests=False"
    options = ["--apply_chat_template", "--include_path", str(folder), "--tasks", "requests"]
    return ["run", "--model", "local-chat-completions", "--model_args", model, *options]


def _promptfoo(folder: Path, url: str) -> list[str]:
    provider = {"id": f"openai:chat:{_MODEL}", "config": {"apiBaseUrl": url, "apiKey": "none"}}
    config = {
        "prompts": ["{{question}}"],
        "providers": [provider],
        "tests": [{"vars": {"question": f"Question number {n} of many?"}} for n in range(REQUESTS)],
    }
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    options = ["--max-concurrency", str(IN_FLIGHT), "--no-cache", "--no-table", "--no-progress-bar"]
    return ["eval", "-c", str(folder / "promptfooconfig.json"), *options]


_PROGRAMS = (
    _Program("promptfoo", "npm install promptfoo", _promptfoo),
    _Program("lm-eval", "pip install 'lm-eval[api]' in an environment of its own", _lm_eval),
    _Program("inspect", "pip install inspect-ai openai in an environment of its own", _inspect),
)
