"""The map of a comparison: a row for each question, a column for each model (or region), the effect in each cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.verdicts import Judged
from beacon_cli.report.answer_sets import Key, ranks
from beacon_cli.report.side_by_side import anchors_of

_MOST_ROWS = 400
_STEPS = 5
_WARMEST = 0.5  # the effect from which the colour no longer changes


@dataclass(frozen=True, slots=True)
class MapCell:
    """A subject in the map; `anchor` is empty if its answers are not in the page. `heat` is 0 to 5."""

    result: Judged
    anchor: str
    heat: int


@dataclass(frozen=True, slots=True)
class MapRow:
    """A question's cells, column by column; None if the model was not asked."""

    question_id: str
    prompt: str
    cells: tuple[MapCell | None, ...]


@dataclass(frozen=True, slots=True)
class EffectMap:
    """`columns` are models, or regions if models are compared. `left_out` is the number of questions that are not
    in the map."""

    columns: tuple[str, ...]
    rows: tuple[MapRow, ...]
    left_out: int


def effect_map(comparison: Comparison, shown: Collection[Key], prompts: Mapping[str, str]) -> EffectMap:
    """Return the map; if there are too many questions, with the most important ones, in the order of the job."""
    anchors = anchors_of(comparison)
    by_question: dict[str, dict[str, Judged]] = {}
    for result in comparison.results:
        by_question.setdefault(result.subject.question_id, {})[result.subject.inside] = result
    important = dict.fromkeys(question for question, _ in ranks(comparison.results))
    kept = set(list(important)[:_MOST_ROWS])
    columns = tuple(dict.fromkeys(result.subject.inside for result in comparison.results))

    def cell(question: str, column: str) -> MapCell | None:
        if (result := by_question[question].get(column)) is None:
            return None
        return MapCell(result, anchors[question, column] if (question, column) in shown else "", _heat(result))

    rows = tuple(
        MapRow(question, prompts.get(question, ""), tuple(cell(question, column) for column in columns))
        for question in by_question
        if question in kept
    )
    return EffectMap(columns, rows, len(by_question) - len(rows))


def _heat(result: Judged) -> int:
    return min(_STEPS, max(0, round(_STEPS * result.effect / _WARMEST)))
