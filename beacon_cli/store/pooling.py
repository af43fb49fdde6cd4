"""Detects how a pooler in front of PostgreSQL assigns its connections: docs/decisions/0013-poolers-are-found-out.md."""

from __future__ import annotations

import secrets
import select
import time
from contextlib import closing

import psycopg
from psycopg import pq

from beacon_cli.errors import StoreError
from beacon_cli.store.address import Address

_ROUNDS = 3
# Long enough for a waiting client to take a free connection.
_PAUSE_SECONDS = 0.002
# A pool without a second connection lets its client wait.
_WAIT_SECONDS = 3.0
_MARK = "SELECT pg_backend_pid() /* beacon {} */"
# The process that answers, and whether another client has used the marked process.
_LOOK = """
SELECT pg_backend_pid(), EXISTS (
    SELECT FROM pg_stat_activity WHERE pid = {pid} AND state <> 'disabled' AND query <> '{mark}'
)
"""

# Pools that are known to work per session: a process connects many times, and need not check again.
_known: set[tuple[tuple[str, str], ...]] = set()


def require_session_pooling(address: Address, mine: pq.abc.PGconn) -> None:
    """Raise `StoreError` unless `mine`, a connection through a pooler, keeps its server process between transactions.

    Raises psycopg's errors. It blocks for milliseconds, or for seconds if the pool is exhausted.
    """
    pool = tuple(sorted(address.parameters.items()))
    if pool in _known:
        return
    with closing(psycopg.connect(**address.parameters, autocommit=True)) as other:  # type: ignore[arg-type]
        if _is_shared(mine, other.pgconn):
            raise StoreError(
                "the pooler in front of this database assigns connections per transaction or per statement,"
                " but the lock on a job needs a connection that stays",
                hint="connect to PostgreSQL itself, or to a pool of PgBouncer with pool_mode = session",
            )
    _known.add(pool)


def _is_shared(mine: pq.abc.PGconn, other: pq.abc.PGconn) -> bool:
    """Return whether others use our server process while we are connected, but outside a transaction."""
    own = ""
    for _ in range(_ROUNDS):
        mark = _MARK.format(secrets.token_hex(8))
        pid = _own_pid(mine, mark)
        if own not in {"", pid}:
            return True
        own, look = pid, _LOOK.format(pid=pid, mark=mark)
        # The other client keeps its process for a while, so that a third client has to take ours, if it is free.
        for statement in (f"BEGIN; {look}", f"ROLLBACK; {look}"):
            seen = _answer(other, statement)
            if seen is None:  # a client that keeps its connection still gets an answer
                return _own_pid(mine, mark) != pid
            if not seen or seen[0] == pid or seen[1] == "t":
                return True
            time.sleep(_PAUSE_SECONDS)
    return False


def _own_pid(mine: pq.abc.PGconn, mark: str) -> str:
    answer = _answer(mine, mark)
    if not answer:
        raise psycopg.OperationalError("the pooler has no free connection to the server")
    return answer[0]


def _answer(pgconn: pq.abc.PGconn, statement: str) -> list[str] | None:
    """Return the row of a statement, an empty one if it is refused; None if there is no answer in time."""
    give_up_at = time.monotonic() + _WAIT_SECONDS
    pgconn.send_query(statement.encode())
    while pgconn.flush() or pgconn.is_busy():
        if not select.select([pgconn.socket], [], [], max(0.0, give_up_at - time.monotonic()))[0]:
            return None
        pgconn.consume_input()
    row: list[str] = []
    while (result := pgconn.get_result()) is not None:
        if result.status == pq.ExecStatus.TUPLES_OK:
            row = [(result.get_value(0, column) or b"").decode() for column in range(result.nfields)]
    return row
