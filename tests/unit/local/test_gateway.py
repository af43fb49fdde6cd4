"""What stands before a local server: credentials, and Modal's 303 for a call that takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from beacon_cli.local.gateway import Gateway
from tests.support.virtual_time import run_virtually

PAIRS = ((b"key-1", b"secret-1"), (b"old-key", b"old-secret"))
LONG = 30.0


class Backend:
    """An application whose inference ends when told to, and that knows whether its client went away."""

    def __init__(self) -> None:
        self.finish = asyncio.Event()
        self.started = asyncio.Event()
        self.calls = 0
        self.client_gone = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/inference", self.inference, methods=["POST"]),
                Route("/v1/chat/completions", self.inference, methods=["POST"]),
                Route("/models", self.models, methods=["GET"]),
            ]
        )

    async def inference(self, request: Request) -> Response:
        self.calls += 1
        body = await request.body()
        self.started.set()
        watch = asyncio.ensure_future(self._watch(request))
        finish = asyncio.ensure_future(self.finish.wait())
        await asyncio.wait((watch, finish), return_when=asyncio.FIRST_COMPLETED)
        watch.cancel()
        finish.cancel()
        return JSONResponse({"echo": body.decode()}, status_code=200)

    async def models(self, request: Request) -> Response:
        return JSONResponse({})

    async def _watch(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.client_gone.set()


Test = Callable[[httpx2.AsyncClient, Backend], Coroutine[Any, Any, None]]


def through_gateway(test: Test, **options: Any) -> None:
    async def run() -> None:
        backend = Backend()
        transport = httpx2.ASGITransport(app=Gateway(backend.app, **options))
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            await test(client, backend)

    run_virtually(run())


def code_of(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.mark.parametrize("pair", PAIRS)
def test_both_live_pairs_are_let_in(pair: tuple[bytes, bytes]) -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        headers = {b"Modal-Key": pair[0], b"Modal-Secret": pair[1]}
        assert (await client.get("/models", headers=headers)).status_code == 200

    through_gateway(test, credentials=PAIRS)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"Modal-Key": b"key-1"},
        {b"Modal-Key": b"key-1", b"Modal-Secret": b"old-secret"},
        {b"Modal-Key": b"key-1", b"Modal-Secret": b"secret-1x"},
        {b"Modal-Key": b"\xff\xfe", b"Modal-Secret": b"\xe9"},
        {b"Modal-Key": b"", b"Modal-Secret": b""},
    ],
)
def test_anything_else_is_401_before_the_application_hears_of_it(headers: dict[bytes, bytes]) -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        backend.finish.set()
        for response in (
            await client.get("/models", headers=headers),
            await client.post("/inference", headers=headers, content=b"x" * 10_000_000),
            await client.get("/inference?__modal_function_call_id=fc-1", headers=headers),
        ):
            assert code_of(response) == (401, "unauthorized")
        assert backend.calls == 0

    through_gateway(test, credentials=PAIRS)


def test_on_openais_paths_the_refusal_has_openais_form() -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        response = await client.post("/v1/chat/completions")
        assert response.status_code == 401
        error = response.json()["error"]
        assert (error["code"], error["type"]) == ("invalid_api_key", "invalid_request_error")

    through_gateway(test, credentials=PAIRS)


def test_without_configured_credentials_everybody_is_let_in() -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        assert (await client.get("/models")).status_code == 200

    through_gateway(test)


@pytest.mark.parametrize("path", ["/inference", "/v1/chat/completions"])
def test_a_slow_call_is_followed_by_get_and_read_once(path: str) -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        first = await client.post(path, content=b"question")
        assert first.status_code == 303
        location = first.headers["location"]
        assert location.startswith(f"{path}?__modal_function_call_id=fc-")
        again = await client.get(location)
        assert (again.status_code, again.headers["location"]) == (303, location)
        refused = await client.post(location)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "get_only")
        backend.finish.set()
        result = await client.get(location)
        assert (result.status_code, result.json()) == (200, {"echo": "question"})
        assert code_of(await client.get(location)) == (404, "unknown_call")
        assert backend.calls == 1

    through_gateway(test, hop_after=0.02)


def test_a_get_waits_for_the_result_within_its_hop() -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        location = (await client.post("/inference")).headers["location"]
        waiting = asyncio.ensure_future(client.get(location))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        backend.finish.set()
        assert (await waiting).status_code == 200

    through_gateway(test, hop_after=0.3)


def test_of_two_gets_at_once_one_reads_the_result() -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        location = (await client.post("/inference")).headers["location"]
        gets = [asyncio.ensure_future(client.get(location)) for _ in range(2)]
        await asyncio.sleep(0.02)
        backend.finish.set()
        assert sorted(response.status_code for response in await asyncio.gather(*gets)) == [200, 404]

    through_gateway(test, hop_after=0.5)


def test_an_unknown_call_is_404() -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        response = await client.get("/inference?__modal_function_call_id=fc-nothing")
        assert code_of(response) == (404, "unknown_call")

    through_gateway(test)


def test_a_result_that_nobody_fetches_is_dropped() -> None:
    async def test(client: httpx2.AsyncClient, backend: Backend) -> None:
        location = (await client.post("/inference")).headers["location"]
        backend.finish.set()
        await asyncio.sleep(0.2)  # twenty times as long as results are kept
        assert code_of(await client.get(location)) == (404, "unknown_call"), "reading it would drop it, too"

    through_gateway(test, hop_after=0.02, keep_results=0.01)


class Connection:
    """A client that sends one request and goes away when told to."""

    def __init__(self, method: str, query: bytes = b"") -> None:
        self.gone = asyncio.Event()
        self.sent: list[Any] = []
        self._request_read = False
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": "/inference",
            "query_string": query,
            "headers": [],
        }

    async def receive(self) -> dict[str, Any]:
        if not self._request_read:
            self._request_read = True
            return {"type": "http.request", "body": b"q", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def location(self) -> bytes:
        return bytes(dict(self.sent[0]["headers"])[b"location"]).partition(b"?")[2]


def test_a_client_that_goes_before_the_hop_ends_its_call() -> None:
    async def test() -> None:
        backend = Backend()
        connection = Connection("POST")
        call = asyncio.ensure_future(
            Gateway(backend.app, hop_after=LONG)(connection.scope, connection.receive, connection.send)
        )
        await backend.started.wait()
        connection.gone.set()
        await call
        assert backend.client_gone.is_set()

    run_virtually(test())


def test_after_the_hop_the_call_goes_on_and_a_reader_that_goes_leaves_the_result() -> None:
    async def test() -> None:
        backend = Backend()
        gateway = Gateway(backend.app, hop_after=0.02)
        asking = Connection("POST")
        await gateway(asking.scope, asking.receive, asking.send)
        asking.gone.set()
        reader = Connection("GET", asking.location)
        reader.gone.set()
        await gateway(reader.scope, reader.receive, reader.send)
        assert reader.sent == []
        backend.finish.set()
        await asyncio.sleep(0.02)
        assert not backend.client_gone.is_set()
        second = Connection("GET", asking.location)
        await gateway(second.scope, second.receive, second.send)
        assert second.sent[0]["status"] == 200

    run_virtually(test())
