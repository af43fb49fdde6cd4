"""The end of a command's help: global options, examples that can be typed, and documents to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from beacon_cli.command_line.documents import page_named
from beacon_cli.command_line.examples import PAGES, Example, HelpPage
from beacon_cli.command_line.mistakes import unknown_command
from beacon_cli.console.program_name import command, program

_EXIT_CODES = (
    ("0", "fine"),
    ("1", "the command ran, and found problems"),
    ("2", "wrong usage, or a file that is not usable"),
    ("3", "a problem with the environment: database, network, disk"),
    ("4", "credentials"),
)
_SHORT_EXIT_CODES = "0 fine, 1 problems found, 2 wrong usage, 3 environment, 4 credentials"
_OTHERS_CODES = frozenset({"db psql"})
"""Commands that end with the exit code of another program."""


def write_help(context: Any, formatter: Any) -> None:
    """Write the end of the help of this context's command."""
    path = command_path(context)
    page = PAGES.get(path, HelpPage())
    if context.parent is not None:
        _write_global_options(context, formatter)
    if page.examples:
        with formatter.section("Examples"):
            for example in page.examples:
                _write_example(example, formatter)
    if path and path not in _OTHERS_CODES and not hasattr(context.command, "commands"):
        with formatter.section("Exit codes"):
            formatter.write_text(_SHORT_EXIT_CODES)
    if not path:
        with formatter.section("Exit codes"):
            formatter.write_dl(_EXIT_CODES)
    _write_documents(page, formatter)


def help_of(root: Any, words: Sequence[str]) -> str:
    """Return the help of the command that these words name. Raises `UsageError` for an unknown command."""
    context = root
    for word in words:
        below = getattr(context.command, "commands", {}).get(word)
        if below is None:
            raise unknown_command(context, word)
        context = below.make_context(word, [], parent=context, resilient_parsing=True)
    return str(context.command.get_help(context))


def command_path(context: Any) -> str:
    """Return the command of a context without the program, such as `db migrate`; empty for the program itself."""
    names: list[str] = []
    while context.parent is not None:
        names.insert(0, context.info_name)
        context = context.parent
    return " ".join(names)


def _write_global_options(context: Any, formatter: Any) -> None:
    root = context.find_root()
    shown = [param.get_help_record(root) for param in root.command.params if param.name in {"config", "verbose"}]
    with formatter.section("Global options, before the command"):
        formatter.write_dl([record for record in shown if record is not None])


def _write_example(example: Example, formatter: Any) -> None:
    indent = " " * formatter.current_indent
    formatter.write(f"{indent}# {example.meaning}\n{indent}$ {example.typed(program())}\n")


def _write_documents(page: HelpPage, formatter: Any) -> None:
    with formatter.section("Documentation"):
        indent = " " * formatter.current_indent
        for document in page.documents:
            formatter.write(f"{indent}$ {command('docs', document)}\n{indent}{page_named(document)}\n")
