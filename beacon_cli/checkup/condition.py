"""What was looked at, and how it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from beacon_cli.console.redaction import redacted
from beacon_cli.errors import BeaconError, ProblemsFound

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that Beacon needs, by `name`, such as `database` or `endpoint.us`.

    `what` says how it is, in one line; `next` what to do, or nothing. A `warning` may be meant, or matters only for
    some commands.
    """

    name: str
    status: Status
    what: str
    next: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON, without any secret."""
        return {**asdict(self), "what": redacted(self.what), "next": redacted(self.next)}

    def as_problem(self) -> ProblemsFound:
        """Return it as an error, whose code is the name."""
        problem = ProblemsFound(f"{self.name}: {self.what}", hint=self.next)
        problem.code = self.name
        return problem


def failure(name: str, error: BeaconError) -> Condition:
    """Return what an error says of something."""
    return Condition(name, "failed", error.message, error.hint)


def as_warning(condition: Condition) -> Condition:
    """Return a failure as a warning, for what does not keep Beacon from working."""
    return replace(condition, status="warning")


@dataclass(frozen=True, slots=True)
class Checkup:
    """All that was looked at, in the order in which it is shown."""

    conditions: tuple[Condition, ...]

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many there are of each status."""
        statuses: tuple[Status, ...] = ("ok", "warning", "failed", "skipped")
        return {status: sum(each.status == status for each in self.conditions) for status in statuses}

    @property
    def problems(self) -> tuple[ProblemsFound, ...]:
        """The failures."""
        return tuple(each.as_problem() for each in self.conditions if each.status == "failed")

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of the JSON document."""
        return {"checks": [each.as_data() for each in self.conditions], "counts": dict(self.counts)}
