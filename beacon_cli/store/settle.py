"""Stores answers from journals: at the start of a run or a worker, and while a worker runs.

It needs no lock on the jobs. An answer is stored only if its cell has none (`rows.REPLAY`), or still has the one that
it was asked to replace (`rows.SUPERSEDE`). A process that runs the job is notified by the commit, and reads again what
is unanswered before its next question.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from beacon_cli.console.formatting import quantity
from beacon_cli.errors import JournalError, StoreError
from beacon_cli.executor.execution import ANSWERED
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import AsyncConnection, open_async, store_error
from beacon_cli.store.journal import Kept, look
from beacon_cli.store.rows import REPLAY
from beacon_cli.store.session import channel_of
from beacon_cli.store.writer import store_rows

Notify = Callable[[str], None]

_BETWEEN_SECONDS = 5.0
# Unchanged journals that could not be stored are retried after this time.
_AGAIN_SECONDS = 60.0
_KNOWN = "SELECT 1 FROM runs WHERE id = %s AND job_id = %s"
_REFUSED = (psycopg.DataError, psycopg.IntegrityError)


async def settle(
    connection: AsyncConnection,
    folder: Path,
    notify: Notify,
    *,
    job_id: str | None = None,
    refused_ends_it: bool = False,
) -> None:
    """Store the answers in the journals of a folder, those of `job_id` first, and report the rest.

    Raises psycopg's errors for the journals of `job_id`; errors of other journals are reported, and retried later. Rows
    of `job_id` that the database refuses are an error only with `refused_ends_it`, else they are reported, too.
    """
    found = look(folder)
    for remark in found.remarks:
        notify(remark)
    for kept in sorted(found.journals, key=lambda kept: kept.job_id != job_id):
        try:
            await _settle(connection, kept, notify)
        except _REFUSED as error:
            notify(f"{kept}, and the database refuses them ({_first_line(error)}): they stay there")
            if refused_ends_it and kept.job_id == job_id:
                raise
        except JournalError as error:
            notify(error.message)
        except psycopg.Error as error:
            if kept.job_id == job_id or connection.closed:
                raise
            notify(f"{kept}; they cannot be stored now ({_first_line(error)}), and stay there for later")


async def settle_regularly(url: str, folder: Path, notify: Notify) -> None:
    """Settle now and every few seconds, until cancelled. What cannot be settled is reported once."""
    reported: set[str] = set()

    def notify_once(text: str) -> None:
        if text not in reported:
            reported.add(text)
            notify(text)

    left, at = frozenset[tuple[str, int]](), -_AGAIN_SECONDS
    while True:
        there = await asyncio.to_thread(_files_in, folder)
        due = there and (there != left or time.monotonic() > at + _AGAIN_SECONDS)
        if due and await _connected_and_settled(url, folder, notify_once):
            left, at = await asyncio.to_thread(_files_in, folder), time.monotonic()
        await asyncio.sleep(_BETWEEN_SECONDS)


async def _connected_and_settled(url: str, folder: Path, notify: Notify) -> bool:
    """Settle on a separate connection; return False if the database could not be used."""
    address = address_of(url, statement_timeout="30s", name="beacon journal")
    try:
        connection = await open_async(address)
        try:
            await settle(connection, folder, notify)
        finally:
            await connection.close()
    except (psycopg.Error, StoreError) as error:
        reason = error if isinstance(error, StoreError) else store_error(error, address.parameters)
        notify(f"the journals in {folder} cannot be stored now: {reason.message}")
        return False
    return True


def _files_in(folder: Path) -> frozenset[tuple[str, int]]:
    """Return the names and sizes of the files of a folder."""
    try:
        return frozenset((path.name, path.lstat().st_size) for path in folder.iterdir())
    except OSError:  # no folder, or a file that was just removed
        return frozenset()


async def _settle(connection: AsyncConnection, kept: Kept, notify: Notify) -> None:
    if not kept.rows:  # its first line was cut off by a crash: nothing in it was ever confirmed
        kept.remove()
        return
    known = await (await connection.execute(_KNOWN, [kept.run_id, kept.job_id])).fetchone()
    if known is None:
        notify(
            f"{kept}: this database does not have that run. It belongs to another database, or the job was deleted;"
            " remove the file if it is not needed"
        )
        return
    stored = await _stored(connection, kept)
    kept.remove()
    meanwhile = f"; {kept.answers - stored} had been answered by then" if stored < kept.answers else ""
    answers = quantity(stored, "answer")
    notify(f"stored {answers} of job {kept.job_id} that an earlier run had kept in {kept.path}{meanwhile}")


async def _stored(connection: AsyncConnection, kept: Kept) -> int:
    """Store all rows or none, notify the holder of the job, and return the number of new answers."""
    answers = [row for row in kept.rows if row["status"] in ANSWERED]
    others = [row for row in kept.rows if row["status"] not in ANSWERED]
    async with connection.transaction():
        stored = await store_rows(connection, REPLAY, answers)
        await store_rows(connection, REPLAY, others)
        await connection.execute("SELECT pg_notify(%s, '')", [channel_of(kept.job_id)])
    return stored


def _first_line(error: psycopg.Error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
