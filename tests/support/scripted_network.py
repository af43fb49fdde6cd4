"""A network for tests of the executor alone: no connection is made, and the test gives the answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from beacon_cli.network.streams import WatchedStream
from beacon_cli.network.transport import Network, Response


@dataclass(frozen=True)
class Request:
    """A question, or a GET: then `body` is empty."""

    method: str
    url: str
    body: Mapping[str, Any]

    @property
    def region(self) -> str:
        """The first part of the path."""
        return urlsplit(self.url).path.split("/")[1]


@dataclass(frozen=True)
class Answered:
    """What an endpoint answers; `body` becomes JSON."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        yield json.dumps(self.body).encode()


class ScriptedNetwork(Network):
    """Gives the answers of a function, which may raise the errors of httpcore2 as well."""

    def __init__(self, answer: Callable[[Request], Awaitable[Answered]]) -> None:
        super().__init__(httpcore2.AsyncConnectionPool(), {}, headers={}, connect_timeout=1)
        self._answer = answer

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Response:
        """Return the answer to a request."""
        answered = await self._answer(Request(method, url, json.loads(content or b"{}")))
        received = {name.lower(): value for name, value in answered.headers.items()}
        connection = WatchedStream(_NoStream(), lambda: None)
        return Response(answered.status, received, answered.parts(), connection)


class _NoStream(httpcore2.AsyncNetworkStream):
    def get_extra_info(self, info: str) -> None:
        """Know nothing."""
