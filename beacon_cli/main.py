"""The `beacon` program: its commands, its global options, and the one place where errors end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from beacon_cli import __version__
from beacon_cli.commands import check_db, db, run, schema, serve
from beacon_cli.context import AppContext
from beacon_cli.errors import BeaconError, UsageError
from beacon_cli.signals import Interrupted, raise_on_signals

app = typer.Typer(
    name="beacon",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("check-db")(check_db.check_db)
app.command("serve")(serve.serve)
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
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Ask the same questions of the same models in several regions, record every answer, and prove it."""
    ctx.obj = AppContext(config_path=config, verbose=verbose)


def main() -> NoReturn:
    """Run the program and exit with its documented code."""
    raise_on_signals()
    try:
        code = _guarded(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        code = _close_stdout(141)
    except OSError as error:  # flushing stdout: /dev/full, a full disk behind a redirection
        code = _close_stdout(3)
        sys.stderr.write(f"error: stdout cannot be written: {error.strerror}\n")
    sys.exit(code)


def _guarded(arguments: list[str]) -> int:
    """Run a command and return its exit code; every error becomes one line, or with `--json` one document."""
    try:
        result = app(arguments, prog_name="beacon", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except BeaconError as error:
        return _tell(error, arguments, error.exit_code)
    except typer.TyperException as error:
        hint = "beacon --help, or --help after a command, shows what it takes"
        return _tell(UsageError(error.format_message(), hint=hint), arguments, error.exit_code)
    except Interrupted as interrupted:
        return _tell(BeaconError("interrupted"), arguments, interrupted.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _tell(BeaconError("interrupted"), arguments, 130)
    except BrokenPipeError:
        raise
    except Exception as error:
        return _tell(_unexpected(error), arguments, 3)


def _tell(error: BeaconError, arguments: list[str], code: int) -> int:
    from beacon_cli.output.result import envelope, print_error, print_json
    from beacon_cli.output.secrets import redacted_traceback

    if "--verbose" in arguments:
        sys.stderr.write(redacted_traceback())
    if "--json" in arguments:
        print_json(envelope(_command_name(arguments), ok=False, data={}, errors=(error,)))
    else:
        print_error(error)
    return code


def _unexpected(error: Exception) -> BeaconError:
    unexpected = BeaconError(
        f"unexpected {type(error).__name__}: {error}",
        hint="this is a fault of beacon: run it again with --verbose before the command, and report what it prints",
    )
    unexpected.code = "internal"
    return unexpected


def _command_name(arguments: list[str]) -> str:
    """Return the command in the arguments: its words up to the first option or argument that is no command."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    names = {"run", "check-db", "serve", "db", "schema", "verify", "deploy", "rollback"}
    if not words or words[0] not in names:
        return ""
    return " ".join(words[:2]) if words[0] in {"db", "schema", "verify", "deploy", "rollback"} else words[0]


def _close_stdout(code: int) -> int:
    """Point stdout at nothing, so that the interpreter's own last flush cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


if __name__ == "__main__":
    main()
