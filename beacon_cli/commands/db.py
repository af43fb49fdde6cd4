"""`beacon db`: the database that holds the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl, Json
from beacon_cli.output.result import CommandResult

app = typer.Typer(help="Bring the database up to date, find it, look into it, save it.")


@app.command("migrate")
def migrate(
    ctx: typer.Context,
    fleet: Annotated[
        bool, typer.Option("--fleet", help="Also create or update the tables of the fleet's queue (schema dbos).")
    ] = False,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Create Beacon's tables, or bring them up to date."""
    from beacon_cli.store.address import ignore_environment, in_schema
    from beacon_cli.store.database import named_url
    from beacon_cli.store.embedded import embedded_server
    from beacon_cli.store.migrate import migrate

    settings = ctx.obj.settings
    url = named_url(settings, database_url)
    if fleet:
        from beacon_cli.fleet.tcp import migrate_fleet

        applied = migrate_fleet(url)
    elif url is not None:
        applied = migrate(url)
    else:
        ignore_environment()
        with embedded_server(settings.data_path()) as embedded:
            applied = migrate(in_schema(embedded, settings.database_schema))
    line = f"applied: {', '.join(applied)}" if applied else "up to date: nothing to apply"
    if fleet:
        line += "\nthe fleet's queue is ready"
    return CommandResult("db migrate", {"applied": applied}, as_json=as_json, show=lambda out: out.print(line))


@app.command("url")
def url(ctx: typer.Context, as_json: Json = False) -> CommandResult:
    """Print the embedded server's address, and keep the server running until `beacon db stop`."""
    from beacon_cli.output.result import say
    from beacon_cli.store.address import ignore_environment, in_schema
    from beacon_cli.store.embedded import keep_server
    from beacon_cli.store.migrate import migrate, needs_migration

    settings = ctx.obj.settings
    ignore_environment()
    address = keep_server(settings.data_path())
    tables = in_schema(address, settings.database_schema)
    if needs_migration(tables):
        migrate(tables)
    say("the embedded server runs until: beacon db stop\n")
    return CommandResult(
        "db url", {"url": address}, as_json=as_json, show=lambda out: out.print(address, soft_wrap=True)
    )


@app.command("stop")
def stop(ctx: typer.Context, as_json: Json = False) -> CommandResult:
    """Stop the embedded server, whoever uses it."""
    from beacon_cli.store.embedded import stop_server

    stopped = stop_server(ctx.obj.settings.data_path())
    line = "the embedded server is stopped" if stopped else "the embedded server was not running"
    return CommandResult("db stop", {"stopped": stopped}, as_json=as_json, show=lambda out: out.print(line))


@app.command("dump")
def dump(
    ctx: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the whole database as SQL, as a backup or to move it."""
    from beacon_cli.store.database import open_database
    from beacon_cli.store.programs import dump_database

    with open_database(ctx.obj.settings, database_url) as url:
        dump_database(url, output)


@app.command("psql", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def psql(ctx: typer.Context, database_url: DatabaseUrl = None) -> int:
    """Open PostgreSQL's own terminal on the database; further arguments are psql's (for example -c 'SELECT …')."""
    from beacon_cli.store.database import open_database
    from beacon_cli.store.programs import run_psql

    with open_database(ctx.obj.settings, database_url) as url:
        return run_psql(url, ctx.args)
