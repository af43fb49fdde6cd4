"""The web applications of a region: which route is answered where."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modal_deployment.refusal import Refusal
from modal_deployment.responses import OPENAI_PREFIX, refused_at
from modal_deployment.serving import Service

CHAT = f"{OPENAI_PREFIX}chat/completions"
_OPENAI_MODELS = f"{OPENAI_PREFIX}models"


def region_app(service: Service) -> Starlette:
    """Return all routes of a region as one application, as the servers on this machine have them."""
    return _application([Route("/inference", service.inference, methods=["POST"]), *_asked(service), *_read(service)])


def inference_app(service: Service) -> Starlette:
    """Return the application of a function on a GPU, which has an address of its own, with the container's `health`."""
    return _application([Route("/", service.inference, methods=["POST"]), *_asked(service), _health(service)])


def status_app(service: Service) -> Starlette:
    """Return the application of Modal's function `status`: what can be answered without a model."""
    return _application([*_read(service), _listing(service)])


def _asked(service: Service) -> list[Route]:
    return [Route(CHAT, service.chat, methods=["POST"]), _listing(service)]


def _read(service: Service) -> list[Route]:
    return [Route("/models", service.models, methods=["GET"]), _health(service)]


def _health(service: Service) -> Route:
    return Route("/health", service.health, methods=["GET"])


def _listing(service: Service) -> Route:
    return Route(_OPENAI_MODELS, service.openai_models, methods=["GET"])


def _application(routes: Sequence[Route]) -> Starlette:
    """Return an application with these routes, and JSON errors for all the rest."""
    known = ", ".join(f"{'POST' if 'POST' in (route.methods or ()) else 'GET'} {route.path}" for route in routes)

    async def http_error(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            return refused_at(request.url.path, Refusal(405, "method_not_allowed", f"there is {known}"))
        return refused_at(request.url.path, Refusal(404, "not_found", f"there is {known}, and nothing else"))

    app = Starlette(routes=routes, exception_handlers={HTTPException: http_error, Exception: _server_error})
    app.router.redirect_slashes = False  # a 307 would send the prompt a second time
    return app


async def _server_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return refused_at(request.url.path, Refusal(500, "internal", "the server failed on this request"))
