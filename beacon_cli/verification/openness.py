"""Checks whether an endpoint answers without credentials. If some are configured, it must not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from urllib.parse import urlsplit

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.client import Client
from beacon_cli.executor.exchange import ask, get_object
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane

OPENNESS_SECONDS = 10.0
"""Seconds to wait for answers to requests without credentials."""

_MODAL_HOST = ".modal.run"


async def open_functions(anonymous: Client, endpoint: Endpoint, *, inference: bool) -> list[str]:
    """Return the functions that accept a request without credentials.

    `inference` is tried only on request, with a request that no model answers: an open one may wake a GPU for it.
    """
    checks: dict[str, Awaitable[object]] = {
        "models": get_object(anonymous, endpoint.models_url),
        "health": get_object(anonymous, endpoint.health_url),
    }
    if inference:
        # One model for each function: the empty id is asked at `inference`.
        asked = {each.inference_url: model_id for model_id, each in endpoint.models.items()}
        for model_id in ("", *asked.values()):
            name = f"inference of {model_id}" if model_id else "inference"
            checks[name] = ask(anonymous, endpoint, Lane(model_id, endpoint.region), {}, lambda _: None)
    let_in = await asyncio.gather(*(_lets_in(asking) for asking in checks.values()))
    return [name for name, is_open in zip(checks, let_in, strict=True) if is_open]


async def _lets_in(asking: Awaitable[object]) -> bool:
    """Return whether a request got past the gateway. If that is unclear (a 404, no answer), it did not."""
    try:
        async with asyncio.timeout(OPENNESS_SECONDS):
            await asking
    except AttemptError as error:
        status = error.http_status
        return error.code != "unauthorized" and status is not None and status != 404 and status < 500
    except TimeoutError:
        return False
    return True


def is_on_modal(endpoint: Endpoint) -> bool:
    """Return whether the inference function is on Modal, where an open one costs its owner money."""
    return (urlsplit(endpoint.inference_url).hostname or "").endswith(_MODAL_HOST)
