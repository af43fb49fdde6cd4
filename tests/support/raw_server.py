"""An HTTP server on loopback that says exactly the bytes it is told to, well formed or not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[bytes | None]]


@dataclass
class RawServer:
    """`handler` gets each request and the writer; what it returns (if anything) is sent, then the connection closes."""

    handler: Handler
    host: str = "127.0.0.1"
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    closed_by_peer: int = 0
    connections: set[asyncio.Task[None]] = field(default_factory=set)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        self.writers.append(writer)
        try:
            await self._answer(reader, writer)
        finally:
            self.connections.discard(task)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            method, path, _ = first.split(" ", 2)
            headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Request(method, path, headers, body)
            self.requests.append(request)
            answering = asyncio.ensure_future(self.handler(request, writer))
            gone = asyncio.ensure_future(reader.read(1))
            try:
                await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:  # the test is over
                answering.cancel()
                gone.cancel()
                raise
            if not answering.done():
                self.closed_by_peer += 1
                answering.cancel()
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                if (reply := await answering) is not None:
                    writer.write(reply)
                    await writer.drain()


@contextlib.asynccontextmanager
async def raw_server(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[RawServer]:
    server = RawServer(handler, host)
    listener = await asyncio.start_server(server._serve, host, 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for _ in range(3):  # what was accepted this moment reaches its handler
            await asyncio.sleep(0)
        for task in set(server.connections):
            task.cancel()
        await asyncio.gather(*server.connections, return_exceptions=True)
        for writer in server.writers:  # one whose client reads no more would wait for ever to be flushed
            writer.transport.abort()
        await asyncio.sleep(0)


@contextlib.contextmanager
def raw_server_in_thread(handler: Handler) -> Iterator[RawServer]:
    """The same in a thread of the test, for a client in another process."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    servers: list[RawServer] = []

    async def serve() -> None:
        async with raw_server(handler) as server:
            servers.append(server)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(300)
    try:
        yield servers[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(300)
        loop.close()


def http(status: int, body: object = b"", **headers: str) -> bytes:
    """Return a whole HTTP/1.1 response; `body` is bytes, or anything that is then sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content
