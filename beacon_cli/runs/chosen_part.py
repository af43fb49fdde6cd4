"""The part of a job that the command line chooses: `--model`, `--region`, `--question` and `--without`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from beacon_cli.console.printable import excerpt
from beacon_cli.console.suggestions import suggestion
from beacon_cli.console.unknown_region import unknown_region
from beacon_cli.errors import UsageError
from beacon_cli.job.model import Job
from beacon_cli.job.part import Part
from modal_deployment.regions import Regions, UnknownRegionError

_NAMED = 10
_COMPARED = 5000


def part_named(
    known: Regions,
    *,
    models: Sequence[str] | None,
    regions: Sequence[str] | None,
    questions: Sequence[str] | None,
    without: Sequence[str] | None,
) -> Part:
    """Return the part that the options choose. Raises `UsageError` for a region that is not known."""
    return Part(
        models=_once(models or ()),
        regions=_labels(known, "--region", regions or ()),
        questions=_once(questions or ()),
        without=_labels(known, "--without", without or ()),
    )


def require_part(job: Job, part: Part) -> None:
    """Raise `UsageError` if a part names what the job does not ask, or if nothing is left."""
    lanes = job.lanes()
    labels = list(dict.fromkeys(lane.region.label for lane in lanes))
    _require("--model", "model", part.models, list(dict.fromkeys(lane.model_id for lane in lanes)))
    _require("--region", "region", part.regions, labels)
    _require("--without", "region", part.without, labels)
    _require_questions(job, part)
    if not job.lanes_in(part):
        only_without = not (part.models or part.regions)
        raise UsageError(
            f"{'--without leaves no region' if only_without else 'the options leave no model and region'}"
            " of the job to ask",
            hint="leave out fewer regions" if only_without else "choose a region in which the job asks the model",
        )


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _labels(known: Regions, option: str, names: Sequence[str]) -> tuple[str, ...]:
    try:
        return _once([known.named(name).label for name in names])
    except UnknownRegionError as error:
        raise unknown_region(error, option) from error


def _require(option: str, kind: str, chosen: Sequence[str], asked: Sequence[str]) -> None:
    if strange := next((name for name in chosen if name not in asked), None):
        raise _not_asked(option, kind, strange, asked)


def _require_questions(job: Job, part: Part) -> None:
    missing = dict.fromkeys(part.questions)
    for question in job.questions if missing else ():
        missing.pop(question.id, None)
        if not missing:
            return
    if missing:
        known = [question.id for question in itertools.islice(job.questions, _COMPARED)]
        raise _not_asked("--question", "question", next(iter(missing)), known)


def _not_asked(option: str, kind: str, name: str, asked: Sequence[str]) -> UsageError:
    more = ", …" if len(asked) > _NAMED else ""
    listed = ", ".join(excerpt(each, 60) for each in asked[:_NAMED])
    return UsageError(
        f"{option} {excerpt(name, 60)}: the job does not ask this {kind}",
        hint=f"{suggestion(name, asked)}it asks {listed}{more}",
    )
