"""A price, and what it is multiplied with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from beacon_cli.executor.execution import Execution
from beacon_cli.executor.json_paths import value_at

Kind = Literal["local", "modal", "openai", "other"]
"""Who answers: a server of Beacon on this machine, Beacon's app on Modal, an OpenAI-compatible endpoint, or a server
of Beacon elsewhere."""

MOST_SECONDS = 30 * 86400.0
"""No call takes longer: what an endpoint says above this is not believed."""
MOST_TOKENS = 2**31 - 1
SLOWEST_TOKENS_A_SECOND = 20.0
"""How fast an answer is at least taken to be written, as long as no answer of the lane has shown it."""

_CUT_OFF = frozenset({"timeout", "cancelled"})


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls took: seconds at the model, and tokens."""

    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What calls cost, in US dollars per second at the model, and per token.

    `basis` says how it is made up, and `sources` where its parts are from, each with its date.
    """

    per_second: float = 0.0
    per_input: float = 0.0
    per_output: float = 0.0
    basis: str = ""
    sources: tuple[str, ...] = ()

    def of(self, usage: Usage) -> float:
        """Return the cost in US dollars."""
        return (
            usage.seconds * self.per_second
            + usage.input_tokens * self.per_input
            + usage.output_tokens * self.per_output
        )


FREE = Price(basis="servers on this machine cost nothing")


@dataclass(frozen=True, slots=True)
class Unpriced:
    """There is no price: `why`, and the `hint` what to set."""

    why: str
    hint: str


def usage_of(execution: Execution) -> Usage:
    """Return what a call took, as its row will say it (`costs/queries/usage.sql` reads the same from rows).

    A call that was cut off counts with all the time that it lasted, because it may have run for as long.
    """
    output: Mapping[str, Any] = execution.output_data or {}
    seconds = output.get("inference_time")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        seconds = execution.seconds if execution.status in _CUT_OFF else 0.0
    asked = value_at(output, ("usage", "prompt_tokens"))
    return Usage(
        seconds=min(max(float(seconds), 0.0), MOST_SECONDS),
        input_tokens=asked if type(asked) is int and 0 <= asked <= MOST_TOKENS else 0,
        output_tokens=execution.tokens or 0,
    )
