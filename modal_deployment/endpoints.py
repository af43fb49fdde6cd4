"""The callables behind a region's functions on Modal. A container imports this module, and `app` never.

What the region serves, and of which function the container is, are in its environment. A container of a GPU function
loads that function's models while it imports this module, before it takes an input: so each of them finds a warm
container, and loading counts against the startup timeout, not against an answer. A snapshot of the memory is made when
this module was imported; where it cannot hold that of the GPUs, the models are loaded after it.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from modal_deployment import __version__
from modal_deployment.contents import CONTENTS_VARIABLE, AppContents, GpuFunction, gpu_snapshot, max_containers

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from modal_deployment.device import Device
    from modal_deployment.receipts import ContainerFacts
    from modal_deployment.registry import Model
    from modal_deployment.serving import Service
    from modal_deployment.transformers_generator import TransformersGenerator

FUNCTION_VARIABLE = "BEACON_FUNCTION"


def inference() -> ASGIApp:
    """Return the application of a GPU function."""
    from modal_deployment.applications import inference_app

    return inference_app(_gpu_service())


def status() -> ASGIApp:
    """Return the application of the CPU function."""
    from modal_deployment.applications import status_app
    from modal_deployment.container_facts import container_facts
    from modal_deployment.serving import Service

    contents = _contents()
    return status_app(
        Service(
            contents.region,
            contents.models,
            facts=lambda _: container_facts(None),
            version=__version__,
            lock_sha256=contents.lock_sha256,
        )
    )


@cache
def _contents() -> AppContents:
    return AppContents.from_json(os.environ[CONTENTS_VARIABLE])


def _function() -> GpuFunction:
    """Return the function that this container belongs to."""
    name = os.environ[FUNCTION_VARIABLE]
    return next(function for function in _contents().functions if function.name == name)


def _gpu_service() -> Service:
    """Return the service of this container, on the GPU that it has now: after a snapshot that may be another one."""
    from modal_deployment.device import find_gpu

    return gpu_service(_contents(), _function(), find_gpu(_function().gpu), _generators())


@cache
def _generators() -> dict[str, TransformersGenerator]:
    from modal_deployment.device import find_gpu

    return load(_function(), find_gpu(_function().gpu))


def load(function: GpuFunction, device: Device) -> dict[str, TransformersGenerator]:
    """Return the models of a function by id, loaded. Raises what their weights and the device raise."""
    from modal_deployment.transformers_generator import TransformersGenerator

    return {
        model.id: TransformersGenerator(model.source, model.revision, device=device, context=model.context)
        for model in function.models
    }


def gpu_service(
    contents: AppContents, function: GpuFunction, device: Device, generators: dict[str, TransformersGenerator]
) -> Service:
    """Return the service of a container of a GPU function."""
    from modal_deployment.container_facts import container_facts
    from modal_deployment.receipts import Siblings
    from modal_deployment.serving import Service

    siblings = Siblings(function.name, max_containers(function, contents.containers))

    def facts(_: Model | None) -> ContainerFacts:
        return container_facts(device, siblings)

    return Service(
        contents.region,
        contents.models,
        facts=facts,
        version=__version__,
        generators=generators,
        # At a 303 Modal lets the caller go and the call go on: what looks like a disconnect may be one that will come
        # back for its answer. A call that nobody wants any more is cancelled by its id.
        stops_on_disconnect=False,
        one_at_a_time=True,
        lock_sha256=contents.lock_sha256,
        take_no_more=_take_no_more,
    )


async def _take_no_more() -> None:
    """Let Modal send no more inputs here: the container ends after those that it has, and others start."""
    import modal.experimental

    await modal.experimental.stop_fetching_inputs.aio()


def _start() -> None:
    """Do what a container of a GPU function does before it takes an input, as far as a snapshot can hold it."""
    if not _contents().snapshot or gpu_snapshot(_function()):
        _generators()
    else:
        from modal_deployment import transformers_generator  # noqa: F401


if FUNCTION_VARIABLE in os.environ:
    _start()
