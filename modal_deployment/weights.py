"""Fetches the weights of a region's models into the volume: on a CPU, before a GPU could wait for them.

Modal runs `fetch` in the image of the functions on GPUs, once for each region, at every deployment. Containers on GPUs
read the volume and ask nobody.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from modal_deployment.contents import CONTENTS_VARIABLE, AppContents
from modal_deployment.registry import Model

WEIGHTS_VOLUME = "beacon-weights"
WEIGHTS_PATH = "/weights"

# What transformers reads: not the same weights in other formats, which many repositories hold in folders or as pickles.
_WANTED = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
_NOT_WANTED = ("*/*",)
_LONGEST_REASON = 300  # characters


def cache_folder(region_id: str) -> str:
    """Return where a region's weights are: regions that are deployed at the same time write no file of each other's."""
    return f"{WEIGHTS_PATH}/{region_id}"


def fetch() -> dict[str, str]:
    """Fetch what is missing, and return by model id why weights could not be fetched."""
    contents = AppContents.from_json(os.environ[CONTENTS_VARIABLE])
    return fetch_into(cache_folder(contents.region.id), contents.models, commit=_commit)


def fetch_into(folder: str, models: tuple[Model, ...], *, commit: Callable[[], None]) -> dict[str, str]:
    """Fetch the weights of `models` into the hub's cache in `folder`, call `commit`, and return what failed."""
    problems = {model.id: reason for model in models if (reason := _problem(model, folder))}
    commit()
    return problems


def _problem(model: Model, folder: str) -> str | None:
    """Fetch one model's weights; return None, or why that failed."""
    from huggingface_hub import snapshot_download

    try:
        files = snapshot_download(
            model.source,
            revision=model.revision,
            cache_dir=folder,
            allow_patterns=list(_WANTED),
            ignore_patterns=list(_NOT_WANTED),
        )
    except Exception as error:  # of the hub, the network, the disk: the deployment reports it
        return _reason(error, model)
    if not any(Path(files).glob("*.safetensors")):
        return f"{model.source} has no weights as safetensors at revision {model.revision}"
    return None


def _reason(error: Exception, model: Model) -> str:
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            return f"the account of HF_TOKEN may not read {model.source}: accept its license on the hub"
        case errors.RepositoryNotFoundError():
            return f"the hub has no {model.source}, or hides it from the account of HF_TOKEN"
        case errors.RevisionNotFoundError():
            return f"{model.source} has no revision {model.revision}"
    told = " ".join(str(error).split())[:_LONGEST_REASON]
    return f"{type(error).__name__}: {told}"


def _commit() -> None:
    import modal

    modal.Volume.from_name(WEIGHTS_VOLUME).commit()
