"""What a model said, taken apart: what it thought, what it answered, and whether it came to its end."""

from __future__ import annotations

from beacon_cli.executor.execution import CUT_OFF
from beacon_cli.executor.thoughts import answer_text, split_thought


class ModelWords:
    """An answer as it is stored; a row has these three columns."""

    __slots__ = ()

    response: str | None
    thought: str | None
    finish_reason: str | None

    @property
    def text(self) -> str:
        """The answer's text, without a thought; empty if there is none."""
        return answer_text(self.response)

    @property
    def thinking(self) -> str | None:
        """What the model thought before its answer: as it was recorded, or as it stands in an older row's response."""
        return self.thought if self.thought is not None else split_thought(self.response or "")[0]

    @property
    def cut_off(self) -> bool:
        """Whether the answer ended at the maximum length, not at its own end."""
        return self.finish_reason == CUT_OFF
