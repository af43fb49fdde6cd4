"""The contents of a report, before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from beacon_cli.comparison.comparison import Comparison
from beacon_cli.records.history import History
from beacon_cli.report.answer_sets import Selection
from beacon_cli.report.recorded import Recorded


@dataclass(frozen=True, slots=True)
class Report:
    """All contents of the page. `regions` are in their usual order; without `made_at` the page does not say when it was
    made, so that it is the same whenever that is."""

    comparison: Comparison
    history: History
    recorded: Recorded
    answers: Selection
    regions: tuple[str, ...]
    made_at: datetime | None

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of what is compared: the regions, or the models."""
        return tuple(self.comparison.model_figures) or self.regions
