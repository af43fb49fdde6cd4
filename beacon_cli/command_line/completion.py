"""Completion: the shell calls the program with `_BEACON_COMPLETE` set, and gets what the word can be completed to."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from beacon_cli.command_line.candidates import Candidates, candidates
from beacon_cli.console.program_name import command
from beacon_cli.errors import EnvironmentFault, UsageError

VARIABLE = "_BEACON_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
_FILES = ":files"  # no candidate: the shell completes file names


def complete(app: Any, environment: Mapping[str, str] = os.environ) -> int:
    """Answer a call from the shell, and return the exit code. Raises `UsageError` for an unknown instruction."""
    instruction = environment[VARIABLE]
    shell = instruction.replace("complete", "").replace("source", "").strip("_")
    if "source" in instruction:
        sys.stdout.write(script(shell))
        return 0
    if "_BEACON_COMPLETE_LINE" not in environment:
        return _as_typer_does(app)
    from typer.main import get_command

    before, incomplete = _split(environment["_BEACON_COMPLETE_LINE"])
    found = candidates(get_command(app), before[1:], incomplete)
    sys.stdout.write(_answer(_SHELL_LINES[_known(shell)], found, incomplete, environment))
    return 0


def script(shell: str) -> str:
    """Return the completion script for a shell. Raises `UsageError` for a shell without one."""
    folder = resources.files("beacon_cli.command_line").joinpath("scripts")
    return folder.joinpath(f"beacon.{_known(shell)}").read_text(encoding="utf-8")


def current_shell() -> str:
    """Return the shell that called the program, else the user's default shell. Raises `UsageError` if unknown."""
    names = [os.environ.get("SHELL", "")]
    if (parent := Path(f"/proc/{os.getppid()}/comm")).exists():
        names.insert(0, parent.read_text(encoding="utf-8").strip())
    for name in names:
        if (shell := Path(name).name.lstrip("-")) in SHELLS:
            return shell
    raise UsageError("the shell could not be detected", hint=f"name it after the option: {', '.join(SHELLS)}")


def install(shell: str) -> Path:
    """Install completion for a shell of this user, and return the file that it reads.

    Raises `UsageError` for a shell without completion, and `EnvironmentFault` if a file cannot be written.
    """
    text = script(shell)
    try:
        path, rc, line = _places(shell)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if rc is not None and line not in (rc.read_text(encoding="utf-8").splitlines() if rc.exists() else ()):
            with rc.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")
    except (OSError, RuntimeError) as error:  # RuntimeError: this account has no home folder
        where = f"cannot write {error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        hint = f"{command(f'--show-completion {shell}')} prints the script, so that you can save it elsewhere"
        raise EnvironmentFault(where, hint=hint) from error
    return path


def _places(shell: str) -> tuple[Path, Path | None, str]:
    """Return the path of the script, and the shell's startup file with the line that must load it."""
    home = Path.home()
    if shell == "fish":
        return _folder("XDG_CONFIG_HOME", home / ".config") / "fish" / "completions" / "beacon.fish", None, ""
    path = _folder("XDG_DATA_HOME", home / ".local" / "share") / "beacon" / f"completion.{shell}"
    rc = home / ".bashrc" if shell == "bash" else _folder("ZDOTDIR", home) / ".zshrc"
    quoted = shlex.quote(str(path))
    return path, rc, f"[ ! -f {quoted} ] || . {quoted}"


def _folder(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default)


def _known(shell: str) -> str:
    if shell not in SHELLS:
        raise UsageError(
            f"there is no completion for the shell '{shell}'", hint=f"completion exists for {', '.join(SHELLS)}"
        )
    return shell


def _as_typer_does(app: Any) -> int:
    """Answer as Typer does: a script that Typer installed calls without our variables."""
    from typer.main import get_install_completion_arguments

    get_install_completion_arguments()  # as a side effect, Typer registers the shells
    try:
        app([], prog_name="beacon", complete_var=VARIABLE)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _split(line: str) -> tuple[list[str], str]:
    """Return the words before the last one, and the last one, which may be empty or have an open quotation mark."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        return words, lexer.token
    return (words, "") if line[-1:].isspace() or not words else (words[:-1], words[-1])


def _answer(shell_line: Any, found: Candidates, incomplete: str, environment: Mapping[str, str]) -> str:
    if found.files:
        return f"{_FILES}\n"
    cut = _already_there(incomplete, environment.get("_BEACON_COMPLETE_BREAKS", ""))
    return "".join(f"{shell_line(word, meaning, cut)}\n" for word, meaning in found.words)


def _already_there(incomplete: str, breaks: str) -> int:
    """Return the part of the word that bash treats as separate words: up to the last `=`, `:` or `@`."""
    return max((incomplete.rfind(mark) + 1 for mark in breaks if not mark.isspace() and mark not in "\"'"), default=0)


def _bash(word: str, _meaning: str, cut: int) -> str:
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", word[cut:])


def _zsh(word: str, meaning: str, _cut: int) -> str:
    escaped = word.replace("\\", "\\\\").replace(":", "\\:")
    return f"{escaped}:{' '.join(meaning.split())}" if meaning else escaped


def _fish(word: str, meaning: str, _cut: int) -> str:
    return f"{word}\t{' '.join(meaning.split())}"


_SHELL_LINES = {"bash": _bash, "zsh": _zsh, "fish": _fish}
