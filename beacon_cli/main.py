"""The `beacon` program: its commands, its global options, and the one place where results and errors end."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from beacon_cli import __version__
from beacon_cli.commands import (
    cancel,
    check_db,
    compare,
    db,
    deploy,
    export,
    jobs,
    queue,
    report,
    rollback,
    run,
    schema,
    serve,
    show,
    submit,
    verify,
    worker,
)
from beacon_cli.context import AppContext
from beacon_cli.errors import BeaconError, EnvironmentFault, UsageError
from beacon_cli.faults import explained
from beacon_cli.signals import Interrupted

_STDOUT_CLOSED = 141
_NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG})

app = typer.Typer(
    name="beacon",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", short_help="Carry out a job, or go on with one.")(run.run)
app.command("check-db", short_help="Audit what a job left in the database.")(check_db.check_db)
app.command("compare", short_help="Do answers differ by region?")(compare.compare)
app.command("jobs", short_help="List the jobs, and how far each is.")(jobs.jobs)
app.command("show", short_help="Show a job's answers, region beside region.")(show.show)
app.command("export", short_help="Write a job's executions as JSON lines, CSV or Parquet.")(export.export)
app.command("report", short_help="Write a job's answers and verdicts as one HTML file.")(report.report)
app.command("serve", short_help="Keep regional servers running on this machine.")(serve.serve)
app.command("submit", short_help="Put a job into the fleet's queue.")(submit.submit)
app.command("worker", short_help="Run jobs from the fleet's queue.")(worker.worker)
app.command("cancel", short_help="Stop a job of the fleet, wherever it runs.")(cancel.cancel)
app.command("queue", short_help="Show the fleet: jobs, calls in flight, workers.")(queue.queue)
app.add_typer(deploy.app, name="deploy")
app.add_typer(verify.app, name="verify")
app.add_typer(rollback.app, name="rollback")
app.add_typer(db.app, name="db")
app.add_typer(schema.app, name="schema")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"beacon {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="Use this beacon.toml instead of the nearest one.")
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show on stderr what is used and done; also after the command."),
    ] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Ask the same questions of the same models in several regions, record every answer, and prove it."""
    ctx.obj.config_path = config
    ctx.obj.verbose = verbose
    if verbose:
        from beacon_cli.output.diagnostics import be_verbose

        be_verbose()


def _with_verbose_first(arguments: list[str]) -> list[str]:
    """Let `--verbose` stand after the command, too; behind `--`, and among psql's own options, it is another's."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if _command_name(arguments) == "db psql" or not {"--verbose", "-v"} & set(own):
        return arguments
    return ["--verbose", *(word for word in own if word not in ("--verbose", "-v")), *arguments[len(own) :]]


def program(arguments: list[str]) -> int:
    """Run a command and return the exit code; its result, or its error, is printed."""
    stdout_was_closed = _open_missing_streams()
    try:
        code = _guarded(arguments or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        return _leave_stdout(_STDOUT_CLOSED)
    except OSError as error:
        from beacon_cli.output.result import print_error

        print_error(EnvironmentFault(f"stdout cannot be written: {error.strerror}"))
        return _leave_stdout(EnvironmentFault.exit_code)
    return _STDOUT_CLOSED if stdout_was_closed else code


def _guarded(arguments: list[str]) -> int:
    """Carry out a command; every error becomes one line, or with `--json` one document."""
    from beacon_cli.output.diagnostics import diagnostics

    with diagnostics():
        code = _outcome_of(arguments, AppContext())
        logging.getLogger(__name__).info("exit code %d", code)
    return code


def _outcome_of(arguments: list[str], context: AppContext) -> int:
    try:
        result = _result_of(arguments, context)
    except BeaconError as error:
        return _tell(error, arguments, context, error.exit_code)
    except typer.TyperException as error:
        hint = "beacon --help, or --help after a command, shows what it takes"
        return _tell(UsageError(error.format_message(), hint=hint), arguments, context, error.exit_code)
    except Interrupted as interrupted:
        stopped = BeaconError("interrupted", hint=interrupted.hint)
        stopped.code = "interrupted"
        return _tell(stopped, arguments, context, interrupted.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and (isinstance(error, BrokenPipeError) or error.errno in _NOT_WRITABLE):
            raise  # of stdout: others' are explained where they arise
        return _tell(explained(error), arguments, context, EnvironmentFault.exit_code)
    return result


def _result_of(arguments: list[str], context: AppContext) -> int:
    from beacon_cli.output.result import CommandResult, print_result

    try:
        result = app(_with_verbose_first(arguments), prog_name="beacon", standalone_mode=False, obj=context)
    except SystemExit:  # Typer's answer to a closed stdout
        raise BrokenPipeError from None
    if isinstance(result, CommandResult):
        print_result(result)
        return result.exit_code
    return result if isinstance(result, int) else 0


def _tell(error: BeaconError, arguments: list[str], context: AppContext, code: int) -> int:
    from beacon_cli.output.diagnostics import log_causes
    from beacon_cli.output.result import envelope, print_error, print_json, say
    from beacon_cli.output.secrets import redacted_traceback

    if context.verbose and error.code == "internal":
        say(redacted_traceback())
    elif context.verbose:
        log_causes(error)
    if "--json" in arguments:
        print_json(envelope(_command_name(arguments), ok=False, data=error.data, errors=(error,)))
    else:
        print_error(error)
    return code


def _command_name(arguments: list[str]) -> str:
    """Return the command that the arguments name, such as `run` or `db migrate`."""
    command: Any = typer.main.get_command(app)
    names: list[str] = []
    for argument in arguments:
        if argument in getattr(command, "commands", {}):
            command = command.commands[argument]
            names.append(argument)
    return " ".join(names)


def _open_missing_streams() -> bool:
    """Give the program streams that the shell closed (`>&-`, `2>&-`). Return whether stdout was one of them."""
    stdout_was_closed = sys.stdout is None
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.BytesIO()))
    return stdout_was_closed


def _leave_stdout(code: int) -> int:
    """Point stdout at nothing, so that the interpreter's own last flush cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
