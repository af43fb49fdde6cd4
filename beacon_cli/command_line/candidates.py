"""The candidates for a word of the command line: commands, options, values, or file names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer

# The metavars of parameters that take a file name: the shell itself completes those.
FILE_NAMES = frozenset({"FILE", "JOB_FILE", "DIR"})


@dataclass(frozen=True, slots=True)
class Candidates:
    """The possible words, each with its meaning, which may be empty; or `files`: any file name."""

    words: tuple[tuple[str, str], ...] = ()
    files: bool = False


@dataclass(slots=True)
class _Place:
    """A position in the command line, as far as the words before it determine what it is for."""

    context: typer.Context
    awaiting: Any = None  # the option whose value comes next
    arguments: int = 0
    given: set[str] = field(default_factory=set)
    options_are_over: bool = False

    @property
    def options(self) -> list[Any]:
        params: list[Any] = self.context.command.get_params(self.context)
        return [param for param in params if param.param_type_name == "option" and not param.hidden]

    def option(self, name: str) -> Any:
        return next((option for option in self.options if name in (*option.opts, *option.secondary_opts)), None)


def candidates(root: Any, words: Sequence[str], incomplete: str) -> Candidates:
    """Return the candidates for a word that begins with `incomplete`, after these words of a command line."""
    place = _Place(_context(root, None, ""))
    for word in words:
        if not _advance(place, word):
            return Candidates()
    if place.awaiting is not None:
        return _values(place, place.awaiting, incomplete)
    if incomplete.startswith("-") and not place.options_are_over:
        return _options(place, incomplete)
    if (commands := getattr(place.context.command, "commands", None)) is not None:
        rows = ((name, below.get_short_help_str(200)) for name, below in commands.items() if not below.hidden)
        return Candidates(tuple(row for row in rows if row[0].startswith(incomplete)))
    argument = _argument(place)
    return Candidates() if argument is None else _values(place, argument, incomplete)


def _context(command: Any, parent: typer.Context | None, name: str) -> typer.Context:
    settings = command.context_settings
    return typer.Context(command, parent=parent, info_name=name, resilient_parsing=True, **settings)


def _advance(place: _Place, word: str) -> bool:
    """Process the next word. Return whether it is understood."""
    if place.awaiting is not None:
        _keep(place, place.awaiting, word)
        place.awaiting = None
    elif word == "--" and not place.options_are_over:
        place.options_are_over = True
    elif word.startswith("-") and len(word) > 1 and not place.options_are_over:
        _take_option(place, word)
    elif (commands := getattr(place.context.command, "commands", None)) is not None:
        if word not in commands:
            return False
        place.context = _context(commands[word], place.context, word)
        place.given.clear()
    else:
        if (argument := _argument(place)) is not None:
            _keep(place, argument, word)
        place.arguments += 1
    return True


def _take_option(place: _Place, word: str) -> None:
    name, equals, value = word.partition("=")
    option = place.option(name)
    if option is None:  # the command will report it; a program that gets the arguments, such as psql, may know it
        return
    place.given.add(option.name)
    if equals:
        _keep(place, option, value)
    elif not option.is_flag:
        place.awaiting = option


def _keep(place: _Place, parameter: Any, value: str) -> None:
    """Keep a value for the functions that complete other values."""
    params = place.context.params
    if parameter.nargs == -1 or parameter.multiple:
        params.setdefault(parameter.name, []).append(value)
    else:
        params[parameter.name] = value


def _argument(place: _Place) -> Any:
    arguments = [param for param in place.context.command.params if param.param_type_name == "argument"]
    for number, argument in enumerate(arguments):
        if number == place.arguments or argument.nargs == -1:
            return argument
    return None


def _options(place: _Place, incomplete: str) -> Candidates:
    name, equals, value = incomplete.partition("=")
    if equals:
        option = place.option(name)
        found = Candidates() if option is None or option.is_flag else _values(place, option, value)
        return Candidates(tuple((f"{name}={word}", meaning) for word, meaning in found.words), found.files)
    return Candidates(tuple(row for row in _option_names(place) if row[0].startswith(incomplete)))


def _option_names(place: _Place) -> Iterator[tuple[str, str]]:
    for option in place.options:
        if option.multiple or option.name not in place.given:
            for name in (*option.opts, *option.secondary_opts):
                yield name, option.help or ""


def _values(place: _Place, parameter: Any, incomplete: str) -> Candidates:
    if parameter.metavar in FILE_NAMES:
        return Candidates(files=True)
    items = parameter.shell_complete(place.context, incomplete)
    return Candidates(tuple((item.value, item.help or "") for item in items))
