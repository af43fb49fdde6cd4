"""Typing mistakes: Typer's errors as ours, with suggestions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import typer

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command, program
from beacon_cli.console.suggestions import suggestion
from beacon_cli.errors import UsageError

_ALIKE = 0.7
"""How similar an option must be to be suggested."""

_PLAIN_WORDS = {
    "Input should be a valid integer.*": "must be a whole number",
    "Input should be a valid number.*": "must be a number",
    "Input should be greater than or equal to": "must be at least",
    "Input should be less than or equal to": "must be at most",
}
"""What Pydantic says of numbers, and what we say."""

_ASKING = frozenset({"run", "plan", "submit"})
"""The commands that read a job file to ask it."""


def unknown_command(context: Any, word: str) -> UsageError:
    """Return the error for a command that the group of this context does not have."""
    group = " ".join(_names(context))
    if not hasattr(context.command, "commands"):
        return UsageError(f"{group} has no commands", hint=f"{command(f'{group} --help')} explains it")
    meant = _near(word, context.command.commands) or _elsewhere(context.find_root().command, word)
    listed = f"{command(f'{group} --help'.strip())} lists the commands"
    return UsageError(
        f"{f'{group} has' if group else 'there is'} no command '{excerpt(word)}'",
        hint=_joined(_did_you_mean(command(f"{group} {name}".strip()) for name in meant), listed),
    )


def usage_error(error: typer.TyperException, typed: str) -> UsageError:
    """Return Typer's error about the command line as ours; `typed` is the command, which Typer does not always know."""
    context = getattr(error, "ctx", None)
    name = typed if context is None else " ".join(_names(context))
    shown = f"{command(f'{name} --help'.strip())} lists its options"
    option = getattr(error, "option_name", None)
    if option is None or not hasattr(error, "possibilities"):
        sentence = _sentence(error.format_message())
        return UsageError(sentence, hint=_meant_choice(sentence) + shown)
    near = difflib.get_close_matches(option, error.possibilities or (), cutoff=_ALIKE)
    meant = _misplaced(context, option) or _did_you_mean(sorted(near)) or _key_of_a_job(name, option)
    meant = meant or _value_like_an_option(context)
    return UsageError(f"there is no option {excerpt(option)} here", hint=_joined(meant, shown))


def _meant_choice(sentence: str) -> str:
    """Return `did you mean …? ` for a value that is like one of an option's choices, else an empty text."""
    value, is_none_of, choices = sentence.rpartition("' is not one of '")
    return suggestion(value.rpartition("'")[2], choices.rstrip("'").split("', '")) if is_none_of else ""


def _names(context: Any) -> list[str]:
    """Return the command of a context without the program, such as `["db", "migrate"]`."""
    names: list[str] = []
    while context is not None and context.parent is not None:
        names.insert(0, context.info_name)
        context = context.parent
    return names


def _key_of_a_job(name: str, option: str) -> str:
    """Return what to write into the job file instead of the option, if that is a key of it."""
    if name not in _ASKING:
        return ""
    from beacon_cli.job.generation import Generation
    from beacon_cli.job.limits import Limits
    from beacon_cli.job.model import JobFile

    keys = [
        *JobFile.model_fields,
        *(f"generation.{key}" for key in Generation.model_fields),
        *(f"limits.{key}" for key in Limits.model_fields),
    ]
    word = option.lstrip("-").replace("-", "_")
    near = [key for key in keys if key.split(".")[-1] in {word, f"{word}s"}]
    return f"{near[0]} is a key of the job file" if near else ""


def _value_like_an_option(context: Any) -> str:
    """Return how a value that begins like an option is written, such as the id of a job, if the command takes one."""
    takes = context is not None and any(param.param_type_name == "argument" for param in context.command.params)
    return "an id that begins with - goes after --" if takes else ""


def _near(word: str, known: Iterable[str]) -> list[str]:
    known = list(known)
    starts = [name for name in known if len(word) > 1 and name.startswith(word)]
    return starts or difflib.get_close_matches(word.lower(), known, n=2)


def _elsewhere(root: Any, word: str) -> list[str]:
    """Return commands with that name in other groups: `migrate` is `db migrate`."""
    return [path for path in _paths(root) if path.split()[-1] == word]


def _paths(group: Any, before: str = "") -> Iterator[str]:
    for name, below in group.commands.items():
        if hasattr(below, "commands"):
            yield from _paths(below, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def _misplaced(context: Any, option: str) -> str:
    """Return where an option belongs that was written before or after the command by mistake."""
    if context is None:
        return ""
    root = context.find_root().command
    if context.parent is not None and any(option in param.opts for param in root.params):
        return f"write it before the command: {program()} {option} {' '.join(_names(context))}"
    if context.parent is None and any(option in param.opts for path in root.commands.values() for param in path.params):
        return "write it after the command"
    return ""


def _did_you_mean(names: Iterable[str]) -> str:
    listed = " or ".join(names)
    return f"did you mean {listed}?" if listed else ""


def _joined(meant: str, where: str) -> str:
    return f"{meant}{' ' if meant.endswith('?') else '; '}{where}" if meant else where


def _sentence(text: str) -> str:
    """Return Typer's text in the style of our messages: on one line, without a capital letter or a full stop."""
    line = " ".join(text.replace("Value error, ", "").split()).rstrip(".")
    for pattern, words in _PLAIN_WORDS.items():
        line = re.sub(pattern, words, line)
    return line[:1].lower() + line[1:]
