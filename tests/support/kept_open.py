"""An HTTP server on loopback that keeps connections open and may say more on them than it was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.raw_server import Request

Say = Callable[[Request, asyncio.StreamWriter], Awaitable[bytes]]


@dataclass
class KeptOpen:
    """`say` returns what is sent for a request, as one write; the connection then waits for another one.

    `greeting` is sent on each connection before anything was asked. `asked` holds the prompts of every connection.
    """

    say: Say
    greeting: bytes = b""
    url: str = ""
    asked: list[list[str]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        prompts: list[str] = []
        self.asked.append(prompts)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            writer.write(self.greeting)
            while True:
                request = await _read(reader)
                self.requests.append(request)
                prompts.append(request.json["prompt"] if request.body else request.path)
                writer.write(await self.say(request, writer))
                await writer.drain()
        writer.transport.abort()
        self._serving.discard(task)

    async def end(self) -> None:
        for task in set(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)


@contextlib.asynccontextmanager
async def kept_open(say: Say, *, tls: ssl.SSLContext | None = None, greeting: bytes = b"") -> AsyncIterator[KeptOpen]:
    server = KeptOpen(say, greeting)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.url = f"http{'s' if tls else ''}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await server.end()


def response(document: object, *, length: int | None = None, size: int = 0, **headers: str) -> bytes:
    """Return a response that keeps its connection open.

    `length` is what its Content-Length says, instead of the truth; `size` makes the whole of it so many bytes.
    """
    body = json.dumps(document).encode()
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if size:
        spare = size - len("\r\n".join(lines)) - len(body) - len(f"\r\nContent-Length: {size}\r\n\r\n")
        body += b" " * spare
        lines.append(f"Content-Length: {len(body):0{len(str(size))}}")
    else:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def in_chunks(document: object, *parts: bytes) -> bytes:
    """Return a response in chunks: these parts, each a chunk, before the document's."""
    chunks = [*parts, json.dumps(document).encode()]
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
