"""The callables behind a region's functions on Modal. A container imports this module, and `app` never.

What the region serves, and of which function the container is, are in its environment. A container of a GPU function
loads that function's models while it imports this module, before it takes an input: so each of them finds a warm
container, and loading counts against the startup timeout, not against an answer.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from modal_deployment import __version__
from modal_deployment.contents import AppContents

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from modal_deployment.serving import Service
    from modal_deployment.transformers_generator import TransformersGenerator

CONTENTS_VARIABLE = "BEACON_CONTENTS"
FUNCTION_VARIABLE = "BEACON_FUNCTION"


def inference() -> ASGIApp:
    """Return the application of a GPU function."""
    from modal_deployment.applications import inference_app

    return inference_app(_service())


def status() -> ASGIApp:
    """Return the application of the CPU function."""
    from modal_deployment.applications import status_app

    return status_app(_service())


@cache
def _service() -> Service:
    """Return the one service of this container."""
    from modal_deployment.container_facts import container_facts
    from modal_deployment.serving import Service

    contents = AppContents.from_json(os.environ[CONTENTS_VARIABLE])
    return Service(
        contents.region,
        contents.models,
        facts=container_facts,
        version=__version__,
        generators=_generators(contents, os.environ.get(FUNCTION_VARIABLE)),
        # At a 303 Modal lets the caller go and the call go on: what looks like a disconnect may be one that will come
        # back for its answer. A call that nobody wants any more is cancelled by its id.
        stops_on_disconnect=False,
    )


def _generators(contents: AppContents, name: str | None) -> dict[str, TransformersGenerator]:
    """Return the models of a GPU function, loaded; none for the function without a GPU, which has no name here."""
    models = [model for function in contents.functions if function.name == name for model in function.models]
    if not models:
        return {}
    from modal_deployment.transformers_generator import TransformersGenerator, best_device

    device = best_device()
    return {
        model.id: TransformersGenerator(model.source, model.revision, device=device, context=model.context)
        for model in models
    }


if FUNCTION_VARIABLE in os.environ:
    _service()
