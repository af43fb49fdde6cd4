"""What `beacon run --again` replaced, and what it did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.console.formatting import quantity
from beacon_cli.executor.execution import Status


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The answers with one of `statuses` that a run asked again.

    `replaced` have a new answer; `kept` stay as they were. `failures` are the failed cells among these by error code:
    the others were not asked.
    """

    statuses: Sequence[Status]
    replaced: int
    kept: int
    failures: Mapping[str, int]

    def __str__(self) -> str:
        """Return `5 answers asked again were replaced, 2 stay as they were (connection_failed 2)`."""
        replaced = f"{quantity(self.replaced, 'answer')} asked again {'was' if self.replaced == 1 else 'were'} replaced"
        if not self.kept:
            return replaced
        reasons = [f"{code} {count}" for code, count in self.failures.items()]
        if unasked := self.kept - sum(self.failures.values()):
            reasons.append(f"not asked {unasked}")
        return f"{replaced}, {self.kept} {'stays' if self.kept == 1 else 'stay'} as before ({', '.join(reasons)})"

    def as_data(self) -> dict[str, Any]:
        """Return it as in `beacon run --json`."""
        return asdict(self)


def none_has_status(statuses: Sequence[Status]) -> str:
    """Return `no answer is empty or blocked`."""
    return f"no answer is {' or '.join(statuses)}"
