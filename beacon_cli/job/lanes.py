"""The parts of a job: its questions, and the lanes in which each is asked."""

from __future__ import annotations

from dataclasses import dataclass

from modal_deployment.regions import Region


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a job: `text` is the prompt that is sent, `tags` say which questions belong together."""

    id: str
    text: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """One model in one region."""

    model_id: str
    region: Region

    def __hash__(self) -> int:
        return hash((self.model_id, self.region.id))  # a key of many dictionaries
