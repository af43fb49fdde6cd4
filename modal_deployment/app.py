"""The Modal app of a region: two web functions over one registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import modal

from modal_deployment import __version__, endpoints
from modal_deployment.images import model_image, web_image
from modal_deployment.regions import REGIONS, Region
from modal_deployment.registry import REGISTRY, registry_sha256

WEIGHTS_VOLUME = "beacon-weights"
WEIGHTS_PATH = "/weights"
HUGGING_FACE_SECRET = "huggingface"

# A T4 costs while it idles: two minutes outlast the gap between two questions.
IDLE_SECONDS = 120
ANSWER_SECONDS = 900
STARTUP_SECONDS = 1800


def app_name(region_id: str) -> str:
    """Return the name of a region's app, which also begins the address of each of its functions."""
    return f"project-beacon-hf-{region_id}"


def build_app(region_id: str) -> modal.App:
    """Return the app of a region (`us`, `eu` or `apac`), with the functions `inference` and `status`.

    Raises `KeyError` for another id. Nothing here reaches the network; deploying does.
    """
    region = REGIONS[region_id]
    app = modal.App(app_name(region.id), tags=_tags(), include_source=False)
    _add_inference(app, region)
    _add_status(app, region)
    return app


def _tags() -> dict[str, str]:
    return {"version": __version__, "registry_sha256": registry_sha256(REGISTRY.values())[:12]}


def _add_inference(app: modal.App, region: Region) -> None:
    """Add the GPU function: at most one container per registered model, each of which loads them all.

    A container gets one request at a time, because nothing here says otherwise (`modal.concurrent` would:
    https://modal.com/docs/guide/concurrent-inputs).
    """
    (gpu,) = {model.gpu for model in REGISTRY.values()}  # one kind, since a container has one GPU for all models
    app.function(
        image=model_image(),
        gpu=gpu,
        region=region.modal_region,
        max_containers=len(REGISTRY),
        timeout=ANSWER_SECONDS,
        startup_timeout=STARTUP_SECONDS,
        scaledown_window=IDLE_SECONDS,
        secrets=[modal.Secret.from_name(HUGGING_FACE_SECRET, required_keys=["HF_TOKEN"])],
        volumes={WEIGHTS_PATH: modal.Volume.from_name(WEIGHTS_VOLUME, create_if_missing=True)},
        env={endpoints.REGION_VARIABLE: region.id, endpoints.LOAD_VARIABLE: "1", "HF_HUB_CACHE": WEIGHTS_PATH},
    )(_web_function(region, endpoints.inference))


def _add_status(app: modal.App, region: Region) -> None:
    """Add the CPU function, which answers without waking a GPU."""
    app.function(
        image=web_image(),
        region=region.modal_region,
        max_containers=1,
        env={endpoints.REGION_VARIABLE: region.id},
    )(_web_function(region, endpoints.status))


def _web_function(region: Region, function: Callable[[], Any]) -> Any:
    """Return `function` as a web function that only answers requests with a proxy token of the workspace."""
    label = f"{app_name(region.id)}-{function.__name__}"
    return modal.asgi_app(label=label, requires_proxy_auth=True)(function)
