"""The answer of `POST inference` and the receipt in it: what ran, where, when, on which weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from modal_deployment.asked import Asked
from modal_deployment.device import Device
from modal_deployment.generation import Generated, GenerationRequest
from modal_deployment.registry import Model
from modal_deployment.slot import Timed

SCHEMA_VERSION = "v0.1.0"


@dataclass(frozen=True, slots=True)
class Siblings:
    """The function that a container belongs to, and how many containers it may have in this region."""

    function: str
    at_most: int


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """Where an answer was made; `container_region` is the provider's own name, None when it gives none.

    `device` is the GPU, as it says itself; None on a CPU. `siblings` is None where nothing limits containers.
    """

    container_id: str
    container_region: str | None
    device: Device | None
    provider: str
    siblings: Siblings | None = None

    @property
    def gpu(self) -> str | None:
        """The GPU's own name."""
        return None if self.device is None else self.device.name


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is the same for all answers of one model in one deployment."""

    region: str
    model: Model
    architecture: str
    registry_sha256: str
    version: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer, and all that is known of how the answer came about."""

    asked: Asked
    timed: Timed
    source: Provenance
    facts: ContainerFacts


def answer(answered: Answered) -> dict[str, Any]:
    """Return the whole body of a successful answer; durations are in seconds, times in ISO 8601, UTC."""
    timed, source, facts = answered.timed, answered.source, answered.facts
    generated = timed.generated
    seconds = round(timed.seconds, 6)
    model = generated.model or source.model.id
    region = generated.region or source.region
    device = facts.device and facts.device.as_data()
    return {
        "success": True,
        "response": generated.text,
        "model": model,
        "region": region,
        "inference_time": seconds,
        "tokens_generated": generated.tokens_generated,
        "finish_reason": generated.finish_reason,
        **({} if generated.thought is None else {"reasoning_content": generated.thought}),
        "container_id": facts.container_id,
        "container_region": facts.container_region,
        "gpu": facts.gpu,
        "device": device,
        **({} if facts.siblings is None else {"containers": asdict(facts.siblings)}),
        "model_revision": source.model.revision,
        "receipt": {
            "schema_version": SCHEMA_VERSION,
            "execution_details": {
                "provider_id": f"{facts.provider}-{region}",
                "region": region,
                "model": model,
                "started_at": timed.started_at.isoformat(),
                "completed_at": timed.completed_at.isoformat(),
                "duration": seconds,
            },
            "output": _output(answered.asked.generation, timed.generated),
            "provenance": {
                "provider": facts.provider,
                "architecture": source.architecture,
                "model_registry": source.registry_sha256,
                "model_revision": source.model.revision,
                "version": source.version,
                "device": device,
            },
        },
    }


def _output(asked: GenerationRequest, generated: Generated) -> dict[str, Any]:
    return {
        "response": generated.text,
        "prompt": asked.prompt,
        "system_prompt": asked.system_prompt,
        "tokens_generated": generated.tokens_generated,
        "metadata": {
            "temperature": asked.temperature,
            "max_tokens": asked.max_tokens,
            "seed": asked.seed,
            **({} if asked.top_p is None else {"top_p": asked.top_p}),
            **({"stop": list(asked.stop)} if asked.stop else {}),
            "finish_reason": generated.finish_reason,
        },
    }
