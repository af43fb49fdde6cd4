"""What a text generator is to the serving code: one blocking call, made in a thread of the model's slot."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to generate. `cancelled` is set once nobody waits for the answer any more: stop as soon as can be."""

    prompt: str
    system_prompt: str | None = None
    temperature: float = 0.1
    max_tokens: int = 500
    seed: int | None = None
    cancelled: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Generated:
    """What came out. `finish_reason` is `stop`, `length` or `cancelled`.

    `model` and `region` are what the generator says answered, where that is not what the service asked. `thought` is
    what the model wrote before its answer, where the generator keeps the two apart.
    """

    text: str
    tokens_generated: int
    finish_reason: str
    model: str | None = None
    region: str | None = None
    thought: str | None = None


class Generator(Protocol):
    """A loaded model. `architecture` names the kind of its runtime in receipts, such as `transformers`."""

    architecture: str

    def generate(self, request: GenerationRequest) -> Generated:
        """Return the answer to one request; called by one thread at a time.

        A `Refusal` becomes the HTTP error that it names, any other exception a 500 without its text.
        """
