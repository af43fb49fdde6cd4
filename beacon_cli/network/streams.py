"""Connections that read only the answer to their request.

A server may send too many bytes: a second response in the same segment, or a body that is longer than announced. A
client that keeps reading takes those bytes as the answer to the *next* question. So the bytes after a response never
reach the HTTP parser: `WatchedStream` returns a head up to its blank line and a body up to its length. The surplus
belongs to no question, and the pool, which checks whether each idle connection is readable, does not use it again.

This uses only public interfaces of httpcore2 (`AsyncNetworkBackend`, `AsyncNetworkStream`, the `network_stream` of a
response) and of `ssl.SSLObject`. Bytes that a server sends only after the next question was written look like an
answer here: that is why each request has an id.
"""

from __future__ import annotations

import contextlib
import re
import select
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore2

Surplus = Callable[[], None]
"""Called once for each connection with surplus bytes."""

# A head, and a body in chunks, end with one; so nothing beyond one is returned without a request.
_BLANK_LINE = re.compile(rb"(?<=\n)\r?\n")
# A body in chunks with more of them is returned unchanged, and its connection is not used again.
_MOST_BLANK_LINES = 256
# More than asyncio reads from a socket at once: nothing stays in a lower buffer that cannot be inspected.
_LARGEST_READ = 1 << 20
# Below TLS, 64 KiB are read at once. Up to this size, bytes after a response appear as a whole record in the TLS
# buffer.
_LARGEST_OVER_TLS = 32 << 10
_LAST_LOOK_SECONDS = 0.05


class WatchedBackend(httpcore2.AsyncNetworkBackend):
    """A network, the normal one by default, with every connection watched."""

    def __init__(self, on_surplus: Surplus, network: httpcore2.AsyncNetworkBackend | None = None) -> None:
        self._network = network or httpcore2.AnyIOBackend()
        self._on_surplus = on_surplus

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect. Raises `httpcore2.ConnectError` and `httpcore2.ConnectTimeout`."""
        stream = await self._network.connect_tcp(host, port, timeout, local_address, socket_options)
        return WatchedStream(stream, self._on_surplus)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


class WatchedStream(httpcore2.AsyncNetworkStream):
    """One connection. Writes and reads alternate: a write after a read begins another request."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, on_surplus: Surplus) -> None:
        self._stream = stream
        self._on_surplus = on_surplus
        self._readable = _readiness(stream)
        self._tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
        self._held = b""
        self._fresh = True
        self._spoiled = False
        self._woken = False
        self._counted = False
        self._begin()

    def _begin(self) -> None:
        self._answering = False
        self._last = b""
        self._left: int | None = None
        self._taken = 0
        self._blank_lines = 0

    def expect_body(self, length: int | None) -> None:
        """Note that the head of a response was read, and that `length` bytes follow; None if unknown."""
        self._left = length

    def spoil(self) -> None:
        """Prevent any further use of this connection."""
        self._spoiled = True

    def finish(self) -> None:
        """Note that a response was read completely: all bytes after it belong to no question."""
        if self._held or self._more_over_tls():
            self._found_surplus()
        elif self._tls is not None and self._taken > _LARGEST_OVER_TLS:
            self.spoil()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return bytes of the current response, but none beyond its end."""
        self._answering = True
        data = self._held or await self._stream.read(_LARGEST_READ, timeout)
        size = self._size(data[:max_bytes])
        self._taken += size
        if self._left is not None:
            self._left -= size
        if size == len(data):
            self._held = b""
            return data
        self._held = data[size:]
        return data[:size]

    def _size(self, data: bytes) -> int:
        """Return how many of these bytes certainly belong to the response."""
        if self._left is not None:
            return min(len(data), self._left)
        if self._blank_lines >= _MOST_BLANK_LINES:
            return len(data)
        seen = self._last + data
        size = len(data)
        for match in _BLANK_LINE.finditer(seen):
            if match.end() > len(self._last):
                size = match.end() - len(self._last)
                self._blank_lines += 1
                break
        if self._blank_lines >= _MOST_BLANK_LINES:
            self.spoil()
        self._last = seen[: len(self._last) + size][-2:]
        return size

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes. Raises `httpcore2.RemoteProtocolError` if there are leftover bytes before a request."""
        if self._answering or self._fresh:
            await self._begin_request()
        await self._stream.write(buffer, timeout)

    async def _begin_request(self) -> None:
        if self._fresh and self._tls is None and self._readable():
            self._held = await self._stream.read(_LARGEST_READ)
        self._fresh = False
        if self._held or self._more_over_tls():
            self._found_surplus()
            raise httpcore2.RemoteProtocolError("the server sent bytes that belong to no request")
        self._begin()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Return the same connection under TLS."""
        secured = WatchedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._on_surplus)
        if self._tls is not None:  # TLS inside TLS, through a proxy: the outer buffer cannot be inspected
            secured.spoil()
        return secured

    def get_extra_info(self, info: str) -> Any:
        """Return information on the connection. `is_readable` is read for idle ones, and true for a spoiled one."""
        if info != "is_readable":
            return self._stream.get_extra_info(info)
        if self._spoiled:
            return True
        if self._held or self._more_over_tls():
            self._found_surplus()
            return True
        self._woken = self._readable()
        return self._woken

    async def aclose(self) -> None:
        """Close. If an idle connection was readable, first check whether the server closed it or sent something."""
        if self._woken and not self._spoiled:
            self._woken = False
            with contextlib.suppress(httpcore2.NetworkError, httpcore2.TimeoutException):
                if await self._stream.read(1, _LAST_LOOK_SECONDS):
                    self._found_surplus()
        await self._stream.aclose()

    def _more_over_tls(self) -> bool:
        """Return whether the TLS buffer has another data record; data that is read here is lost."""
        if self._tls is None:
            return False
        try:
            return bool(self._tls.read(1))
        except ssl.SSLError:  # nothing there, or closed
            return False

    def _found_surplus(self) -> None:
        self.spoil()
        if not self._counted:
            self._counted = True
            self._on_surplus()


def _readiness(stream: httpcore2.AsyncNetworkStream) -> Callable[[], bool]:
    """Return a function that checks whether a connection is readable: called for every idle one at every request."""
    socket = stream.get_extra_info("socket")
    if socket is None or not hasattr(select, "poll"):
        return lambda: bool(stream.get_extra_info("is_readable"))
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return lambda: socket.fileno() < 0 or bool(poll.poll(0))
