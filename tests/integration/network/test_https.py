"""HTTPS servers of an authority that only a variable names, asked directly and through a proxy."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import trustme

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import EnvironmentFault
from beacon_cli.executor.client import open_client
from beacon_cli.executor.exchange import get_object
from beacon_cli.executor.failures import AttemptError
from beacon_cli.network.roots import VARIABLES
from tests.support.hostile_endpoints import endpoints
from tests.support.vocabulary import REGIONS, VOCABULARY

AUTHORITY = trustme.CA()
HOST = "eu.example.test"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", HOST).configure_cert(context)
    with endpoints(tls=context) as served:
        yield served.url


async def asked(base_url: str) -> object:
    endpoint = Endpoint.at(REGIONS["eu"], f"{base_url}/eu")
    async with open_client({}, [endpoint], connect_timeout=5, max_in_flight=1, vocabulary=VOCABULARY) as client:
        return (await get_object(client, endpoint.models_url))["region"]


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("form", ["file", "folder"])
def test_each_variable_is_honoured_alike(
    variable: str, form: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "company.pem")
    monkeypatch.setenv(variable, str(tmp_path / "company.pem" if form == "file" else tmp_path))
    assert asyncio.run(asked(url)) == "eu"


def test_without_one_the_server_is_refused(url: str) -> None:
    with pytest.raises(AttemptError, match="the certificate was refused") as caught:
        asyncio.run(asked(url))
    assert caught.value.code == "tls_failed"


def test_a_variable_that_names_nothing_matters_only_where_something_is_asked_over_tls(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/roots.pem")
    with pytest.raises(EnvironmentFault, match=r"^SSL_CERT_FILE names /nowhere/roots\.pem"):
        asyncio.run(asked(url))
    with endpoints() as plain:
        assert asyncio.run(asked(plain.url)) == "eu"


@asynccontextmanager
async def tunnel(to_port: int, said: list[str]) -> AsyncIterator[int]:
    """Run an HTTP proxy that connects whatever it is asked for to a port of this machine; yield its own port."""
    serving: list[asyncio.Task[None]] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(cast("asyncio.Task[None]", asyncio.current_task()))
        said.append((await reader.readuntil(b"\r\n\r\n")).decode())
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", to_port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        both = [asyncio.ensure_future(copy(*ends)) for ends in ((reader, inner_writer), (inner_reader, writer))]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, inner_writer):
            end.transport.abort()
        await asyncio.gather(*both, return_exceptions=True)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*serving)


def test_a_proxy_that_does_not_answer_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:geheim@127.0.0.1:{port}")
        with pytest.raises(AttemptError) as caught:
            asyncio.run(asked(f"https://{HOST}"))
    why = f"connection refused, through the proxy http://127.0.0.1:{port} (HTTPS_PROXY)"
    assert caught.value.message == f"the connection failed: {why}"


def test_a_tunnel_through_a_proxy_trusts_the_same(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "company.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "company.pem"))
    said: list[str] = []

    async def main() -> object:
        async with tunnel(int(url.rsplit(":", 1)[1]), said) as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
            return await asked(f"https://{HOST}")

    assert asyncio.run(main()) == "eu"
    assert said[0].startswith(f"CONNECT {HOST}:443 ")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in said[0]
