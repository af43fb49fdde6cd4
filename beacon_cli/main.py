"""The `beacon` program: its commands, its global options, and the one place where results and errors are printed."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from beacon_cli import __version__
from beacon_cli.command_line.groups import RootGroup, new_app
from beacon_cli.command_line.late_commands import LateCommands
from beacon_cli.command_line.values import shells
from beacon_cli.console.program_name import program as program_name
from beacon_cli.context import AppContext
from beacon_cli.errors import BeaconError, EnvironmentFault
from beacon_cli.faults import explained, stopped
from beacon_cli.signals import Interrupted

_STDOUT_CLOSED = 141
_FLAGS = frozenset({"--verbose", "-v", "--no-color"})
_COMPLETION = "_BEACON_COMPLETE"  # set by the shell to request completions of a word
_NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG})

# By panel of the help: the name of each command, and where it is defined, below `beacon_cli.commands`.
_PANELS = {
    "Run a job": {
        "init": "init:init",
        "doctor": "doctor:doctor",
        "plan": "plan:plan",
        "run": "run:run",
        "serve": "serve:serve",
    },
    "Look at jobs": {
        "jobs": "jobs:jobs",
        "show": "show:show",
        "check-db": "check_db:check_db",
        "compare": "compare:compare",
        "report": "report:report",
        "export": "export:export",
        "bundle": "bundle:bundle",
        "label": "label:label",
        "costs": "costs:costs",
        "dashboard": "dashboard:dashboard",
    },
    "Deploy": {
        "models": "models:models",
        "regions": "regions:regions",
        "deploy": "deploy:app",
        "verify": "verify:app",
        "rollback": "rollback:app",
        "warm": "warm:warm",
    },
    "Fleet": {"submit": "submit:submit", "worker": "worker:worker", "queue": "queue:queue", "cancel": "cancel:cancel"},
    "Database": {"db": "db:app", "delete": "delete:delete", "prune": "prune:prune"},
    "Help": {"help": "help_:help_", "docs": "docs:docs", "schema": "schema:app", "version": "version:version"},
}


class _Program(RootGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._late = LateCommands(package="beacon_cli.commands", panels=_PANELS)
        self.commands = self._late  # type: ignore[assignment]

    def outline(self, _ctx: Any, name: str) -> Any:
        return self._late.outline(name)


app = new_app(name="beacon", cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})


def _without_color(wanted: bool) -> None:
    if wanted:
        os.environ["NO_COLOR"] = "1"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"beacon {__version__}")
        raise typer.Exit


def _show_completion(shell: str | None) -> None:
    if shell is not None:
        from beacon_cli.command_line.completion import current_shell, script

        typer.echo(script(shell or current_shell()), nl=False)
        raise typer.Exit


def _install_completion(shell: str | None) -> None:
    if shell is not None:
        from beacon_cli.command_line.completion import current_shell, install

        chosen = shell or current_shell()
        typer.echo(f"completion for {chosen} is installed in {install(chosen)}; it works in a new {chosen}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Use this beacon.toml instead of the nearest one.")
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Log details on stderr. Also accepted after the command."),
    ] = False,
    _no_color: Annotated[
        bool,
        typer.Option(
            "--no-color",
            callback=_without_color,
            is_eager=True,
            help="Print no colours, as with NO_COLOR=1. Also accepted after the command.",
        ),
    ] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
    _show: Annotated[
        str | None,
        typer.Option(
            "--show-completion",
            metavar="[SHELL]",
            callback=_show_completion,
            is_eager=True,
            autocompletion=shells,
            help="Print the completion script for bash, zsh or fish. Default: this shell.",
        ),
    ] = None,
    _install: Annotated[
        str | None,
        typer.Option(
            "--install-completion",
            metavar="[SHELL]",
            callback=_install_completion,
            is_eager=True,
            autocompletion=shells,
            help="Install completion for bash, zsh or fish. Default: this shell.",
        ),
    ] = None,
) -> None:
    """Ask models in several regions the same questions, record every answer, and check that none is missing."""
    ctx.obj.config_path = config
    ctx.obj.verbose = verbose
    if verbose:
        from beacon_cli.console.diagnostics import be_verbose

        be_verbose()


def _with_flags_first(arguments: list[str]) -> list[str]:
    """Also accept `--verbose` and `--no-color` after the command, but not after `--` or among psql's own options."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    flags = [word for word in own if word in _FLAGS]
    if not flags or _command_name(arguments) == "db psql":
        return arguments
    return [*flags, *(word for word in own if word not in _FLAGS), *arguments[len(own) :]]


