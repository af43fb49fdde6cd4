"""Deletes what is over: ended entries of the queue, and workers that are gone. Jobs and answers stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from beacon_cli.fleet.job_queue import open_queue
from beacon_cli.store.connect import connect, translated
from beacon_cli.store.queries import query

KEPT = timedelta(days=7)
_BETWEEN_SECONDS = 3600.0


async def prune_regularly(url: str, notify: Callable[[str], None]) -> None:
    """Prune now and every hour, until cancelled; a failure is reported, and retried the next time."""
    while True:
        try:
            await prune(url, KEPT)
        except Exception as error:
            notify(f"old queue entries could not be removed: {getattr(error, 'message', type(error).__name__)}")
        await asyncio.sleep(_BETWEEN_SECONDS)


async def prune(url: str, kept: timedelta) -> int:
    """Delete what ended longer ago than `kept`, and return the number of deleted entries of the queue.

    It uses the database's clock. Raises `StoreError`.
    """
    async with open_queue(url) as queue:
        await queue.forget(kept)
    return await asyncio.to_thread(_forget_the_rest, url, kept)


def _forget_the_rest(url: str, kept: timedelta) -> int:
    with connect(url) as connection, translated():
        forgotten = connection.execute(query("fleet", "forget_entries")).rowcount
        connection.execute(query("fleet", "forget_workers"), {"seconds": kept.total_seconds()})
    return forgotten
