"""What is said to a SOCKS5 proxy, byte by byte, and what becomes of a proxy that does something else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import httpcore2
import httpx2
import pytest

from beacon_cli.network.socks import SocksBackend

CONNECTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"
NAME = b"\x05\x01\x00\x03\x09a.example\x01\xbb"


def said_to(
    script: Sequence[tuple[int, bytes]], url: str = "socks5h://", host: str = "a.example", *, timeout: float = 60.0
) -> list[bytes]:
    """Connect through a proxy that reads so many bytes and sends these, step by step; return what it read."""
    read: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, over: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            for size, reply in script:
                read.append(await reader.readexactly(size))
                writer.write(reply)
            await reader.read()
        writer.transport.abort()
        over.set()

    async def main() -> None:
        over = asyncio.Event()
        async with await asyncio.start_server(lambda *ends: serve(ends[0], ends[1], over), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            backend = SocksBackend(httpx2.Proxy(f"{url}127.0.0.1:{port}"))
            try:
                await (await backend.connect_tcp(host, 443, timeout=timeout)).aclose()
            finally:
                await over.wait()

    asyncio.run(main())
    return read


def test_socks5h_leaves_the_name_to_the_proxy_and_socks5_does_not() -> None:
    assert said_to([(3, b"\x05\x00"), (16, CONNECTED)]) == [b"\x05\x01\x00", NAME]
    address = b"\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb"
    assert said_to([(3, b"\x05\x00"), (10, CONNECTED)], "socks5://", "127.0.0.1")[1] == address


def test_an_ipv6_address_is_sent_as_one_and_the_proxy_may_answer_with_a_name() -> None:
    answer = b"\x05\x00\x00\x03\x02me\x00\x00"
    assert said_to([(3, b"\x05\x00"), (22, answer)], host="::1")[1] == b"\x05\x01\x00\x04" + b"\0" * 15 + b"\1\x01\xbb"


def test_a_password_is_sent_only_to_a_proxy_that_asks_for_it() -> None:
    script = [(4, b"\x05\x02"), (9, b"\x01\x00"), (16, CONNECTED)]
    assert said_to(script, "socks5h://me:s%3Acr@") == [b"\x05\x02\x00\x02", b"\x01\x02me\x04s:cr", NAME]
    assert said_to([(4, b"\x05\x00"), (16, CONNECTED)], "socks5h://me:secret@")[1] == NAME


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ([(3, b"\x05\xff")], httpcore2.ProxyError, "wants a user and a password"),
        ([(3, b"\x05\x02")], httpcore2.ProxyError, "wants a user and a password"),
        ([(3, b"HTTP/1.1 400")], httpcore2.ProxyError, "does not speak SOCKS5"),
        ([(3, b"\x05\x00"), (16, b"\x05\x05\x00\x01")], httpcore2.ConnectError, "connection refused"),
        ([(3, b"\x05\x00"), (16, b"\x05\x02\x00\x01")], httpcore2.ProxyError, "rules do not allow it"),
        ([(3, b"\x05\x00"), (16, b"\x05\x63\x00\x01")], httpcore2.ProxyError, "reply 99"),
        ([(3, b"\x05\x00"), (16, b"\x05\x00\x00\x09")], httpcore2.ProxyError, "does not speak SOCKS5"),
        ([(3, b"\x05\x00"), (16, b"nonsense")], httpcore2.ProxyError, "does not speak SOCKS5"),
    ],
)
def test_a_proxy_that_does_something_else_is_an_error_in_words(
    script: Sequence[tuple[int, bytes]], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        said_to(script)


def test_a_refused_password_is_told_without_it() -> None:
    with pytest.raises(httpcore2.ProxyError, match="wants a user and a password, and refuses this one") as caught:
        said_to([(4, b"\x05\x02"), (11, b"\x01\x01")], "socks5h://me:canary@")
    assert "canary" not in str(caught.value)


def test_a_proxy_that_says_nothing_is_given_up_in_time() -> None:
    with pytest.raises(httpcore2.ConnectTimeout):
        said_to([(3, b"")], timeout=0.5)
