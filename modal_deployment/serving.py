"""The endpoints of a region. Modal's web functions and the servers on this machine both call them.

Prompts, answers and credentials never reach the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from modal_deployment.asked import Asked, read_body
from modal_deployment.chat_completion import chat_completion, model_list
from modal_deployment.chat_request import read_chat_request
from modal_deployment.generation import Generator
from modal_deployment.inference_request import read_inference_request
from modal_deployment.receipts import Answered, ContainerFacts, Provenance, answer
from modal_deployment.refusal import Refusal
from modal_deployment.regions import Region
from modal_deployment.registry import Model, registry_document, registry_sha256
from modal_deployment.request_id import sent_back
from modal_deployment.responses import json_response, refused, refused_as_openai
from modal_deployment.slot import MAX_WAITING, Slot

logger = logging.getLogger(__name__)

FactsSource = Callable[[Model | None], ContainerFacts]


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
    `stops_on_disconnect` ends what a client that went away had asked for.
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
    ) -> None:
        self._region = region
        self._models = {model.id: model for model in models}
        self._facts = facts
        self._version = version
        self._stops_on_disconnect = stops_on_disconnect
        self._registry_sha256 = registry_sha256(self._models.values())
        self._slots = {
            model_id: Slot(generator, max_waiting=max_waiting) for model_id, generator in (generators or {}).items()
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
                "region": self._region.id,
            }
        )

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """Answer `GET health`."""
        return json_response(
            {
                "status": "healthy",
                "models_available": sorted(self._models),
                "region": self._region.id,
                "container_id": self._facts(None).container_id,
                "version": self._version,
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
        try:
            timed = await slot.generate(asked.generation)
        except Refusal:
            raise
        except Exception as error:
            logger.error("generation failed: model=%s region=%s %s", model.id, self._region.id, _place(error))
            raise Refusal(500, "generation_failed", "the model failed on this request") from None
        source = Provenance(self._region.id, model, slot.generator.architecture, self._registry_sha256, self._version)
        return Answered(asked, timed, source, self._facts(model))


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
