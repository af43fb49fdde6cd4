"""The callables behind a region's functions on Modal. A container imports this module, and `app` never.

A container with `BEACON_LOAD_MODELS` loads the whole registry while it imports this module, before it takes an input:
so either model finds a warm container, and loading counts against the startup timeout, not against an answer.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from modal_deployment import __version__
from modal_deployment.regions import REGIONS
from modal_deployment.registry import REGISTRY

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from modal_deployment.serving import Service
    from modal_deployment.transformers_generator import TransformersGenerator

REGION_VARIABLE = "BEACON_REGION"
LOAD_VARIABLE = "BEACON_LOAD_MODELS"


def inference() -> ASGIApp:
    """Return the application of the GPU function."""
    from modal_deployment.applications import inference_app

    return inference_app(_service())


def status() -> ASGIApp:
    """Return the application of the CPU function."""
    from modal_deployment.applications import status_app

    return status_app(_service())


@cache
def _service() -> Service:
    """Return the one service of this container, for the region that its environment names."""
    from modal_deployment.container_facts import container_facts
    from modal_deployment.serving import Service

    return Service(
        REGIONS[os.environ[REGION_VARIABLE]],
        REGISTRY.values(),
        facts=container_facts,
        version=__version__,
        generators=_generators() if LOAD_VARIABLE in os.environ else None,
        # At a 303 Modal lets the caller go and the call go on: what looks like a disconnect may be one that will come
        # back for its answer. A call that nobody wants any more is cancelled by its id.
        stops_on_disconnect=False,
    )


def _generators() -> dict[str, TransformersGenerator]:
    from modal_deployment.transformers_generator import TransformersGenerator, best_device

    device = best_device()
    return {
        model.id: TransformersGenerator(model.source, model.revision, device=device, context=model.context)
        for model in REGISTRY.values()
    }


if LOAD_VARIABLE in os.environ:
    _service()
