"""Commands that are shown name the program as it was called."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from beacon_cli.console.program_name import command, typed_for_uv, words_to_call
from beacon_cli.main import app

PACKAGE = Path(__file__).parents[2] / "beacon_cli"
# Texts that name a command, and are not for anybody to type.
NAMES_ONLY = {
    "SELECT pg_try_advisory_lock(hashtextextended('beacon worker ' || %s, 0))",
    "cancelled by beacon cancel",
    "the invocation of `beacon run` that stored the row, a UUID",
    "beacon run  ",
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in a folder that is not on PATH, next to the working folder."""
    program = tmp_path / "my tools" / "beacon"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.chdir(tmp_path)
    return program


def test_a_path_is_kept_as_it_was_written(installed: Path) -> None:
    assert words_to_call("my tools/beacon", []) == ["my tools/beacon"]
    assert words_to_call(str(installed), []) == [str(installed)]


def test_what_the_shell_finds_needs_no_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert words_to_call(str(installed), []) == ["beacon"]
    assert words_to_call("beacon", []) == ["beacon"]


def test_another_program_of_that_name_on_path_is_not_it(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = installed.parent.parent / "other" / "beacon"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    assert words_to_call(str(installed), []) == [str(installed)]


def test_a_module_is_called_with_its_python() -> None:
    assert words_to_call("/site/beacon_cli/__main__.py", [".venv/bin/python", "-m", "beacon_cli", "jobs"]) == [
        *(".venv/bin/python", "-m", "beacon_cli")
    ]


def test_a_program_that_only_imports_it_is_not_named() -> None:
    assert words_to_call("/usr/bin/pytest", [sys.executable]) == ["beacon"]


@pytest.mark.parametrize(
    ("process", "typed"),
    [
        ("/opt/uv tool uvx --from .[local] beacon show a", "uvx --from .[local] beacon"),
        ("uv tool run --from .[local] beacon show a", "uv tool run --from .[local] beacon"),
        ("uv run --extra local beacon show a", "uv run --extra local beacon"),
        ("uv run python -m beacon_cli show a", "uv run python -m beacon_cli"),
        ("uv run make answers", ""),
        ("bash -c beacon show a", ""),
    ],
)
def test_what_uv_starts_is_called_as_uv_was_called(
    process: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uvx").write_text("#!/bin/sh\n")
    (tmp_path / "uvx").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert typed_for_uv(process.split(), ["show", "a"]) == tuple(typed.split())


def test_what_uv_puts_on_path_is_not_on_the_users(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert words_to_call(str(installed), [], trust_path=False) == [str(installed)]


def test_values_are_quoted_for_the_shell() -> None:
    assert command("show", "an id; rm -rf ~") == "beacon show 'an id; rm -rf ~'"
    assert command("run JOB_FILE --job-id", "demo-1") == "beacon run JOB_FILE --job-id demo-1"


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a module but its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented)]
    docstrings = {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_no_text_of_the_program_spells_a_command_out() -> None:
    names = "|".join(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    spelled = re.compile(rf"\bbeacon ({names})\b")
    found = {
        (path.name, text)
        for path in PACKAGE.rglob("*.py")
        if path.name != "examples.py"  # its lines are made to be typed where they are shown
        for text in texts(path)
        if spelled.search(text) and text not in NAMES_ONLY
    }
    assert found == set()
