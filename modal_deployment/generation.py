"""What a text generator is to the serving code: one blocking call, made in a thread of the model's slot."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from typing import Literal, Protocol

from modal_deployment.limits import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE

NAN_LOGITS = "nan_logits"
"""The code of the error of a model that computed what is not a number."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said before the prompt, and by whom."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to generate. `cancelled` is set once nobody waits for the answer any more: stop as soon as can be.

    `history` is the conversation before `prompt`, oldest first. `top_p` is the generator's own where it is None; `stop`
    are texts that end an answer, and are not part of it.
    """

    prompt: str
    system_prompt: str | None = None
    temperature: float = DEFAULT_TEMPERATURE
    max_tokens: int = DEFAULT_MAX_TOKENS
    seed: int | None = None
    history: tuple[Turn, ...] = ()
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    cancelled: Event = field(default_factory=Event)

    def messages(self) -> list[dict[str, str]]:
        """Return the whole conversation in the form that chat templates take."""
        system = [] if self.system_prompt is None else [{"role": "system", "content": self.system_prompt}]
        said = [{"role": turn.role, "content": turn.text} for turn in self.history]
        return [*system, *said, {"role": "user", "content": self.prompt}]


@dataclass(frozen=True, slots=True)
class Generated:
    """What came out. `finish_reason` is `stop`, `length` or `cancelled`.

    `model` and `region` are what the generator says answered, where that is not what the service asked. `thought` is
    what the model wrote before its answer, where the generator keeps the two apart. `prompt_tokens` is the length of
    the whole conversation as the model read it, where it is known.
    """

    text: str
    tokens_generated: int
    finish_reason: str
    model: str | None = None
    region: str | None = None
    thought: str | None = None
    prompt_tokens: int | None = None


class Generator(Protocol):
    """A loaded model. `architecture` names the kind of its runtime in receipts, such as `transformers`."""

    architecture: str

    def generate(self, request: GenerationRequest) -> Generated:
        """Return the answer to one request; called by one thread at a time.

        A `Refusal` becomes the HTTP error that it names, any other exception a 500 without its text. `GpuFailed` says
        that this process can answer nothing any more.
        """
