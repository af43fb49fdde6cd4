"""Procrastinate's connections, made like Beacon's own, and its errors as Beacon's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException

from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.fleet.queue_schema import MIGRATE_HINT, QUEUE_SCHEMA
from beacon_cli.store.address import Address, address_of
from beacon_cli.store.connect import PASSING, AsyncConnection, set_up, store_error

if TYPE_CHECKING:
    from typing import LiteralString

    from procrastinate.connector import Notify

QUEUE_FIRST = "SELECT set_config('search_path', %s || ', ' || current_setting('search_path'), %s)"
"""Puts the queue's schema before Beacon's; the second parameter limits it to the transaction."""

_RETRY_SECONDS = 0.3
# A pool reconnects for a long time, with longer and longer pauses; a worker uses repeated short attempts instead.
_SHORT_ATTEMPTS: dict[str, Any] = {"timeout": 2.0, "reconnect_timeout": 1.0}

_T = TypeVar("_T")


class PatientConnector(PsycopgConnector):
    """A connector that waits for a lost database: taking jobs must survive a restart of the server.

    So a statement may be sent twice. Entries that were taken in a lost reply are found by other workers
    (`orphans.sql`); an entry that was already changed cannot and need not be changed again.
    """

    def __init__(self, url: str, name: str) -> None:
        super().__init__(**pool_options(url, name), **_SHORT_ATTEMPTS)
        self._let_go = False
        self._not_ours: set[int] = set()

    def let_go(self) -> None:
        """Send nothing more: from now on no entry is changed, and statements that return rows raise."""
        self._let_go = True

    def disown(self, entry: int) -> None:
        """Do not write changes of this entry."""
        self._not_ours.add(entry)

    def own(self, entry: int) -> None:
        """Write changes of this entry again."""
        self._not_ours.discard(entry)

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        """Execute a statement, unless it changes an entry that is no longer ours."""
        if arguments.get("job_id") in self._not_ours:
            return
        try:
            await self._patiently(partial(super().execute_query_async, query, **arguments))
        except ConnectorException as failed:
            if not self._let_go and not is_refused(failed):
                raise

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        """Execute a statement, and return its row."""
        return await self._patiently(partial(super().execute_query_one_async, query, **arguments))

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        """Execute a statement, and return its rows."""
        return await self._patiently(partial(super().execute_query_all_async, query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Listen until cancelled, even if the connection cannot be restored immediately."""
        while True:
            with contextlib.suppress(ConnectorException, StoreError):
                await super().listen_notify(on_notification, channels)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _patiently(self, execute: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        while not self._let_go:
            try:
                return await execute()
            except ConnectorException as failed:
                if not isinstance(failed.__cause__, PASSING):
                    raise
            await asyncio.sleep(_RETRY_SECONDS)
        raise ConnectorException("this worker releases its entries")


def pool_options(url: str, name: str) -> dict[str, Any]:
    """Return the options for psycopg's pool to connect as Beacon does, with the queue's schema first."""
    address = address_of(url, statement_timeout="30s", name=name)
    return {
        "kwargs": address.parameters,
        "connection_class": AsyncConnection,
        "configure": partial(_set_up, address),
        "min_size": 1,
        "max_size": 4,
    }


async def _set_up(address: Address, connection: AsyncConnection) -> None:
    await connection.set_autocommit(True)
    await set_up(connection, address)
    await connection.execute(QUEUE_FIRST, [QUEUE_SCHEMA, False])


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn the errors of Procrastinate and psycopg into `StoreError`."""
    try:
        yield
    except ConnectorException as failed:
        raise as_store_error(failed) from failed
    except psycopg.Error as failed:
        raise store_error(failed) from None


def as_store_error(failed: ConnectorException) -> StoreError:
    """Return an error of Procrastinate as a `StoreError`."""
    cause = failed.__cause__
    if isinstance(
        cause, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn | psycopg.errors.UndefinedFunction
    ):
        return SchemaError("the queue's tables are missing or out of date", hint=MIGRATE_HINT)
    return store_error(cause) if isinstance(cause, psycopg.Error) else StoreError("the queue's database failed")


def is_refused(failed: ConnectorException) -> bool:
    """Return whether Procrastinate refused a change because the entry is in another state by now."""
    return isinstance(failed.__cause__, psycopg.errors.RaiseException)


# Beacon itself reports what is broken: these loggers would write to stderr, which is for the operator.
for _name in ("procrastinate", "psycopg"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)
