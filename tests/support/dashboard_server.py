"""The dashboard at a real port, for a browser."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import uvicorn

from beacon_cli.config import load_settings
from beacon_cli.dashboard.app import create_app
from beacon_cli.dashboard.site import Site


@contextlib.contextmanager
def serving(database_url: str) -> Iterator[tuple[str, str]]:
    """Serve the pages of a database, and yield the address and the token."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, closing(_site(database_url)) as site:
        port = listener.getsockname()[1]
        config = uvicorn.Config(create_app(site, port=port), log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}", site.token
        finally:
            server.should_exit = True
            thread.join()


def _site(database_url: str) -> Site:
    return Site(load_settings(None), database_url)
