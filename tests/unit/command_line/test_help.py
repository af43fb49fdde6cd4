"""The help of every command: what it is for, examples, documents; and what is mistyped."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from beacon_cli.command_line.documents import KINDS, page_named, pages, title
from beacon_cli.command_line.examples import PAGES
from beacon_cli.command_line.groups import PANELS
from beacon_cli.main import app, program

ROOT: Any = typer.main.get_command(app)


def paths(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        yield f"{before}{name}"
        if hasattr(command, "commands"):
            yield from paths(command, f"{before}{name} ")


COMMANDS = ["", *paths(ROOT)]


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = program(list(arguments))
    return code, out.getvalue(), err.getvalue()


def command_named(path: str) -> Any:
    command = ROOT
    for word in path.split():
        command = command.commands[word]
    return command


@pytest.mark.parametrize("path", COMMANDS)
def test_help_fits_80_columns_and_says_where_to_read_on(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(*path.split(), "--help")
    assert (code, err) == (0, "")
    assert max(map(len, (line for line in out.splitlines() if not line.endswith(".md")))) <= 80
    assert out.count("  $ beacon ") + out.count('"$(beacon ') >= 2 + out.count("  $ beacon docs ") - (path == "docs")
    assert "Examples:" in out
    assert "Documentation:\n  $ beacon docs " in out
    assert ("Global options, before the command:\n  --config FILE" in out) == bool(path)


@pytest.mark.parametrize("path", COMMANDS)
def test_examples_are_commands_that_exist_and_documents_are_there(path: str) -> None:
    page = PAGES[path]
    assert len(page.examples) >= 2
    assert page.documents
    for name in page.documents:
        assert page_named(name).is_file()
    for example in page.examples:
        assert f"beacon {path}".strip() in example.line
        words = shlex.split(example.line.partition("beacon ")[2].rstrip('")').partition("|")[0].partition(">")[0])
        options = [word.partition("=")[0] for word in words if word.strip("-0123456789") and word.startswith("-")]
        command = command_named(path)
        if path and path != "db psql" and not hasattr(command, "commands"):
            known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
            assert set(options) <= known


def test_examples_are_of_commands_only() -> None:
    assert sorted(PAGES) == sorted(COMMANDS)


def test_the_purpose_of_a_command_is_one_line() -> None:
    for path in COMMANDS[1:]:
        purpose = command_named(path).get_short_help_str(200)
        assert len(purpose) <= 80, path
        assert purpose.endswith("."), path


def test_the_list_of_commands_is_grouped() -> None:
    assert {command.rich_help_panel for command in ROOT.commands.values()} == set(PANELS)


@pytest.mark.parametrize("group", ["", "db", "deploy", "verify", "rollback", "schema"])
def test_a_group_alone_lists_its_commands(group: str) -> None:
    assert run(*group.split()) == run(*group.split(), "--help")
    assert run(*group.split())[0] == 0


@pytest.mark.parametrize("path", COMMANDS)
def test_help_is_a_command_too(path: str) -> None:
    assert run("help", *path.split()) == run(*path.split(), "--help")


def test_help_of_a_page_shows_it() -> None:
    text = page_named("job-files").read_text(encoding="utf-8")
    assert run("help", "job-files") == run("docs", "job-files") == (0, text, "")
    assert run("docs", "docs/reference/job-files.md") == (0, text, "")


def test_docs_lists_every_page_below_the_heading_of_its_kind() -> None:
    listed = run("docs")[1].splitlines()
    assert [line for line in listed if line and not line.startswith("  ")] == list(KINDS.values())
    assert [line.split()[0] for line in listed if line.startswith("  ")] == list(pages())
    assert all(title(page) for page in pages().values())


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("chek-db x", "there is no command 'chek-db'", "did you mean beacon check-db?"),
        ("migrate", "there is no command 'migrate'", "did you mean beacon db migrate?"),
        ("db migrat", "db has no command 'migrat'", "did you mean beacon db migrate?"),
        ("exp", "there is no command 'exp'", "did you mean beacon export?"),
        ("xyzzy", "there is no command 'xyzzy'", "beacon --help lists the commands"),
        ("help rnu", "there is no command 'rnu'", "did you mean beacon run?"),
        ("help run it", "run has no commands", "beacon run --help explains it"),
        ("docs job-file", "there is no page 'job-file' in the documentation", "did you mean job-files?"),
        ("run job.yaml --loca", "there is no option --loca here", "did you mean --local?"),
        ("run job.yaml --repeat 3", "there is no option --repeat here", "repeats is a key of the job file"),
        ("run job.yaml --events", "option '--events' requires an argument", "beacon run --help lists its options"),
        ("delete -nightly --yes", "there is no option -n here", "an id that begins with - goes after --; "),
        ("jobs -nightly", "there is no option -n here", "beacon jobs --help lists its options"),
        ("jobs --config x", "there is no option --config here", "write it before the command: beacon --config jobs"),
        ("--limit 3 jobs", "there is no option --limit here", "write it after the command"),
        ("run", "missing argument 'JOB_FILE'", "beacon run --help lists its options"),
        ("jobs --limit many", "invalid value for '--limit'", "beacon jobs --help lists its options"),
        ("show one two", "got unexpected extra argument(s) (two)", "beacon show --help lists its options"),
        ("--show-completion csh", "there is no completion for the shell 'csh'", "bash, zsh, fish"),
    ],
)
def test_what_is_mistyped_is_named_with_what_may_be_meant(line: str, error: str, hint: str) -> None:
    code, out, err = run(*line.split())
    said, advised = err.splitlines()
    assert (code, out) == (2, "")
    assert said.startswith(f"error: {error}")
    assert hint in advised


def test_the_version_has_four_spellings() -> None:
    assert run("version") == run("-V") == run("--version")
    assert run("version")[1].startswith("beacon ")
