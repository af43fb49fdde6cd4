"""A PostgreSQL for one purpose: made anew, and deleted with all that is in it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from beacon_cli.store.embedded import embedded_server
from beacon_cli.store.migrate import migrate


@contextlib.contextmanager
def temporary_database() -> Iterator[str]:
    """Yield the URL of a database with empty tables. It listens on no network. Raises `StoreError`."""
    folder = Path(tempfile.gettempdir()) / f"beacon-{uuid.uuid4().hex}"
    try:
        with embedded_server(folder) as url:
            migrate(url)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)
