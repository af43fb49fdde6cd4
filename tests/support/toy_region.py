"""A region in the process of the test, with a model that needs no weights."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import httpx2

from modal_deployment.applications import region_app
from modal_deployment.device import Device, GpuFailed
from modal_deployment.generation import Generated, GenerationRequest
from modal_deployment.receipts import ContainerFacts
from modal_deployment.refusal import Refusal
from modal_deployment.registry import Model
from modal_deployment.serving import Service
from tests.support.vocabulary import REGIONS

GPU = Device(
    place="cuda",
    name="Tesla T4",
    dtype="float16",
    driver="580.95.05",
    versions={"torch": "2.13.0", "transformers": "5.23.0", "tokenizers": "0.23.3"},
)
MODEL = Model("m-1", "org/M-1", "abc123", "T4", 1000, "toy")


class Toy:
    """Answers with the prompt backwards; waits for `release` where the prompt says so."""

    architecture = "toy"

    def __init__(self) -> None:
        self.release = threading.Event()
        self.started = threading.Semaphore(0)
        self.requests: list[GenerationRequest] = []

    def generate(self, request: GenerationRequest) -> Generated:
        self.requests.append(request)
        self.started.release()
        if request.prompt.startswith("wait"):
            while not self.release.wait(0.01):
                if request.cancelled.is_set():
                    return Generated("", 0, "cancelled")
        if request.prompt == "raise":
            raise RuntimeError("secret-canary in the exception's text")
        if request.prompt == "break the GPU":
            raise GpuFailed("CUDA error: an illegal memory access was encountered")
        if request.prompt == "refuse":
            raise Refusal(503, "warming_up", "soon", retry_after="7")
        return Generated(request.prompt[::-1], 3, "stop")


def facts(model: Model | None) -> ContainerFacts:
    return ContainerFacts("ta-1" if model else "ta-0", "us-east-1", GPU if model else None, "modal")


def service(toy: Toy, max_waiting: int = 16, **options: Any) -> Service:
    return Service(
        *(REGIONS["us"], [MODEL]),
        facts=facts,
        version="9.9",
        generators={MODEL.id: toy},
        max_waiting=max_waiting,
        **options,
    )


def in_client(
    test: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Any]], toy: Toy, max_waiting: int = 16, **options: Any
) -> Any:
    async def run() -> Any:
        transport = httpx2.ASGITransport(app=region_app(service(toy, max_waiting, **options)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://region") as client:
            return await test(client)

    return asyncio.run(run())
