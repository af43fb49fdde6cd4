"""The cells that a job should have: from the stored job, from a job file or, without both, from its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from beacon_cli.job.version1 import OLD_SUCCESS_RATE
from modal_deployment.regions import Regions

if TYPE_CHECKING:
    from beacon_cli.job.model import Job

_T = TypeVar("_T")

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
    questions were walked, None if the job does not say it; `min_success_rate` is the required share; `per_endpoint` is
    the job's own cap of a region; `controls` are the labels of the regions that are asked in two arms; `known` are the
    regions by which rows are read; `unrecorded` names the columns that the tables lack; `guess` names the parts that
    were taken from the rows: the rows cannot tell what is missing of those.
    """

    source: str
    known: Regions = field(kw_only=True)
    question_ids: tuple[str, ...] | None
    lanes: tuple[LaneName, ...] | None
    models: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    repeats: int = 1
    controls: tuple[str, ...] = ()
    questions_stored: bool = False
    batching: str | None = "question"
    min_success_rate: float = 1.0
    per_endpoint: int | None = None
    unrecorded: frozenset[str] = frozenset()
    guess: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """The parts that are not recorded, so that they have to be taken from the rows."""
        parts = {
            "questions": self.question_ids is None and not self.questions_stored,
            "models": self.lanes is None and self.models is None,
            "regions": self.lanes is None and self.regions is None,
        }
        return tuple(part for part, missing in parts.items() if missing)

    def arms(self, region: str) -> int:
        """Return in how many arms a region is asked."""
        return 2 if region in self.controls else 1

    def cells_of_a_question(self) -> int:
        """Return how many cells each question has, over all lanes."""
        return self.repeats * sum(self.arms(region) for _, region in self.lanes or ())

    def caps(self) -> dict[str, int]:
        """Return region → how many containers may answer there at the same time, as `executor.endpoint_caps` does."""
        models = Counter(region for _, region in self.lanes or ())
        return {region: self.per_endpoint or count for region, count in models.items()}


def from_job(job: Job, regions: Regions) -> Expectation:
    """Return the expectation of a job file; labels are those of `regions`, by which the rows are read."""
    labels = {lane.region: regions.get(lane.region.id, lane.region).label for lane in job.lanes()}
    return Expectation(
        source="the job file",
        known=regions,
        question_ids=tuple(question.id for question in job.questions),
        lanes=tuple((lane.model_id, labels[lane.region]) for lane in job.lanes()),
        repeats=job.repeats,
        controls=tuple(label for region, label in labels.items() if job.arms(region) > 1),
        min_success_rate=job.limits.min_success_rate,
        per_endpoint=job.limits.per_endpoint,
    )


def from_spec(spec: object, regions: Regions, *, questions_stored: bool = False) -> Expectation:
    """Return the expectation of a stored job, in either system's form, as far as it is recorded.

    `regions` are those by which its rows are read. Only Beacon's own jobs, which count their questions, have controls.
    """
    envelope = _mapping(spec)
    fields = _mapping(envelope.get("jobspec")) or envelope
    constraints = _mapping(fields.get("constraints"))
    places = (fields.get("regions"), envelope.get("target_regions"), constraints.get("regions"))
    labels = _first(_labels(place, regions) for place in places)
    listed = (fields.get("models"), _mapping(fields.get("metadata")).get("models"))
    models = _first(_entries(place, regions) for place in listed)
    everywhere = all(own or labels for _, own in models)
    lanes = tuple((name, label) for name, own in models for label in own or labels) if everywhere else ()
    limits = _mapping(fields.get("limits"))
    return Expectation(
        source="the stored job",
        known=regions,
        question_ids=None if questions_stored else tuple(_question_ids(fields)) or None,
        lanes=lanes or None,
        models=tuple(name for name, _ in models) or None,
        regions=tuple(labels) or None,
        repeats=_count(fields.get("repeats", fields.get("runs")), 1),
        controls=_labels(fields.get("controls"), regions) if _mapping(fields.get("questions")) else (),
        questions_stored=questions_stored,
        min_success_rate=_share(
            *(place.get("min_success_rate") for place in (limits, envelope, constraints)),
            OLD_SUCCESS_RATE if "constraints" in fields else 1.0,
        ),
        per_endpoint=_count(limits.get("per_endpoint"), None),
    )


def _question_ids(fields: Mapping[str, Any]) -> Sequence[str]:
    """Return the ids of the questions in a spec that lists them, in one of the places where the old system did."""
    places = (fields, _mapping(fields.get("input")), _mapping(_mapping(fields.get("benchmark")).get("input")))
    return _first(_names(place.get("questions")) for place in places)


def _label_of(name: str, regions: Regions) -> str:
    """Return the label of the region that `name` stands for, or `name` itself when nobody knows it."""
    region = regions.or_none(name)
    return name.strip() if region is None else region.label


def _entries(models: object, regions: Regions) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Return the models in a list, each with regions of its own."""
    if not isinstance(models, list):
        return ()
    own = {
        name: _labels(model.get("regions"), regions)
        for model in models
        if isinstance(model, dict)
        for name in _names([model])
    }
    return [(name, own.get(name, ())) for name in _names(models)]


def _labels(named: object, regions: Regions) -> tuple[str, ...]:
    return _unique(_label_of(name, regions) for name in _names(named))


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


def _count(value: object, default: _T) -> int | _T:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000 else default


def _share(*values: object) -> float:
    """Return the first share among the values; the last one is one."""
    return next(float(value) for value in values if isinstance(value, (int, float)) and 0 <= value <= 1)


def _first(found: Iterable[Sequence[_T]]) -> Sequence[_T]:
    """Return the first that is not empty."""
    return next(filter(None, found), ())
