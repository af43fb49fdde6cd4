"""The result of an audit, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from beacon_cli.audit.check import VERDICTS, Check
from beacon_cli.audit.coverage import Coverage
from beacon_cli.console.formatting import quantity
from beacon_cli.errors import ProblemsFound
from beacon_cli.executor.counts import Counts
from beacon_cli.records.ending import Ending
from beacon_cli.records.find_job import Schema
from beacon_cli.records.superseded import Superseded


@dataclass(frozen=True, slots=True)
class Reason:
    """Why executions have no text: their status, their error code, if any, and how many there are in each region."""

    status: str
    error_code: str | None
    by_region: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.by_region.values())

    def as_data(self) -> dict[str, Any]:
        """Return it as in `check-db --json`."""
        return {**asdict(self), "count": self.count}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The audit of one job. `counts` are its rows by status; `wanted_rate` is the required share of answers.

    `guess` names the parts of the expectation that were taken from the rows. `reasons` says why executions have no
    text, the most frequent reasons first; `superseded` counts the answers that were asked again. `ending` is why the
    fleet did not complete the job.
    """

    job_id: str
    schema: Schema
    source: str
    counts: Mapping[str, int]
    coverage: Coverage
    checks: tuple[Check, ...]
    wanted_rate: float
    guess: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    superseded: Superseded = field(default_factory=Superseded)
    ending: Ending | None = None

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.status != "fail" for check in self.checks)

    @property
    def problems(self) -> tuple[ProblemsFound, ...]:
        """The failed checks as errors, for scripts; people read the checks."""
        return tuple(ProblemsFound(f"{check.name}: {check.detail}") for check in self.checks if check.status == "fail")

    @property
    def rows(self) -> int:
        """The number of rows of the job, with any status."""
        return sum(self.counts.values())

    @property
    def cells(self) -> Counts:
        """The cells with an answer, however many each has."""
        return Counts(
            expected=self.coverage.expected,
            answered=self.coverage.completed,
            empty=self.counts.get("empty", 0),
            blocked=self.counts.get("blocked", 0),
        )

    def success_rate(self) -> str:
        """Return the arithmetic of the success rate: `11 of 12 completed = 91.6 %, wanted 100 %`."""
        return self.cells.arithmetic(self.wanted_rate)

    def answers_stored(self) -> str:
        """Return the same for people: `11 of 12 answers are stored (91.6 %, wanted 100 %)`."""
        return self.cells.sentence(self.wanted_rate)

    def checks_summary(self) -> str:
        """Return the results of the checks in short: `11 checks passed`, or which failed."""
        names = {status: [check.name for check in self.checks if check.status == status] for status in VERDICTS}
        if failed := names["fail"]:
            return f"{quantity(len(failed), 'check')} failed: {', '.join(failed)}"
        passed = f"{quantity(len(names['pass']), 'check')} passed"
        others = {"warned": names["warn"], "skipped": names["skip"]}
        return ", ".join([passed, *(f"{len(checks)} {what}" for what, checks in others.items() if checks)])

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `check-db --json`."""
        return {
            "job_id": self.job_id,
            "schema": self.schema,
            "expected": self.coverage.expected,
            "expected_from": self.source,
            "guessed": list(self.guess),
            "rows": self.rows,
            "counts": dict(self.counts),
            "never_ran": self.coverage.never_ran,
            "success_rate": self.success_rate(),
            "controls": list(self.coverage.controls),
            "by_region": {region: cells.as_data() for region, cells in self.coverage.by_region().items()},
            "checks": [asdict(check) for check in self.checks],
            "reason": self.ending.reason if self.ending else None,
            "reasons": [reason.as_data() for reason in self.reasons],
            "superseded": self.superseded.count,
            "superseded_by_status": dict(self.superseded.by_status),
        }
