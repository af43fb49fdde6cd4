"""Serves the dashboard in the foreground, on this machine only, until a signal arrives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from beacon_cli.console.browser import open_in_browser
from beacon_cli.console.program_name import command
from beacon_cli.console.result import envelope, write_stderr
from beacon_cli.dashboard.app import create_app
from beacon_cli.dashboard.site import Site
from beacon_cli.errors import EnvironmentFault
from beacon_cli.records.recent_jobs import recent_jobs
from beacon_cli.signals import Held, held

HOST = "127.0.0.1"
_CANCEL_AGAIN_SECONDS = 0.1


def serve_until_signal(site: Site, port: int, *, open_it: bool, as_json: bool) -> int:
    """Serve the pages of a site until a signal, and return the exit code for it: 0 for SIGINT, which is how to end it.

    The address is printed once on stdout, in a line, or as JSON. Port 0 is any free one. Raises `EnvironmentFault` if
    the port cannot be used, `StoreError` if the database cannot be read, and `SchemaError` if its tables are not known.
    """
    with site.reading() as connection:
        recent_jobs(connection, 1, regions=site.regions)
    listener = _listen(port)
    with held() as signals:
        return asyncio.run(_serve(site, listener, signals, open_it=open_it, as_json=as_json))


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets that name their protocol
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # on other systems the option lets two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        hint = f"{command('dashboard')} without --port takes a free one"
        raise EnvironmentFault(f"port {port} cannot be used: {error.strerror}", hint=hint) from error
    return listener


async def _serve(site: Site, listener: socket.socket, signals: Held, *, open_it: bool, as_json: bool) -> int:
    port = listener.getsockname()[1]
    address = f"http://{HOST}:{port}/?token={site.token}"
    server = _Server(_config(site, port))
    received: list[int] = []

    def stop(signum: int) -> None:
        received.append(signum)
        server.should_exit = True
        site.watches.end()  # a server waits for its answers to end

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a page says what is wrong
    with signals.delivered_to(stop), contextlib.ExitStack() as stack:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        _announce(address, port, as_json=as_json)
        if open_it:
            _open(stack.enter_context(_way_in(address)))
        await serving
        while site.connections:  # a page may be between two statements
            site.cancel()
            await asyncio.sleep(_CANCEL_AGAIN_SECONDS)
    return 0 if received[0] == signal.SIGINT else 128 + received[0]


def _config(site: Site, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(site, port=port),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        loop="asyncio",
        server_header=False,
        timeout_graceful_shutdown=1,
    )


class _Server(uvicorn.Server):
    """Leaves signals to Beacon, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def _open(path: Path) -> None:
    """Open a file in the browser, which may stay in the foreground until it is closed: nobody waits for the thread."""
    instead = {"instead": "open the address yourself"}
    threading.Thread(target=open_in_browser, args=[path], kwargs=instead, daemon=True).start()


@contextlib.contextmanager
def _way_in(address: str) -> Iterator[Path]:
    """Yield a file that leads to the address: other users could read an address in the browser's command line."""
    with tempfile.TemporaryDirectory(prefix="beacon-") as folder:
        path = Path(folder) / "dashboard.html"
        path.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">\n', encoding="utf-8")
        yield path


def _announce(address: str, port: int, *, as_json: bool) -> None:
    data = {"url": address, "port": port, "pid": os.getpid()}
    line = json.dumps(envelope("dashboard", ok=True, data=data, errors=())) if as_json else address
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    write_stderr("whoever has this address can read all answers; press Ctrl-C to end the dashboard\n")
