"""The Modal app of a region: a web function for each kind of GPU, and one without; and what fetches the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import modal

from modal_deployment import __version__, endpoints, weights
from modal_deployment.contents import (
    CONTENTS_VARIABLE,
    IDLE_SECONDS,
    STATUS,
    AppContents,
    GpuFunction,
    app_name,
    gpu_snapshot,
    max_containers,
    max_inputs,
)
from modal_deployment.images import lock_sha256, model_image, web_image
from modal_deployment.registry import registry_sha256
from modal_deployment.weights import WEIGHTS_PATH, WEIGHTS_VOLUME, cache_folder

HUGGING_FACE_SECRET = "huggingface"

ANSWER_SECONDS = 900
STARTUP_SECONDS = 1800
FETCH_SECONDS = 3600


def label(region_id: str, function: str) -> str:
    """Return the label of a function, which Modal makes a part of its address."""
    return f"{app_name(region_id)}-{function}"


def build_app(contents: AppContents) -> modal.App:
    """Return the app of a region, with `status` and a function for each kind of GPU.

    Nothing here reaches the network; deploying does.
    """
    return app_and_functions(contents)[0]


def app_and_functions(contents: AppContents) -> tuple[modal.App, dict[str, modal.Function[..., Any, Any]]]:
    """Return the app of a region, and its functions by name: once it is deployed, each knows its address."""
    app = modal.App(app_name(contents.region.id), tags=_tags(contents), include_source=False)
    functions = {function.name: _add_inference(app, contents, function) for function in contents.functions}
    return app, {**functions, STATUS: _add_status(app, contents)}


def build_weights_app(contents: AppContents) -> tuple[modal.App, modal.Function[[], dict[str, str], dict[str, str]]]:
    """Return an app to run before the deployment, and its one function: it fetches the weights on a CPU.

    It returns what `weights.fetch` returns. Nothing of it stays.
    """
    app = modal.App(f"{app_name(contents.region.id)}-weights", include_source=False)
    fetch = app.function(
        name="fetch",
        image=model_image(),
        region=contents.region.modal_region,
        max_containers=1,
        timeout=FETCH_SECONDS,
        secrets=[modal.Secret.from_name(HUGGING_FACE_SECRET, required_keys=["HF_TOKEN"])],
        volumes=_volumes(),
        env=_environment(contents),
    )(weights.fetch)
    return app, fetch


def _tags(contents: AppContents) -> dict[str, str]:
    return {"version": __version__, "registry_sha256": registry_sha256(contents.models)[:12]}


def _add_inference(app: modal.App, contents: AppContents, function: GpuFunction) -> modal.Function[..., Any, Any]:
    """Add a GPU function. Each of its containers loads all of its models.

    A container gets one request at a time, unless `modal.concurrent` says otherwise:
    https://modal.com/docs/guide/concurrent-inputs. Its weights are in the volume before it is published.
    """
    web_function = _web_function(contents, function.name, endpoints.inference)
    if (inputs := max_inputs(function, contents.containers)) > 1:
        web_function = modal.concurrent(max_inputs=inputs)(web_function)
    return app.function(
        name=function.name,
        image=model_image(),
        gpu=function.gpu,
        region=contents.region.modal_region,
        max_containers=max_containers(function, contents.containers),
        timeout=ANSWER_SECONDS,
        startup_timeout=STARTUP_SECONDS,
        scaledown_window=IDLE_SECONDS,
        volumes=_volumes(),
        env={
            **_environment(contents),
            endpoints.FUNCTION_VARIABLE: function.name,
            "HF_HUB_CACHE": cache_folder(contents.region.id),
            "HF_HUB_OFFLINE": "1",
        },
        enable_memory_snapshot=contents.snapshot,
        experimental_options={"enable_gpu_snapshot": True} if contents.snapshot and gpu_snapshot(function) else {},
    )(web_function)


def _volumes() -> dict[str | PurePosixPath, modal.Volume | modal.CloudBucketMount]:
    return {WEIGHTS_PATH: modal.Volume.from_name(WEIGHTS_VOLUME, create_if_missing=True)}


def _add_status(app: modal.App, contents: AppContents) -> modal.Function[..., Any, Any]:
    """Add the CPU function, which answers without waking a GPU."""
    return app.function(
        name=STATUS,
        image=web_image(),
        region=contents.region.modal_region,
        max_containers=1,
        env=_environment(contents),
    )(_web_function(contents, STATUS, endpoints.status))


def _environment(contents: AppContents) -> dict[str, str | None]:
    """Return what tells a container what it serves. A value may have 32,768 characters, room for a hundred models:
    https://modal.com/docs/guide/secrets.
    """
    return {CONTENTS_VARIABLE: replace(contents, lock_sha256=lock_sha256()).as_json()}


def _web_function(contents: AppContents, name: str, function: Callable[[], Any]) -> Any:
    """Return `function` as a web function that only answers requests with a proxy token of the workspace."""
    return modal.asgi_app(label=label(contents.region.id, name), requires_proxy_auth=True)(function)
