"""The system prompt that the old system sent with every question, from a file."""

from __future__ import annotations

from pathlib import Path

from beacon_cli.console.input_file import STDIN, input_name, meant_file, opened_input, reason
from beacon_cli.errors import JobFileError
from beacon_cli.job.document import located
from beacon_cli.job.files import decoded, open_regular
from modal_deployment.limits import MAX_SYSTEM_PROMPT_CHARACTERS

_MAX_BYTES = 4 * MAX_SYSTEM_PROMPT_CHARACTERS + 8  # no character takes more than four bytes
_HINT = "give the path of a text file with the system prompt, {place} in place of the region's name"


def read_old_prompt(path: Path) -> str:
    """Return the text of a file, or of stdin, without the line break at its end.

    Raises `JobFileError` if it cannot be read, is not UTF-8, is empty or longer than a system prompt may be.
    """
    try:
        with opened_input(path, "the system prompt") if path == STDIN else open_regular(path) as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise JobFileError(f"{path}: {reason(error)}", hint=meant_file(path, error) + _HINT) from error
    text = "" if len(data) > _MAX_BYTES else _text(path, data)
    if len(data) > _MAX_BYTES or len(text) > MAX_SYSTEM_PROMPT_CHARACTERS:
        raise _unusable(path, f"a system prompt has at most {MAX_SYSTEM_PROMPT_CHARACTERS} characters")
    if not text.strip():
        raise _unusable(path, "the file is empty")
    if "\0" in text:
        raise _unusable(path, "the text holds a NUL character, which cannot be stored")
    return text


def _text(path: Path, data: bytes) -> str:
    return decoded(input_name(path), data).removeprefix("\ufeff").removesuffix("\n").removesuffix("\r")


def _unusable(path: Path, problem: str) -> JobFileError:
    return located(input_name(path), 1, 1, "", problem, _HINT)
