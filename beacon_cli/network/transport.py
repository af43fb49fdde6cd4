"""Connects httpx2 to httpcore2, with each connection watched: see `streams`.

httpx2's own transport accepts no network backend. Both have public interfaces, and this connects them.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator
from types import TracebackType
from typing import Any, Self

import httpcore2
import httpx2

from beacon_cli.network.socks import LOGIN_REFUSED, SocksBackend
from beacon_cli.network.streams import Surplus, WatchedBackend, WatchedStream

# httpx2 has each error of httpcore2 under the same name.
_ERRORS: dict[type[Exception], type[httpx2.TransportError]] = {
    getattr(httpcore2, name): getattr(httpx2, name)
    for name in (
        *("TimeoutException", "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"),
        *("NetworkError", "ConnectError", "ReadError", "WriteError"),
        *("ProxyError", "UnsupportedProtocol", "ProtocolError", "LocalProtocolError", "RemoteProtocolError"),
    )
}
_RAISED = tuple(_ERRORS)
_KEEPALIVE_SECONDS = 5.0


class WatchedTransport(httpx2.AsyncBaseTransport):
    """Connections to one place, directly or through a proxy; HTTP/1.1.

    `to_proxy` verifies a proxy that is reached by https. `on_surplus` is called for each connection with surplus bytes.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        connections: int,
        on_surplus: Surplus,
        proxy: str | None = None,
        to_proxy: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = _pool(tls, connections, on_surplus, proxy, to_proxy)

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._pool.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and return its response with an unread body. Raises `httpx2.TransportError`."""
        try:
            answer = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=_core_url(request.url),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except _RAISED as error:
            raise _translated(error) from error
        connection = answer.extensions["network_stream"]
        assert isinstance(connection, WatchedStream)
        assert isinstance(answer.stream, AsyncIterable)
        connection.expect_body(_length(answer.headers))
        return httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream, connection),
            extensions=answer.extensions,
        )


class _Body(httpx2.AsyncByteStream):
    """A body as it arrives; when it was read completely, the connection is checked."""

    def __init__(self, stream: AsyncIterable[bytes], connection: WatchedStream) -> None:
        self._stream = stream
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except _RAISED as error:
            raise _translated(error) from error
        self._connection.finish()

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def connection_of(response: httpx2.Response) -> WatchedStream | None:
    """Return the connection of a response that came through a `WatchedTransport`."""
    stream = response.extensions.get("network_stream")
    return stream if isinstance(stream, WatchedStream) else None


def _pool(
    tls: ssl.SSLContext,
    connections: int,
    on_surplus: Surplus,
    proxy: str | None,
    to_proxy: ssl.SSLContext | None,
) -> httpcore2.AsyncConnectionPool:
    common: dict[str, Any] = {
        "ssl_context": tls,
        "max_connections": connections,
        "max_keepalive_connections": connections,
        "keepalive_expiry": _KEEPALIVE_SECONDS,
    }
    through = None if proxy is None else httpx2.Proxy(proxy)
    if through is not None and through.url.scheme.startswith("socks5"):
        network = WatchedBackend(on_surplus, SocksBackend(through))
        return httpcore2.AsyncConnectionPool(network_backend=network, **common)
    common["network_backend"] = WatchedBackend(on_surplus)
    if through is None:
        return httpcore2.AsyncConnectionPool(**common)
    url = _core_url(through.url)
    return httpcore2.AsyncHTTPProxy(url, proxy_auth=through.raw_auth, proxy_ssl_context=to_proxy, **common)


def _core_url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _length(headers: list[tuple[bytes, bytes]]) -> int | None:
    """Return the length of the body according to the head, None for a body that ends in another way."""
    lengths = []
    for name, value in headers:
        match name.lower():
            case b"transfer-encoding":
                return None
            case b"content-length":
                lengths.append(value)
    return int(lengths[0]) if len(lengths) == 1 and lengths[0].isdigit() else None


def _translated(error: Exception) -> httpx2.TransportError:
    return _ERRORS[type(error)](str(error))


def refuses_login(error: Exception) -> bool:
    """Return whether a proxy refused a connection for want of a valid user and password: 407, in HTTP."""
    return isinstance(error, httpx2.ProxyError) and str(error).startswith(("407", LOGIN_REFUSED))
