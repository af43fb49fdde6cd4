"""Forgetting what is over: entries of the queue that ended, and workers that are gone. Jobs and answers stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from beacon_cli.fleet.dbos_queue import WORKFLOW, client
from beacon_cli.fleet.queries import query
from beacon_cli.store.connect import Connection, connect, translated

KEPT = timedelta(days=7)
_BETWEEN_SECONDS = 3600.0
_AT_ONCE = 1000
_OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


async def prune_regularly(url: str, tell: Callable[[str], None]) -> None:
    """Prune now and every hour, until cancelled; what fails is told, and tried again the next time."""
    while True:
        try:
            await asyncio.to_thread(prune, url, KEPT)
        except Exception as error:
            tell(f"what is over could not be forgotten: {getattr(error, 'message', type(error).__name__)}")
        await asyncio.sleep(_BETWEEN_SECONDS)


def prune(url: str, kept: timedelta) -> int:
    """Forget what has been over for longer than `kept`, and return how many entries of the queue that were."""
    forgotten = 0
    with connect(url) as connection, translated():
        before = _before(connection, kept)
    with client(url) as queue:
        while found := queue.list_workflows(
            name=WORKFLOW,  # not by the queue: what was cancelled has left it
            status=_OVER,
            completed_before=before,
            limit=_AT_ONCE,
            load_input=False,
            load_output=False,
        ):
            queue.delete_workflows([workflow.workflow_id for workflow in found])
            forgotten += len(found)
    with connect(url) as connection, translated():
        connection.execute(query("forget_workers"), {"seconds": kept.total_seconds()})
    return forgotten


def _before(connection: Connection, kept: timedelta) -> str:
    """Return the time before which what has ended is forgotten, by the database's clock: ours may be wrong."""
    row = connection.execute("SELECT now() - %s", [kept]).fetchone()
    assert row is not None
    moment = row[0]
    assert isinstance(moment, datetime)
    return moment.isoformat()
