"""The classes of Beacon's commands and groups: help with examples and documents, suggestions for unknown names."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

PANELS = ("Run a job", "Look at jobs", "Deploy", "Fleet", "Database", "Help")
"""The panels of the list of commands, in the order in which they are shown."""
_COMPLETION = ("--show-completion", "--install-completion")


class BeaconCommand(TyperCommand):
    """A command. Its help ends with the global options, examples, and the documents to read."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the part below the options."""
        from beacon_cli.command_line.help_text import write_help

        write_help(ctx, formatter)


class BeaconGroup(TyperGroup):
    """A group of commands. Called alone it lists them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the group's own options; without arguments, show the help."""
        return super().parse_args(ctx, args or ([] if ctx.resilient_parsing else ["--help"]))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the named command. Raises `UsageError`, with suggestions."""
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from beacon_cli.command_line.mistakes import unknown_command

            raise unknown_command(ctx, args[0])
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.commands:
            command = self.outline(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                row = (name, command.get_short_help_str(limit=200))
                panels.setdefault(panel if isinstance(panel, str) else "Commands", []).append(row)
        longest = max((len(name) for rows in panels.values() for name, _ in rows), default=0)
        for panel in sorted(panels, key=_place):
            with formatter.section(panel):
                formatter.write_dl([(name.ljust(longest), text) for name, text in panels[panel]])
        super().format_options(ctx, formatter)

    def outline(self, ctx: Any, name: str) -> Any:
        """Return a command as the list of commands needs it: with its help and panel."""
        return self.get_command(ctx, name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write nothing: the commands are above the options."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the part below the options."""
        from beacon_cli.command_line.help_text import write_help

        write_help(ctx, formatter)


def new_app(**options: Any) -> typer.Typer:
    """Return an application without Typer's own completion, markup and tracebacks."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options)


def command_group(explanation: str) -> typer.Typer:
    """Return a group of commands, such as `db`, with its help."""
    return new_app(cls=BeaconGroup, help=explanation)


class RootGroup(BeaconGroup):
    """The program itself."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the global options; the shell's name after a completion option is optional."""
        return super().parse_args(ctx, args if ctx.resilient_parsing else _with_shell(args))


def _place(panel: str) -> int:
    return PANELS.index(panel) if panel in PANELS else 0


def _with_shell(args: list[str]) -> list[str]:
    """Return the arguments with `--show-completion zsh` as one word; the value is empty if no shell is named."""
    for place, word in enumerate(args):
        if not word.startswith("-"):
            break
        if word in _COMPLETION:
            named = args[place + 1 : place + 2]
            shell = named[0] if named and not named[0].startswith("-") else ""
            return [*args[:place], f"{word}={shell}", *args[place + (2 if shell else 1) :]]
    return args
