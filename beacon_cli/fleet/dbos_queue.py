"""DBOS, which keeps the queue of jobs. Everything that knows it is here; the rest of the fleet speaks of jobs."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy
from dbos import DBOS, DBOSClient, error
from dbos._sys_db import SystemDatabase

from beacon_cli import __version__
from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.fleet.queue_schema import MIGRATE_HINT
from beacon_cli.store.address import Address, address_of
from beacon_cli.store.connect import open_connection, store_error

if TYPE_CHECKING:
    from dbos._queue import Queue

QUEUE = "beacon_jobs"
APPLICATION = "beacon"
WORKFLOW = "beacon_job"
_POLL_SECONDS = 0.5
# Where jobs end as soon as they have begun, the next are looked for sooner.
_BUSY_POLL_SECONDS = 0.05
_BUSY_SECONDS = 2.0
# A job may be taken over as often as workers die; giving it up is the operators' part.
_MOST_RECOVERIES = 1_000_000

RunJob = Callable[[str, str, int], dict[str, Any]]
"""Runs a job to its end, in a thread of DBOS: (workflow id, job id, priority) to what became of it."""


def engine(url: str, name: str, connections: int = 4) -> sqlalchemy.Engine:
    """Return what DBOS connects with; in psycopg's own words, so that every form of URL works and none is logged."""
    address = address_of(url, statement_timeout="30s", name=name)
    return sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connection(address),
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=True,
    )


def _connection(address: Address) -> psycopg.Connection[tuple[object, ...]]:
    connection = open_connection(address)
    connection.autocommit = False
    return connection


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn the errors of SQLAlchemy and DBOS into `StoreError`."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as failed:
        raise _told(failed.orig) from failed
    except sqlalchemy.exc.SQLAlchemyError as failed:  # such as a pool whose connections are all in use
        raise StoreError(f"the queue's database failed: {type(failed).__name__}", hint="try again") from failed
    except error.DBOSInitializationError as failed:
        raise SchemaError("the queue's tables are another version's", hint=MIGRATE_HINT) from failed


def _told(cause: BaseException | None) -> StoreError:
    if isinstance(
        cause, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn | psycopg.errors.DuplicateTable
    ):
        return SchemaError("the queue's tables are missing, old, or another program's", hint=MIGRATE_HINT)
    return store_error(cause) if isinstance(cause, psycopg.Error) else StoreError("the queue's database failed")


@contextlib.contextmanager
def client(url: str) -> Iterator[DBOSClient]:
    """Yield a client of the queue. Raises `SchemaError` when the queue's tables are missing, and `StoreError`."""
    made = engine(url, "beacon", 2)
    quiet()
    opened: DBOSClient | None = None
    try:
        with _explained():
            opened = DBOSClient(
                system_database_engine=made, application_name=APPLICATION, retry_connection_errors=False
            )
            yield opened
    finally:
        if opened is not None:
            opened.destroy()
        made.dispose()


def create_tables(url: str) -> None:
    """Create the queue's tables, in a schema of their own (`dbos`), or bring them up to date. Raises `StoreError`."""
    with client(url) as opened:
        opened._sys_db.run_migrations()
        opened.register_queue(QUEUE, polling_interval_sec=_POLL_SECONDS)


def enqueue(opened: DBOSClient, workflow_id: str, job_id: str, priority: int, order: int) -> None:
    """Put a job into the queue; the lowest `order` is taken first. Only workers of this version take it.

    Raises `DBOSQueueDeduplicatedError` when the job is in the queue already.
    """
    opened.enqueue(
        {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": workflow_id,
            "deduplication_id": job_id,
            "app_version": __version__,
            "priority": order,
            "attributes": {"job_id": job_id, "priority": priority},
        },
        workflow_id,
        job_id,
        priority,
    )


class WorkerQueue:
    """The queue as one worker sees it: it takes jobs while there is room, and hands each to `run_job`."""

    def __init__(self, url: str, worker_id: str, run_job: RunJob) -> None:
        self._engine = engine(url, f"worker {worker_id}")
        self._worker_id = worker_id
        self._run_job = run_job
        self._ended_at = -_BUSY_SECONDS
        self.room = 0

    def launch(self) -> None:
        """Start taking jobs, as many at once as there is `room`. Raises `StoreError`."""
        quiet()
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_engine": self._engine,
                "executor_id": self._worker_id,
                "application_version": __version__,
                "run_migrations": False,
                "log_level": "CRITICAL",
            }
        )
        run_job = self._run_job

        def beacon_job(workflow_id: str, job_id: str, priority: int) -> dict[str, Any]:
            result = run_job(workflow_id, job_id, priority)
            self._ended_at = time.monotonic()
            return result

        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=_MOST_RECOVERIES)(beacon_job)
        DBOS.listen_queues([QUEUE])
        self._limit_to_room()  # first: the queue's thread begins with the launch
        with _explained():
            DBOS.launch()

    def recover(self, worker_ids: Sequence[str]) -> int:
        """Put the jobs of workers that are lost back into the queue, and return how many."""
        return len(DBOS._recover_pending_workflows(list(worker_ids)))

    def put_back(self, workflow_ids: Sequence[str]) -> None:
        """Put entries that this worker took back into the queue."""
        for workflow_id in workflow_ids:
            _sys_db().reenqueue_for_recovery(workflow_id, [self._worker_id], QUEUE)

    def _limit_to_room(self) -> None:
        """The queue's own limit is one row for all workers; how many jobs this one takes is its own affair."""
        read = SystemDatabase.get_queue

        def with_room(database: Any, name: str, **options: Any) -> Queue | None:
            queue: Queue | None = read(database, name, **options)
            if queue is not None and name == QUEUE:
                queue._worker_concurrency = self.room
                if time.monotonic() < self._ended_at + _BUSY_SECONDS:
                    queue._polling_interval_sec = _BUSY_POLL_SECONDS
            return queue

        SystemDatabase.get_queue = with_room  # type: ignore[method-assign, assignment]


def _sys_db() -> Any:
    """DBOS's own view of its tables, of the one instance of this process: private, hence the bounds on its version."""
    from dbos._dbos import _get_dbos_instance

    return _get_dbos_instance()._sys_db


def quiet() -> None:
    """Let only what is broken be told: DBOS and psycopg log on stderr, which is for the operator."""
    for name in ("dbos", "psycopg"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
