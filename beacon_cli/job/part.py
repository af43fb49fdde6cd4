"""The part of a job that a run asks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from beacon_cli.job.lanes import Lane


@dataclass(frozen=True, slots=True)
class Part:
    """What a run asks of a job: an empty tuple means all of them. `without` has the regions that are left out.

    Models and questions are ids, regions are labels.
    """

    models: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is the whole job."""
        return self == WHOLE

    def has_lane(self, lane: Lane) -> bool:
        """Return whether a lane belongs to it."""
        label = lane.region.label
        chosen = (not self.models or lane.model_id in self.models) and (not self.regions or label in self.regions)
        return chosen and label not in self.without

    def has_question(self, question_id: str) -> bool:
        """Return whether a question belongs to it."""
        return not self.questions or question_id in self.questions

    def chosen(self) -> dict[str, list[str]]:
        """Return what was chosen, as in JSON documents: an empty list means all."""
        return {name: list(getattr(self, name)) for name in ("models", "regions", "questions")}

    def as_parameters(self) -> dict[str, Any]:
        """Return the parameters of a statement that counts the rows of a part; NULL means all."""
        return {
            "models": list(self.models) or None,
            "regions": list(self.regions) or None,
            "questions": list(self.questions) or None,
            "without": list(self.without),
        }

    def options(self) -> list[str]:
        """Return the options of the command line that choose it."""
        names = {field.name: f"--{field.name.removesuffix('s')}" for field in fields(self)}
        return [word for name, option in names.items() for value in getattr(self, name) for word in (option, value)]


WHOLE = Part()
"""All of a job."""
