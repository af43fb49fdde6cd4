"""The endpoints of a region. Modal's web functions and the servers on this machine both call them.

Prompts, answers and credentials never reach the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from modal_deployment.asked import Asked, read_body
from modal_deployment.chat_completion import chat_completion, model_list
from modal_deployment.chat_request import read_chat_request
from modal_deployment.device import GpuFailed
from modal_deployment.generation import Generator
from modal_deployment.inference_request import read_inference_request
from modal_deployment.limits import MAX_WAITING
from modal_deployment.receipts import Answered, ContainerFacts, Provenance, answer
from modal_deployment.refusal import Refusal
from modal_deployment.regions import Region
from modal_deployment.registry import Model, registry_document, registry_sha256
from modal_deployment.request_id import sent_back
from modal_deployment.responses import json_response, refused, refused_as_openai
from modal_deployment.slot import Slot

logger = logging.getLogger(__name__)

GPU_FAILED = "gpu_failed"
"""The code of the error of a container whose GPU failed."""

FactsSource = Callable[[Model | None], ContainerFacts]


async def _nothing_to_stop() -> None:
    """Nobody else sends requests here, or starts another container."""


@dataclass(frozen=True, slots=True)
class _Api:
    """How an API asks and answers: the one thing in which the routes to a model differ."""

    read: Callable[[bytes], Asked]
    answer: Callable[[Answered], dict[str, Any]]
    refused: Callable[[Refusal, Mapping[str, str]], Response]


_CONTRACT = _Api(read_inference_request, answer, refused)
_OPENAI = _Api(read_chat_request, chat_completion, refused_as_openai)


class Service:
    """A region's models and what answers for them.

    `models` is what the region serves, `generators` (by model id) those loaded in this process: one that answers
    only `models` and `health` has none. `facts` is asked at each request, with the model or None.
    `stops_on_disconnect` ends what a client that went away had asked for. `one_at_a_time` lets only one of the models
    run at a time: they share a GPU. `lock_sha256` says what is installed here, where that is pinned. `take_no_more` is
    awaited when the GPU failed: it ends the sending of requests to this container.
    """

    def __init__(
        self,
        region: Region,
        models: Iterable[Model],
        *,
        facts: FactsSource,
        version: str,
        generators: Mapping[str, Generator] | None = None,
        max_waiting: int = MAX_WAITING,
        stops_on_disconnect: bool = True,
        one_at_a_time: bool = False,
        lock_sha256: str | None = None,
        take_no_more: Callable[[], Awaitable[None]] = _nothing_to_stop,
    ) -> None:
        self._region = region
        self._models = {model.id: model for model in models}
        self._facts = facts
        self._version = version
        self._stops_on_disconnect = stops_on_disconnect
        self._registry_sha256 = registry_sha256(self._models.values())
        self._lock_sha256 = lock_sha256
        self._take_no_more = take_no_more
        self._gpu_failure: str | None = None
        turn = asyncio.Lock() if one_at_a_time else None
        self._slots = {
            model_id: Slot(generator, max_waiting=max_waiting, turn=turn)
            for model_id, generator in (generators or {}).items()
        }

    async def inference(self, request: Request) -> Response:
        """Answer `POST inference`; a client that goes away takes its request with it, waiting or running."""
        return await self._ask(request, _CONTRACT)

    async def chat(self, request: Request) -> Response:
        """Answer `POST /v1/chat/completions` in the same way."""
        return await self._ask(request, _OPENAI)

    async def openai_models(self, request: Request) -> Response:  # noqa: ARG002
        """Answer `GET /v1/models`: the models that can be asked here; all of the region where none can."""
        return json_response(model_list(sorted(self._slots or self._models)))

    async def models(self, request: Request) -> Response:  # noqa: ARG002
        """Answer `GET models`: the registry as it is deployed here."""
        return json_response(
            {
                "models_available": sorted(self._models),
                "model_registry": registry_document(self._models.values()),
                "registry_sha256": self._registry_sha256,
                "lock_sha256": self._lock_sha256,
                "region": self._region.id,
            }
        )

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """Answer `GET health`: of this container."""
        facts = self._facts(None)
        return json_response(
            {
                "status": "healthy" if self._gpu_failure is None else "unhealthy",
                **({} if self._gpu_failure is None else {"problem": self._gpu_failure}),
                "models_available": sorted(self._models),
                "region": self._region.id,
                "container_id": facts.container_id,
                "version": self._version,
                "device": facts.device and facts.device.as_data(),
            }
        )

    async def _ask(self, request: Request, api: _Api) -> Response:
        headers = sent_back(request.headers)
        try:
            asked = api.read(await read_body(request))
            return json_response(api.answer(await self._while_connected(request, asked)), headers=headers)
        except Refusal as refusal:
            return api.refused(refusal, headers)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it

    async def _while_connected(self, request: Request, asked: Asked) -> Answered:
        if not self._stops_on_disconnect:
            return await self._answered(asked)
        work = asyncio.ensure_future(self._answered(asked))
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ClientDisconnect
            return work.result()
        finally:
            work.cancel()
            gone.cancel()

    async def _answered(self, asked: Asked) -> Answered:
        if (slot := self._slots.get(asked.model)) is None:
            served = ", ".join(sorted(self._slots))
            message = f"no model of that id is served here; served: {served}"
            raise Refusal(404, "unknown_model", message, parameter="model")
        model = self._models[asked.model]
        if self._gpu_failure is not None:
            await self._end_requests()
            raise self._gpu_refusal()
        try:
            timed = await slot.generate(asked.generation)
        except Refusal:
            raise
        except GpuFailed as failure:
            self._gpu_failure = f"the GPU of this container failed: {failure}"
            logger.error("%s region=%s", self._gpu_failure, self._region.id)
            await self._end_requests()
            raise self._gpu_refusal() from None
        except Exception as error:
            logger.error("generation failed: model=%s region=%s %s", model.id, self._region.id, _place(error))
            raise Refusal(500, "generation_failed", "the model failed on this request") from None
        source = Provenance(self._region.id, model, slot.generator.architecture, self._registry_sha256, self._version)
        return Answered(asked, timed, source, self._facts(model))

    async def _end_requests(self) -> None:
        """Take no further requests; whoever comes all the same is refused, and it is tried again."""
        try:
            await self._take_no_more()
        except Exception as error:
            logger.error("the container cannot be taken out of service: %s", _place(error))

    def _gpu_refusal(self) -> Refusal:
        return Refusal(503, GPU_FAILED, f"{self._gpu_failure}; it takes no more requests, another one will")


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _place(error: BaseException) -> str:
    """Return an exception's type and where it was raised; its text may hold a prompt."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{where}"
