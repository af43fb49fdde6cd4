"""Regions as Modal would serve them, on one loopback port in a thread: each says what a test makes it say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from beacon_cli.endpoints.configured import Endpoint
from modal_deployment.regions import BUILT_IN_REGIONS
from modal_deployment.registry import BUILT_IN_MODELS, Model, registry_document, registry_sha256
from tests.support.answers import good_answer
from tests.support.raw_server import RawServer, Request, http, raw_server_in_thread

CREDENTIALS = {"modal-key": "wk-test-1", "modal-secret": "ws-canary-1"}
CALL = "__modal_function_call_id=fc-1"

Reply = Callable[[Request], bytes | None]


def modal_404(text: str) -> bytes:
    return http(404, f"modal-http: {text}".encode(), Content_Type="text/plain")


@dataclass
class Region:
    """What one region answers, after `wait` seconds. `first` holds replies by function that come first, each once."""

    id: str
    models: dict[str, Any] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    always: dict[str, bytes] = field(default_factory=dict)
    first: dict[str, list[bytes]] = field(default_factory=dict)
    wants_credentials: bool = False
    wait: float = 0.0
    requests: list[Request] = field(default_factory=list)
    held: str = "llama3.2-1b"  # the model of the call that a reply in `first` moved elsewhere: a GET asks for it

    def __post_init__(self) -> None:
        self.serves(BUILT_IN_MODELS)

    def serves(self, models: Collection[Model]) -> None:
        """Make it say that these models are deployed, and that all is well."""
        self.models = {
            "models_available": sorted(model.id for model in models),
            "model_registry": registry_document(models),
            "registry_sha256": registry_sha256(models),
            "region": self.id,
        }
        self.health = {
            "status": "healthy",
            "models_available": sorted(model.id for model in models),
            "region": self.id,
            "container_id": f"ta-{self.id}",
            "version": "0.1.0",
        }

    def reply(self, function: str, request: Request) -> bytes:
        self.requests.append(request)
        if self.wants_credentials and any(request.headers.get(key) != value for key, value in CREDENTIALS.items()):
            return http(401, b"modal-http: missing credentials for proxy authorization", Content_Type="text/plain")
        if self.first.get(function) and "?" not in request.path:
            reply = self.first[function].pop(0)
            if request.method == "POST" and reply.startswith(b"HTTP/1.1 303"):
                self.held = request.json["model"]
            return reply
        if function in self.always:
            return self.always[function]
        if function in ("models", "health"):
            return http(200, self.models if function == "models" else self.health)
        if request.method == "POST" and "model" not in request.json:
            return http(422, {"success": False, "error": {"code": "invalid", "message": "no model"}})
        model = request.json["model"] if request.method == "POST" else self.held
        return http(200, {**good_answer(self.id, model), **self.answer})


@dataclass
class Deployed:
    us: Region = field(default_factory=lambda: Region("us"))
    eu: Region = field(default_factory=lambda: Region("eu"))
    apac: Region = field(default_factory=lambda: Region("apac"))
    br: Region = field(default_factory=lambda: Region("br"))
    url: str = ""
    server: RawServer | None = None

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        _, region, function = request.path.partition("?")[0].split("/")
        chosen: Region = getattr(self, region)
        await asyncio.sleep(chosen.wait)
        return chosen.reply(function, request)

    def endpoints(self) -> dict[str, Endpoint]:
        return {region.id: Endpoint.at(region, f"{self.url}/{region.id}") for region in BUILT_IN_REGIONS}

    def environment(self) -> dict[str, str]:
        names = [region.id for region in BUILT_IN_REGIONS]
        return {f"BEACON_REGIONS__{name.upper()}__BASE_URL": f"{self.url}/{name}" for name in names}


@contextlib.contextmanager
def deployed() -> Iterator[Deployed]:
    regions = Deployed()
    with raw_server_in_thread(regions.handle) as server:
        regions.server, regions.url = server, server.url
        yield regions
