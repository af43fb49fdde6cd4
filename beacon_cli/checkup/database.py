"""The database: reachable, of which version, up to date, with the rights that a run needs, its clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

from beacon_cli.checkup.condition import Condition, as_warning, failure
from beacon_cli.clocks import clock_problem
from beacon_cli.errors import BeaconError, SchemaError, StoreError
from beacon_cli.settings import Settings
from beacon_cli.store.address import in_schema, program_parameters
from beacon_cli.store.connect import Connection, connect, server_name
from beacon_cli.store.database import NamedDatabase, ignore_libpq_variables, named_database
from beacon_cli.store.embedded import nearest_existing
from beacon_cli.store.migrate import require_current
from beacon_cli.store.running import running_url, server_folder
from beacon_cli.store.schema import WRITING, Facts, facts_of, require_rights, require_supported

CLOCK_HINT = "set the clock of the machine that is wrong, by NTP for example"
"""What to do about two clocks that differ."""

_STATEMENT_TIMEOUT = "5s"


def look_at_database(settings: Settings, flag: str | None) -> list[Condition]:
    """Return how the named database is, or the embedded one if it runs: it is not started for this."""
    named = named_database(settings, flag)
    if named is not None:
        url, where = named.url, f"{_shown(named)} (from {named.source})"
    elif not nearest_existing(settings.data_path()).is_dir():
        return [Condition("database", "skipped", "embedded: not looked at without a data folder")]
    elif (running := running_url(settings.data_path())) is not None:
        ignore_libpq_variables()
        url, where = running, f"embedded, in {settings.data_path()}"
    else:
        return [_embedded_at_rest(settings)]
    try:
        with named.blamed() if named is not None else nullcontext(), _connected(url, settings) as connection:
            return list(_conditions(connection, where, embedded=named is None))
    except StoreError as error:
        return [failure("database", error)]


def _shown(named: NamedDatabase) -> str:
    with named.blamed():
        return server_name(program_parameters(named.url))


def _connected(url: str, settings: Settings) -> Connection:
    return connect(in_schema(url, settings.database_schema), statement_timeout=_STATEMENT_TIMEOUT)


def _embedded_at_rest(settings: Settings) -> Condition:
    folder = server_folder(settings.data_path())
    if not folder.exists():
        return Condition("database", "ok", f"embedded, in {folder}: the first command creates it that needs it")
    return Condition("database", "ok", f"embedded, in {folder}: it is not running; whatever needs it starts it")


def _conditions(connection: Connection, where: str, *, embedded: bool) -> Iterator[Condition]:
    facts = facts_of(connection, WRITING)
    version = f"PostgreSQL {facts.version // 10000}.{facts.version % 10000}"
    pooled = connection.server_pid != connection.info.backend_pid
    pooler = ", through a pooler that keeps a connection for each client" if pooled else ""
    try:
        require_supported(facts)
        yield Condition("database", "ok", f"{version}, {where}{pooler}")
    except StoreError as error:
        yield failure("database", error)
    yield from _tables(connection, facts, embedded=embedded)
    if (problem := clock_problem(facts.ahead, "the database's")) is not None:
        yield Condition("database.clock", "warning", f"{problem}, so the times in the rows will be wrong", CLOCK_HINT)
    else:
        yield Condition("database.clock", "ok", "it agrees with this machine's")


def _tables(connection: Connection, facts: Facts, *, embedded: bool) -> Iterator[Condition]:
    """Yield whether the role may do what a run does, and whether the tables are those of this program."""
    if (lacking := _problem_of_rights(facts)) is not None:
        yield lacking
        yield Condition("database.schema", "skipped", "not looked at without these privileges")
        return
    try:
        require_current(connection, facts)
    except BeaconError as error:
        problem = failure("database.schema", error)
        yield as_warning(problem) if embedded and isinstance(error, SchemaError) else problem
        return
    yield Condition("database.rights", "ok", f"the role {facts.role} may do what a run needs")
    yield Condition("database.schema", "ok", "up to date")


def _problem_of_rights(facts: Facts) -> Condition | None:
    try:
        require_rights(facts)
    except StoreError as error:
        return failure("database.rights", error)
    return None
