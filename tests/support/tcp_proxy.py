"""A proxy in front of a PostgreSQL's socket that can fall silent, or cut its clients off without telling the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


@dataclass
class Proxy:
    url: str
    silent: bool = False
    clients: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut_clients(self) -> None:
        """Reset every client's connection; the server's side of it stays open, as after a lost network."""
        for writer in self.clients:
            writer.transport.abort()
        self.clients.clear()


@contextlib.asynccontextmanager
async def proxied(url: str, folder: Path) -> AsyncIterator[Proxy]:
    target = f"{conninfo_to_dict(url)['host']}/.s.PGSQL.5432"
    proxy = Proxy(make_conninfo(url, host=str(folder)))
    tasks: set[asyncio.Task[None]] = set()
    servers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                while proxy.silent:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                writer.write(data)
                await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(target)
        proxy.clients.append(writer)
        servers.append(server_writer)
        for one, other in ((reader, server_writer), (server_reader, writer)):
            tasks.add(asyncio.ensure_future(pump(one, other)))

    listener = await asyncio.start_unix_server(serve, str(folder / ".s.PGSQL.5432"))
    try:
        yield proxy
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in (*servers, *proxy.clients):
            writer.transport.abort()
        await asyncio.sleep(0)
