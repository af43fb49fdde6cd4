"""How answers are judged, and whether that was planned before the first answer or chosen afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from beacon_cli.comparison.embeddings import require_it
from beacon_cli.comparison.options import Options
from beacon_cli.comparison.verdicts import Terms
from beacon_cli.job.analysis import Analysis, analysis_sha256
from beacon_cli.records.find_job import StoredJob

_SHOWN_OF_SHA256 = 12


@dataclass(frozen=True, slots=True)
class Chosen:
    """The measure, rate, margin and accepted names by which answers are judged.

    `planned` is what was stored with the job, None if nothing counts, and `why_not` says why; `afterwards` names what
    was given as an option and is not what was planned.
    """

    used: Mapping[str, Any]
    planned: Analysis | None
    why_not: str
    afterwards: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "used": dict(self.used),
            "planned": self.planned and self.planned.spec(),
            "planned_sha256": self.planned and self.planned.sha256,
            "chosen_afterwards": list(self.afterwards),
        }

    def __str__(self) -> str:
        parts = [self.why_not]
        if self.planned is not None:
            parts = [f"planned before the first answer (sha256 {self.planned.sha256[:_SHOWN_OF_SHA256]})"]
        if self.afterwards:
            parts.append(f"chosen afterwards: {', '.join(map(self._chosen, self.afterwards))}")
        if others := [_told(name, value) for name, value in self.used.items() if name not in self.afterwards]:
            parts.append(f"{'as planned' if self.planned else 'the defaults'}: {', '.join(others)}")
        return "; ".join(parts)

    def _chosen(self, name: str) -> str:
        planned = f" (planned: {_told(name, self.planned.spec()[name])})" if self.planned else ""
        return f"{_told(name, self.used[name])}{planned}"


def as_planned(options: Options, jobs: Sequence[StoredJob]) -> tuple[Options, Chosen]:
    """Return the options, with what was planned where nothing else was given; accepted names are added to planned ones.

    What was planned counts if it is the same for all jobs. Raises `MissingExtra` for its measure.
    """
    planned, why_not = _one_plan([_plan_of(job) for job in jobs])
    if planned is not None:
        options = _completed(options, planned)
    used = {
        "measure": options.measure,
        "rate": options.terms.rate,
        "margin": options.terms.margin,
        "accept": sorted(options.accepted),
    }
    before = planned.spec() if planned else {}
    afterwards = (name for name in used if name in options.given and (not before or used[name] != before[name]))
    return options, Chosen(used, planned, why_not, tuple(afterwards))


def _completed(options: Options, planned: Analysis) -> Options:
    """Return the options with what was planned where nothing was given."""
    measure = options.measure if "measure" in options.given else planned.measure
    if measure == "semantic":
        require_it()
    terms = Terms(
        rate=options.terms.rate if "rate" in options.given else planned.rate,
        margin=options.terms.margin if "margin" in options.given else planned.margin,
    )
    return replace(options, measure=measure, terms=terms, accepted=options.accepted | frozenset(planned.accept))


_NOT_PLANNED = "not planned before the first answer"


def _plan_of(job: StoredJob) -> Analysis | str:
    """Return what was planned, or why nothing counts as planned."""
    spec = job.spec if job.schema == "beacon" and isinstance(job.spec, dict) else {}
    plan = spec.get("analysis")
    if not isinstance(plan, dict):
        return _NOT_PLANNED
    if analysis_sha256(plan) != spec.get("analysis_sha256"):
        return "what was planned was changed in the database, and does not count"
    try:
        return Analysis.model_validate(plan)
    except ValidationError:
        return "what was planned cannot be read by this Beacon, and does not count"


def _one_plan(plans: Sequence[Analysis | str]) -> tuple[Analysis | None, str]:
    """Return the plan of all jobs; if none counts, None and the reason."""
    reason = next((plan for plan in plans if isinstance(plan, str)), None)
    if reason == _NOT_PLANNED and any(isinstance(plan, Analysis) for plan in plans):
        reason = "planned before the first answer by one of the two jobs only, so it does not count"
    if reason is None and any(plan != plans[0] for plan in plans):
        reason = "the two jobs plan different analyses, so neither counts"
    first = plans[0]
    if reason is None and isinstance(first, Analysis):
        return first, ""
    return None, reason or ""


def _told(name: str, value: object) -> str:
    """Return a value for people."""
    if isinstance(value, list):
        return f"accept {' '.join(value)}" if value else "nothing accepted"
    if value is None:
        return f"no {name}"
    return str(value) if name == "measure" else f"{name} {value:g}"
