"""What every page needs: the settings, and a connection that only reads."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, cast
from urllib.parse import unquote

import psycopg
from fastapi import Depends, Request

from beacon_cli.dashboard.comparisons import Comparisons
from beacon_cli.dashboard.watching import Watches
from beacon_cli.errors import EnvironmentFault, StoreError
from beacon_cli.live.shared_state import SharedState, read_shared_state
from beacon_cli.records.find_job import StoredJob, find_job
from beacon_cli.records.snapshot import reading
from beacon_cli.settings import Settings
from beacon_cli.store.connect import Connection, connect_readonly
from modal_deployment.regions import Regions

_CANCEL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Site:
    """The database whose jobs are shown, and the settings by which they are read.

    `revive` starts the server of the database again if it ended; None where that is up to others.
    `token` opens the pages: who has it gets a cookie with `session`. Neither is ever shown again. `connections` are
    those in use.
    """

    settings: Settings
    url: str
    revive: Callable[[], object] | None = field(default=None, repr=False)
    token: str = field(default_factory=secrets.token_urlsafe, repr=False)
    session: str = field(default_factory=secrets.token_urlsafe, repr=False)
    watches: Watches = field(default_factory=Watches)
    comparisons: Comparisons = field(init=False, repr=False)
    connections: set[Connection] = field(default_factory=set, init=False, repr=False)
    _reviving: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "comparisons", Comparisons(self.url, self.settings.vocabulary))

    def close(self) -> None:
        """End what is still being computed."""
        self.comparisons.close()

    @property
    def regions(self) -> Regions:
        """The known regions."""
        return self.settings.vocabulary.regions

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that cannot write. Raises `StoreError`."""
        with self.connect() as connection:
            self.connections.add(connection)
            try:
                yield connection
            finally:
                self.connections.discard(connection)

    def cancel(self) -> None:
        """Cancel the statements that pages wait for; the pages go on, with an error."""
        for connection in tuple(self.connections):
            with contextlib.suppress(psycopg.Error):
                connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def connect(self) -> Connection:
        """Return a connection that cannot write, if need be to a server that is started again. Raises `StoreError`."""
        try:
            return connect_readonly(self.url)
        except StoreError:
            if self.revive is None:
                raise
        with self._reviving:
            self.revive()
        return connect_readonly(self.url)

    def shared_state(self, job_id: str) -> SharedState | None:
        """Return what a process on this machine says that runs a job; None for a user without a data folder."""
        try:
            return read_shared_state(self.settings.live_path(), job_id)
        except EnvironmentFault:
            return None

    def job(self, connection: Connection, name: str) -> StoredJob:
        """Return the job whose id stands as `name` in an address. Raises `JobNotFound`."""
        with reading(connection):
            return find_job(connection, unquote(name), regions=self.regions)


def site_of(request: Request) -> Site:
    """Return the site that a request is for."""
    return cast(Site, request.app.state.site)


SiteOf = Annotated[Site, Depends(site_of)]
"""The type of a parameter that gets the site."""


def _connection(site: SiteOf) -> Iterator[Connection]:
    with site.reading() as connection:
        yield connection


Reading = Annotated[Connection, Depends(_connection)]
"""The type of a parameter that gets a connection for the time of the request. It cannot write."""


def _job(job_id: str, site: SiteOf, connection: Reading) -> StoredJob:
    return site.job(connection, job_id)


JobOf = Annotated[StoredJob, Depends(_job)]
"""The type of a parameter that gets the job of `{job_id}` in the address; without such a job the answer is 404."""
