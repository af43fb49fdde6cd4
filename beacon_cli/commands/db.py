"""`beacon db`: the database that holds the answers."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from beacon_cli.command_line.groups import BeaconCommand, command_group
from beacon_cli.commands.common import DatabaseUrl, Json, OutputFile, Quiet
from beacon_cli.console.program_name import command
from beacon_cli.console.result import CommandResult
from beacon_cli.errors import UsageError

app = command_group("Migrate, find, query or back up the database.")


@app.command("migrate", cls=BeaconCommand)
def migrate(
    ctx: typer.Context,
    fleet: Annotated[
        bool,
        typer.Option("--fleet", help="Also create or update the fleet's queue (schema beacon_queue)."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be applied to the tables, without changing anything.")
    ] = False,
    database_url: DatabaseUrl = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Create Beacon's tables, or bring them up to date."""
    from beacon_cli.store.database import named_url, unmigrated_database
    from beacon_cli.store.migrate import migrate, migrations_to_apply

    settings = ctx.obj.settings
    with unmigrated_database(settings, database_url) as url:
        if dry_run:
            applied = migrations_to_apply(url)
        elif fleet:
            from beacon_cli.fleet.tcp import migrate_fleet

            applied = migrate_fleet(named_url(settings, database_url))
        else:
            applied = migrate(url)
    applied_or_not = "would be applied" if dry_run else "applied"
    line = f"{applied_or_not}: {', '.join(applied)}" if applied else "up to date: nothing to apply"
    if fleet and not dry_run:
        line += "\nthe fleet's queue is ready"
    data = {"applied": [] if dry_run else applied, "to_apply": applied if dry_run else []}
    return CommandResult("db migrate", data, as_json=as_json, show=lambda out: out.print(line), quiet=quiet)


@app.command("url", cls=BeaconCommand)
def url(ctx: typer.Context, as_json: Json = False) -> CommandResult:
    """Print the embedded server's address, and keep it running.

    It runs until `db stop`.
    """
    from beacon_cli.console.result import write_stderr
    from beacon_cli.store.address import in_schema
    from beacon_cli.store.database import ignore_libpq_variables
    from beacon_cli.store.embedded import keep_server
    from beacon_cli.store.migrate import migrate, needs_migration

    ignore_libpq_variables()
    settings = ctx.obj.settings
    address = keep_server(settings.data_path())
    tables = in_schema(address, settings.database_schema)
    if needs_migration(tables):
        migrate(tables)
    write_stderr(f"the embedded server runs until: {command('db stop')}\n")
    return CommandResult(
        "db url", {"url": address}, as_json=as_json, show=lambda out: out.print(address, soft_wrap=True)
    )


@app.command("stop", cls=BeaconCommand)
def stop(ctx: typer.Context, as_json: Json = False) -> CommandResult:
    """Stop the embedded server, even if another process uses it. Exit code 0 also if it did not run."""
    from beacon_cli.store.embedded import stop_server

    stopped = stop_server(ctx.obj.settings.data_path())
    line = "the embedded server is stopped" if stopped else "the embedded server was not running"
    return CommandResult("db stop", {"stopped": stopped}, as_json=as_json, show=lambda out: out.print(line))


@app.command("dump", cls=BeaconCommand)
def dump(
    ctx: typer.Context,
    output: OutputFile = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Write the whole database as SQL, for a backup or to move it."""
    from beacon_cli.console.status_line import status_line
    from beacon_cli.store.database import open_database
    from beacon_cli.store.programs import dump_database, show_dump

    if as_json and not (output and (output.is_file() or not output.exists())):
        raise UsageError("--json prints a document on stdout, so the dump needs a file", hint="name one with -o FILE")
    with (
        open_database(ctx.obj.settings, database_url) as url,
        status_line("writing the database") if output else contextlib.nullcontext(),
    ):
        dump_database(url, output, ctx.obj.settings.data_path())
    data = {"path": output and str(output), "bytes": output.stat().st_size if output else None}
    return CommandResult("db dump", data, as_json=as_json, show=show_dump(output))


@app.command("psql", cls=BeaconCommand, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def psql(ctx: typer.Context, database_url: DatabaseUrl = None) -> int:
    """Open PostgreSQL's terminal on the database. Other arguments are passed to psql."""
    from beacon_cli.store.database import open_database
    from beacon_cli.store.programs import run_psql

    with open_database(ctx.obj.settings, database_url) as url:
        return run_psql(url, ctx.args, ctx.obj.settings.data_path())
