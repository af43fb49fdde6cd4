"""The cells that a job should have: from the stored job, from a job file or, without both, from its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modal_deployment.regions import region_or_none

if TYPE_CHECKING:
    from beacon_cli.job.model import Job

LaneName = tuple[str, str]
"""A model's id and a region's label."""


class _EveryModel(frozenset[str]):
    def __contains__(self, _: object) -> bool:
        return True


EVERY_MODEL = _EveryModel()
"""The known models for a job file that is only for comparison: a job may be older than the registry."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected cells. None means that a value is not recorded: it is taken from the rows.

    With `questions_stored`, `question_ids` is None as well: the ids are read from their table. `batching` is how the
    questions were walked; `min_success_rate` is the required share; `unrecorded` names the columns that the tables
    lack.
    """

    source: str
    question_ids: tuple[str, ...] | None
    lanes: tuple[LaneName, ...] | None
    models: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    repeats: int = 1
    questions_stored: bool = False
    batching: str = "question"
    min_success_rate: float = 1.0
    unrecorded: frozenset[str] = frozenset()

    @property
    def guessed(self) -> bool:
        """Whether a part has to be taken from the rows that it should judge."""
        return self.lanes is None or (self.question_ids is None and not self.questions_stored)


def from_job(job: Job) -> Expectation:
    """Return the expectation of a job file."""
    return Expectation(
        source="the job file",
        question_ids=tuple(question.id for question in job.questions),
        lanes=tuple((lane.model_id, lane.region.label) for lane in job.lanes()),
        repeats=job.repeats,
        min_success_rate=job.limits.min_success_rate,
    )


def from_spec(spec: object, *, questions_stored: bool = False) -> Expectation:
    """Return the expectation of a stored job, in either system's form, as far as it is recorded."""
    fields = spec if isinstance(spec, dict) else {}
    constraints = _mapping(fields.get("constraints"))
    regions = _labels(fields.get("regions")) or _labels(constraints.get("regions"))
    models = _entries(fields.get("models"))
    everywhere = all(own or regions for _, own in models)
    lanes = tuple((name, region) for name, own in models for region in own or regions) if everywhere else ()
    limits = _mapping(fields.get("limits")) or constraints
    return Expectation(
        source="the stored job",
        question_ids=None if questions_stored else _names(fields.get("questions")) or None,
        lanes=lanes or None,
        models=tuple(name for name, _ in models) or None,
        regions=regions or None,
        repeats=_count(fields.get("repeats", fields.get("runs"))),
        questions_stored=questions_stored,
        min_success_rate=_share(limits.get("min_success_rate")),
    )


def label_of(name: str) -> str:
    """Return the label of the region that `name` stands for, or `name` itself when nobody knows it."""
    region = region_or_none(name)
    return name.strip() if region is None else region.label


def _entries(models: object) -> list[tuple[str, tuple[str, ...]]]:
    if not isinstance(models, list):
        return []
    own = {
        name: _labels(model.get("regions")) for model in models if isinstance(model, dict) for name in _names([model])
    }
    return [(name, own.get(name, ())) for name in _names(models)]


def _labels(regions: object) -> tuple[str, ...]:
    return _unique(label_of(name) for name in _names(regions))


def _names(entries: object) -> tuple[str, ...]:
    """Return the ids in a list of ids, or of objects with an id (the old system sometimes uses `name`)."""
    if not isinstance(entries, list):
        return ()
    named = (entry.get("id") or entry.get("name") if isinstance(entry, dict) else entry for entry in entries)
    return _unique(name for name in named if isinstance(name, str) and name)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000 else 1


def _share(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= 1 else 1.0