def program(arguments: list[str]) -> int:
    """Run a command and return the exit code; its result, or its error, is printed."""
    stdout_was_closed = _open_missing_streams()
    try:
        code = _guarded(arguments or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        return _leave_stdout(_STDOUT_CLOSED)
    except OSError as error:
        from beacon_cli.console.result import print_error

        print_error(EnvironmentFault(f"stdout cannot be written: {error.strerror}"))
        return _leave_stdout(EnvironmentFault.exit_code)
    return _STDOUT_CLOSED if stdout_was_closed else code


def _guarded(arguments: list[str]) -> int:
    """Run a command; every error becomes one line, or with `--json` one document."""
    from beacon_cli.console.diagnostics import diagnostics

    with diagnostics():
        code = _outcome_of(arguments, AppContext())
        logging.getLogger(__name__).info("exit code %d", code)
    return code


def _outcome_of(arguments: list[str], context: AppContext) -> int:
    try:
        result = _result_of(arguments, context)
    except BeaconError as error:
        return _report_error(error, arguments, context, error.exit_code)
    except typer.TyperException as error:
        from beacon_cli.command_line.mistakes import usage_error

        return _report_error(usage_error(error, _command_name(arguments)), arguments, context, error.exit_code)
    except Interrupted as interrupted:
        return _report_error(stopped(interrupted), arguments, context, interrupted.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and (isinstance(error, BrokenPipeError) or error.errno in _NOT_WRITABLE):
            raise  # of stdout: errors of other streams are explained where they occur
        return _report_error(explained(error), arguments, context, EnvironmentFault.exit_code)
    return result


def interrupted_early(interrupted: Interrupted, arguments: list[str]) -> int:
    """Return the exit code for a signal before the program began; it is reported like any later signal."""
    with contextlib.suppress(OSError):
        _open_missing_streams()
        return _report_error(stopped(interrupted), arguments, AppContext(), interrupted.exit_code)
    return interrupted.exit_code


def _result_of(arguments: list[str], context: AppContext) -> int:
    from beacon_cli.console.result import CommandResult, print_result

    try:
        if _COMPLETION in os.environ:
            from beacon_cli.command_line.completion import complete

            return complete(app)
        result = app(_with_flags_first(arguments), prog_name=program_name(), standalone_mode=False, obj=context)
    except SystemExit as end:
        if not isinstance(end.__context__, OSError):
            return end.code if isinstance(end.code, int) else 1
        raise BrokenPipeError from None  # Typer ends like this if stdout was closed
    if isinstance(result, CommandResult):
        print_result(result)
        return result.exit_code
    return result if isinstance(result, int) else 0


def _report_error(error: BeaconError, arguments: list[str], context: AppContext, code: int) -> int:
    from beacon_cli.console.diagnostics import log_causes
    from beacon_cli.console.redaction import redacted_traceback
    from beacon_cli.console.result import envelope, print_error, print_json, write_stderr

    if context.verbose and error.code == "internal":
        write_stderr(redacted_traceback())
    elif context.verbose:
        log_causes(error)
    if "--json" in arguments:
        print_json(envelope(_command_name(arguments), ok=False, data=error.data, errors=(error,)))
    else:
        print_error(error)
    return code


def _command_name(arguments: list[str]) -> str:
    """Return the command in the arguments, such as `run` or `db migrate`."""
    command: Any = typer.main.get_command(app)
    names: list[str] = []
    for argument in arguments:
        if argument in getattr(command, "commands", {}):
            command = command.commands[argument]
            names.append(argument)
    return " ".join(names)


def _open_missing_streams() -> bool:
    """Open streams that the shell closed (`>&-`, `2>&-`). Return whether stdout was one of them."""
    stdout_was_closed = sys.stdout is None
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.BytesIO()))
    return stdout_was_closed


def _leave_stdout(code: int) -> int:
    """Redirect stdout to the null device, so that the interpreter's last flush cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
