"""Real proxies on loopback: SOCKS 5 (RFC 1928, and RFC 1929 for its password), and HTTP (CONNECT, and whole URLs).

They note what they were asked for. A name leads to the port that `places` says, else nowhere: a name that is resolved
anywhere but at the proxy is not reached.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Wanted:
    """What a client wanted to be connected to, and how it said so."""

    by: Literal["name", "address"]
    host: str
    port: int


@dataclass(frozen=True)
class Opening:
    """What a client wants, the bytes that are sent there first, and what the client is told."""

    wanted: Wanted
    first: bytes
    connected: bytes
    unreachable: bytes


class Refused(Exception):
    """The client is not let through; it has been told why."""


@dataclass
class Proxy(ABC):
    """`login` is the user and password that it wants, if any. `carried` counts the bytes of both directions."""

    login: tuple[str, str] | None = None
    places: Mapping[str, int] = field(default_factory=dict)
    address: str = ""
    wanted: list[Wanted] = field(default_factory=list)
    refused: int = 0
    carried: int = 0
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    @abstractmethod
    async def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Opening:
        """Hear what the client wants. Raises `Refused`."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                await self._serve((reader, writer))
            except Refused:
                self.refused += 1
                await writer.drain()
        await _close(writer)
        self._serving.discard(task)

    async def _serve(self, client: Streams) -> None:
        opening = await self.open(*client)
        self.wanted.append(opening.wanted)
        server = await self._connect(opening, client[1])
        client[1].write(opening.connected)
        server[1].write(opening.first)
        ways = [asyncio.ensure_future(self._carry(*ends)) for ends in ((client[0], server[1]), (server[0], client[1]))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await _close(server[1])

    async def _connect(self, opening: Opening, client: asyncio.StreamWriter) -> Streams:
        wanted = opening.wanted
        port = wanted.port if wanted.by == "address" else self.places.get(wanted.host, 0)
        with contextlib.suppress(OSError):
            return await asyncio.open_connection("127.0.0.1", port)
        client.write(opening.unreachable)
        raise Refused

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.carried += len(data)
            writer.write(data)
            await writer.drain()

    async def end(self) -> None:
        for task in set(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


_IPV4, _NAME, _IPV6 = 1, 3, 4
_NO_LOGIN, _LOGIN, _NO_METHOD = 0, 2, 0xFF
_HOST_UNREACHABLE = 4


class Socks5(Proxy):
    """A SOCKS 5 proxy."""

    async def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Opening:
        _version, count = await reader.readexactly(2)
        offered = await reader.readexactly(count)
        method = _NO_LOGIN if self.login is None else _LOGIN
        if method not in offered:
            writer.write(bytes((5, _NO_METHOD)))
            raise Refused
        writer.write(bytes((5, method)))
        if self.login is not None:
            await self._check_login(reader, writer)
        _version, _command, _reserved, kind = await reader.readexactly(4)
        host = await self._host(reader, kind)
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        return Opening(
            Wanted("name" if kind == _NAME else "address", host, port),
            first=b"",
            connected=bytes((5, 0, 0, _IPV4, 127, 0, 0, 1, 0, 0)),
            unreachable=bytes((5, _HOST_UNREACHABLE, 0, _IPV4, 0, 0, 0, 0, 0, 0)),
        )

    async def _check_login(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        user, password = await _counted(reader), await _counted(reader)
        wrong = (user.decode(), password.decode()) != self.login
        writer.write(bytes((1, wrong)))
        if wrong:
            raise Refused

    async def _host(self, reader: asyncio.StreamReader, kind: int) -> str:
        if kind == _NAME:
            return (await _counted(reader)).decode()
        return str(ipaddress.ip_address(await reader.readexactly(4 if kind == _IPV4 else 16)))


async def _counted(reader: asyncio.StreamReader) -> bytes:
    """Read a length, and so many bytes."""
    (length,) = await reader.readexactly(1)
    return await reader.readexactly(length)


class HttpProxy(Proxy):
    """An HTTP proxy: a tunnel for CONNECT, and else one request for a whole URL."""

    async def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Opening:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        if not self._lets_in(lines):
            writer.write(_empty("407 Proxy Authentication Required"))
            raise Refused
        tunnels = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnels else target)
        assert parts.hostname
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kept = [line for line in lines if not line.lower().startswith("proxy-")]
        return Opening(
            Wanted(_kind(parts.hostname), parts.hostname, parts.port or 80),
            first=b"" if tunnels else "\r\n".join((f"{method} {path} {version}", *kept)).encode("latin-1"),
            connected=b"HTTP/1.1 200 OK\r\n\r\n" if tunnels else b"",
            unreachable=_empty("502 Bad Gateway"),
        )

    def _lets_in(self, lines: list[str]) -> bool:
        if self.login is None:
            return True
        wanted = base64.b64encode(":".join(self.login).encode()).decode()
        return f"proxy-authorization: basic {wanted}".lower() in [line.lower() for line in lines]


def _empty(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def _kind(host: str) -> Literal["name", "address"]:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "name"
    return "address"


P = TypeVar("P", bound=Proxy)


@contextlib.contextmanager
def proxying(proxy: P) -> Iterator[P]:
    """Run a proxy on a free port, in a thread of the test; `address` is its host and port."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
            proxy.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            await stop.wait()
            await proxy.end()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(300)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(300)
        loop.close()
