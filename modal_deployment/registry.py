"""Models as they are served: what is deployed, verified and audited is compared with this."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it is served.

    `id` is matched exactly; `source` is its Hugging Face id, or the name of its weights file; `revision` pins the
    weights (a commit of the hub, or the SHA-256 of the file); `context` is its window in tokens; `gpu` is None on CPU.
    What is only known to jobs, and never deployed, may lack all of these.
    """

    id: str
    source: str
    revision: str | None = None
    gpu: str | None = None
    context: int | None = None
    architecture: str = "transformers"


BUILT_IN_MODELS: tuple[Model, ...] = (
    Model(
        id="llama3.2-1b",
        source="meta-llama/Llama-3.2-1B-Instruct",
        revision="9213176726f574b556790deb65791e0c5aa438b6",
        gpu="T4",
        context=128000,
    ),
    Model(
        id="qwen2.5-1.5b",
        source="Qwen/Qwen2.5-1.5B-Instruct",
        revision="989aa7980e4cf806f80c7fef2b1adb7bc71aa306",
        gpu="T4",
        context=32768,
    ),
)


def registry_document(models: Iterable[Model]) -> dict[str, dict[str, object]]:
    """Return the models as the `model_registry` of a `models` answer: id → everything known of it but the id."""
    return {
        model.id: {key: value for key, value in asdict(model).items() if key != "id"}
        for model in sorted(models, key=lambda model: model.id)
    }


def registry_sha256(models: Iterable[Model]) -> str:
    """Return the SHA-256 of the registry's canonical JSON: equal for two deployments that serve the same models."""
    canonical = json.dumps(registry_document(models), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
