"""Connections through a SOCKS5 proxy (RFC 1928), with a user and password where it asks for them (RFC 1929).

httpcore2 has this too, with a package more that takes 25 ms to import. It always leaves names to the proxy, has no time
limit for a proxy that says nothing, and no error of its own for one that says something else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

import httpcore2

if TYPE_CHECKING:
    import httpx2

_VERSION, _PASSWORD_VERSION = b"\x05", b"\x01"
_NO_AUTHENTICATION, _PASSWORD = b"\x00", b"\x02"
_CONNECT = b"\x01"
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_BYTES = {_IPV4: 4, _IPV6: 16}
_PORT = 1080
LOGIN_REFUSED = "the SOCKS proxy wants a user and a password"
"""How the error begins of a proxy that refuses a login, or the lack of one."""
_MOST_BYTES = 255
# What a proxy says about the way beyond it, as if we had met that ourselves; and what it says about us.
_UNREACHABLE = {3: "network unreachable", 4: "host unreachable", 5: "connection refused", 6: "TTL expired"}
_REFUSED = {1: "general failure", 2: "its rules do not allow it", 7: "command not known", 8: "address type not known"}


class SocksBackend(httpcore2.AsyncNetworkBackend):
    """The network behind a SOCKS5 proxy. With `socks5h` the proxy resolves names, with `socks5` this machine does."""

    def __init__(self, proxy: httpx2.Proxy) -> None:
        self._network = httpcore2.AnyIOBackend()
        self._host, self._port = proxy.url.host, proxy.url.port or _PORT
        self._auth = proxy.raw_auth
        self._resolves = proxy.url.scheme == "socks5"

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to a host by way of the proxy; `timeout` is for all of it, in seconds.

        Raises `httpcore2.ConnectTimeout`, `ConnectError` for a host that the proxy cannot reach, and `ProxyError`.
        """
        try:
            async with asyncio.timeout(timeout):
                address = await self._address(host, port)
                stream = await self._network.connect_tcp(self._host, self._port, None, local_address, socket_options)
                try:
                    await _authenticate(stream, self._auth)
                    await _connect(stream, address, port)
                except BaseException:
                    await stream.aclose()
                    raise
        except TimeoutError:
            raise httpcore2.ConnectTimeout("the SOCKS proxy made no connection in time") from None
        return stream

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)

    async def _address(self, host: str, port: int) -> bytes:
        """Return a host as the proxy reads it: its type, and an address or a name."""
        if self._resolves:
            try:
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                raise httpcore2.ConnectError(str(error)) from error
            host = str(found[0][4][0])
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return bytes([_NAME]) + _counted(host.encode("ascii"))
        return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


async def _authenticate(stream: httpcore2.AsyncNetworkStream, auth: tuple[bytes, bytes] | None) -> None:
    methods = _NO_AUTHENTICATION if auth is None else _NO_AUTHENTICATION + _PASSWORD
    await stream.write(_VERSION + bytes([len(methods)]) + methods)
    version, method = await _read(stream, 1), await _read(stream, 1)
    if version != _VERSION:
        raise httpcore2.ProxyError("the proxy does not speak SOCKS5")
    if method == _PASSWORD and auth is not None:
        user, password = auth
        await stream.write(_PASSWORD_VERSION + _counted(user) + _counted(password))
        if (await _read(stream, 2))[1:] != b"\x00":
            raise httpcore2.ProxyError(f"{LOGIN_REFUSED}, and refuses this one")
    elif method != _NO_AUTHENTICATION:
        if auth is None:
            raise httpcore2.ProxyError(LOGIN_REFUSED)
        raise httpcore2.ProxyError("the SOCKS proxy cannot be used: it refuses every way to authenticate")


async def _connect(stream: httpcore2.AsyncNetworkStream, address: bytes, port: int) -> None:
    await stream.write(_VERSION + _CONNECT + b"\x00" + address + port.to_bytes(2, "big"))
    version, reply, _, kind = await _read(stream, 4)
    if bytes([version]) != _VERSION:
        raise httpcore2.ProxyError("the proxy does not speak SOCKS5")
    if reply in _UNREACHABLE:
        raise httpcore2.ConnectError(f"the SOCKS proxy could not connect: {_UNREACHABLE[reply]}")
    if reply:
        raise httpcore2.ProxyError(f"the SOCKS proxy does not connect: {_REFUSED.get(reply, f'reply {reply}')}")
    size = (await _read(stream, 1))[0] if kind == _NAME else _ADDRESS_BYTES.get(kind)
    if size is None:
        raise httpcore2.ProxyError("the proxy does not speak SOCKS5")
    await _read(stream, size + 2)  # where it connected from, which it need not tell


def _counted(data: bytes) -> bytes:
    """Return data with its length before it. Raises `httpcore2.ProxyError` if that is too long for SOCKS."""
    if len(data) > _MOST_BYTES:
        raise httpcore2.ProxyError("a name, user or password is too long for a SOCKS proxy")
    return bytes([len(data)]) + data


async def _read(stream: httpcore2.AsyncNetworkStream, size: int) -> bytes:
    """Return exactly so many bytes. Raises `httpcore2.ProxyError` at the end of the connection."""
    data = b""
    while len(data) < size:
        part = await stream.read(size - len(data))
        if not part:
            raise httpcore2.ProxyError("the SOCKS proxy ended the connection")
        data += part
    return data
