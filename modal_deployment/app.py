"""The Modal app of a region: a web function for each kind of GPU, and one without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import modal

from modal_deployment import __version__, endpoints
from modal_deployment.contents import STATUS, AppContents, GpuFunction
from modal_deployment.idling import IDLE_SECONDS
from modal_deployment.images import model_image, web_image
from modal_deployment.registry import registry_sha256

WEIGHTS_VOLUME = "beacon-weights"
WEIGHTS_PATH = "/weights"
HUGGING_FACE_SECRET = "huggingface"

ANSWER_SECONDS = 900
STARTUP_SECONDS = 1800


def app_name(region_id: str) -> str:
    """Return the name of a region's app, which also begins the address of each of its functions."""
    return f"project-beacon-hf-{region_id}"


def label(region_id: str, function: str) -> str:
    """Return the label of a function, which Modal makes a part of its address."""
    return f"{app_name(region_id)}-{function}"


def build_app(contents: AppContents) -> modal.App:
    """Return the app of a region, with `status` and a function for each kind of GPU.

    Nothing here reaches the network; deploying does.
    """
    app = modal.App(app_name(contents.region.id), tags=_tags(contents), include_source=False)
    for function in contents.functions:
        _add_inference(app, contents, function)
    _add_status(app, contents)
    return app


def _tags(contents: AppContents) -> dict[str, str]:
    return {"version": __version__, "registry_sha256": registry_sha256(contents.models)[:12]}


def _add_inference(app: modal.App, contents: AppContents, function: GpuFunction) -> None:
    """Add a GPU function: at most one container for each of its models, each of which loads them all.

    A container gets one request at a time, because nothing here says otherwise (`modal.concurrent` would:
    https://modal.com/docs/guide/concurrent-inputs).
    """
    app.function(
        name=function.name,
        image=model_image(),
        gpu=function.gpu,
        region=contents.region.modal_region,
        max_containers=len(function.models),
        timeout=ANSWER_SECONDS,
        startup_timeout=STARTUP_SECONDS,
        scaledown_window=IDLE_SECONDS,
        secrets=[modal.Secret.from_name(HUGGING_FACE_SECRET, required_keys=["HF_TOKEN"])],
        volumes={WEIGHTS_PATH: modal.Volume.from_name(WEIGHTS_VOLUME, create_if_missing=True)},
        env={**_environment(contents), endpoints.FUNCTION_VARIABLE: function.name, "HF_HUB_CACHE": WEIGHTS_PATH},
    )(_web_function(contents, function.name, endpoints.inference))


def _add_status(app: modal.App, contents: AppContents) -> None:
    """Add the CPU function, which answers without waking a GPU."""
    app.function(
        name=STATUS,
        image=web_image(),
        region=contents.region.modal_region,
        max_containers=1,
        env={**_environment(contents)},
    )(_web_function(contents, STATUS, endpoints.status))


def _environment(contents: AppContents) -> dict[str, str | None]:
    """Return what tells a container what it serves. A value may have 32,768 characters, room for a hundred models:
    https://modal.com/docs/guide/secrets.
    """
    return {endpoints.CONTENTS_VARIABLE: contents.as_json()}


def _web_function(contents: AppContents, name: str, function: Callable[[], Any]) -> Any:
    """Return `function` as a web function that only answers requests with a proxy token of the workspace."""
    return modal.asgi_app(label=label(contents.region.id, name), requires_proxy_auth=True)(function)
