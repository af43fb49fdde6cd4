"""What may stand at a place of the command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from beacon_cli.command_line.candidates import FILE_NAMES, Candidates, candidates
from beacon_cli.main import app

EXAMPLES = Path(__file__).parents[3] / "examples"
ROOT = typer.main.get_command(app)


def offered(line: str) -> list[str]:
    """Return what may become of the last word, which may be empty."""
    *before, incomplete = line.split(" ")
    return [word for word, _ in candidates(ROOT, before, incomplete).words]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sho", ["show"]),
        ("db mig", ["migrate"]),
        ("db nonsense ", []),
        ("nonsense ", []),
        ("jobs --lim", ["--limit"]),
        ("jobs --status qu", ["queued"]),
        ("jobs --status=qu", ["--status=queued"]),
        ("run job.yaml --again ", ["completed", "empty", "blocked", "failed", "timeout", "cancelled"]),
        ("run examples/quickstart.yaml --region A", ["ASIA"]),
        (f"run {EXAMPLES / 'operators-check.yaml'} --question ", ["math_basic", "geography_basic"]),
        (f"submit {EXAMPLES / 'operators-check.yaml'} --question geo", ["geography_basic"]),
        ("run missing.yaml --question ", []),
        ("run - --question ", []),
        ("run job.yaml --batching ", ["question", "region", "lane"]),
        ("export older --format ", ["jsonl", "csv", "parquet"]),
        ("serve --region ", ["us", "eu", "apac"]),
        ("serve --region A", ["ASIA"]),
        ("show older --model l", ["llama3.2-1b"]),
        ("compare older --measure ", ["lexical", "semantic"]),
        ("compare older --accept gp", ["gpu"]),
        ("help db st", ["stop"]),
        ("help ver", ["verify", "version"]),
        ("docs job", ["job-files"]),
        ("show @", ["@last"]),
        ("--show-completion ", ["bash", "zsh", "fish"]),
        ("--config beacon.toml --verbose jo", ["jobs"]),
        ("show --database-url postgresql://a:b@host:1/x older --ful", ["--full"]),
        ("show older more ", []),
        ("show -- --fo", []),
        ("jobs --limit 3 --li", []),
        ("serve --region us --reg", ["--region"]),
        ("db psql -c x --data", ["--database-url"]),
        (
            "-",
            [
                *(
                    "--config",
                    "--verbose",
                    "--no-color",
                    "-v",
                    "--version",
                    "-V",
                    "--show-completion",
                    "--install-completion",
                    "--help",
                    "-h",
                )
            ],
        ),
    ],
)
def test_what_may_stand_at_a_place(line: str, words: list[str]) -> None:
    assert sorted(offered(line)) == sorted(words)


def test_what_beacon_toml_adds_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[regions.br]\n[regions.south-africa]\nlabel = 'ZA'\n[models.mistral-7b]\n")
    assert offered(f"--config {path} serve --region ") == ["us", "eu", "apac", "br", "south-africa"]
    assert offered(f"--config {path} run job.yaml --without Z") == ["ZA"]
    assert offered(f"--config {path} show older --model m") == ["mistral-7b"]
    path.write_text("[regions.br")
    assert offered(f"--config {path} serve --region ") == ["us", "eu", "apac"]


@pytest.mark.parametrize(
    "line", ["run ", "run j", "--config ", "--config=", "report x -o ", "export x --output b", "check-db x --expect "]
)
def test_names_of_files_are_left_to_the_shell(line: str) -> None:
    *before, incomplete = line.split(" ")
    assert candidates(ROOT, before, incomplete) == Candidates(files=True)


def every_command(group: Any) -> Iterator[Any]:
    yield group
    for command in getattr(group, "commands", {}).values():
        yield from every_command(command)


def test_every_path_is_completed_as_the_name_of_a_file() -> None:
    for command in every_command(ROOT):
        annotations = (
            inspect.get_annotations(inspect.unwrap(command.callback), eval_str=True) if command.callback else {}
        )
        for param in command.params:
            if Path in getattr(annotations.get(param.name), "__args__", ()) or annotations.get(param.name) is Path:
                assert param.metavar in FILE_NAMES, (command.name, param.name)


def test_every_job_id_is_completed() -> None:
    for command in every_command(ROOT):
        for param in command.params:
            if param.name in {"job_id", "other_job_id"}:
                assert [item.value for item in param.shell_complete(typer.Context(command), "@")] == ["@last"]
