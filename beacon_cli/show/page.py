"""The answers of a job in the terminal: question by question, with the regions side by side if there is room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from beacon_cli.console.folding import folded, padded
from beacon_cli.console.formatting import arm_label, repeat_label
from beacon_cli.console.printable import excerpt, printable
from beacon_cli.console.reader_width import reader_width
from beacon_cli.records.stored_answer import RegionArm, StoredExecution
from beacon_cli.show.answer import StyledText, brief, styled
from modal_deployment.regions import Regions

if TYPE_CHECKING:
    from rich.console import Console

_SIDE_BY_SIDE_FROM = 100
_NARROWEST_COLUMN = 24
_LINES_IN_BRIEF = 6
_INDENT = "    "
_GAP = "  "

Line = list[StyledText]
"""The parts of a line, one after the other."""

Words = tuple[StyledText, ...]
"""The parts of an answer, below each other."""


@dataclass(frozen=True, slots=True)
class Page:
    """The width of the terminal, whether long answers are shown in full, and the arms of the regions of each model.

    `known` are the regions by which the rows are read.
    """

    width: int
    known: Regions
    full: bool = True
    asked: Mapping[str, Sequence[RegionArm]] = field(default_factory=dict)

    def fold(self, words: Words, width: int) -> list[StyledText]:
        """Return the lines of an answer: of a thought only the first ones."""
        lines = [StyledText(line, part.style) for part in words for line in brief(folded(part.text, width), part.style)]
        if not self.full and len(lines) > _LINES_IN_BRIEF:
            lines = [*lines[: _LINES_IN_BRIEF - 1], StyledText("…", lines[_LINES_IN_BRIEF].style)]
        return lines


def print_answers(
    executions: Iterable[StoredExecution],
    console: Console,
    *,
    regions: Regions,
    asked: Mapping[str, Sequence[RegionArm]] | None = None,
    full: bool = True,
) -> None:
    """Print answers, which come in the order of question, model and region.

    `regions` are those by which the rows are read. `asked` has the regions in which each model should be asked, with
    the second arm of a control as one more, so that a region without an answer is shown too. Only one model's answers
    to one question are in memory at a time.
    """
    page = Page(reader_width(console), regions, full, asked or {})
    printed = False
    for _, of_question in groupby(executions, lambda execution: execution.question_id):
        heading = True
        for _, of_model in groupby(of_question, lambda execution: execution.model_id):
            answers = list(of_model)
            _print(console, [*(_question(answers[0], page) if heading else ()), *model_lines(answers, page)])
            heading, printed = False, True
    if not printed:
        console.print("no answers are stored yet", soft_wrap=True)


def model_lines(answers: list[StoredExecution], page: Page) -> Iterator[Line]:
    """Yield the lines for one model's answers to one question."""
    cells: dict[int, dict[RegionArm, list[StoredExecution]]] = {}
    for answer in answers:
        cells.setdefault(answer.repeat, {}).setdefault((answer.region, answer.arm), []).append(answer)
    regions = sorted(
        {*page.asked.get(answers[0].model_id, ()), *((answer.region, answer.arm) for answer in answers)},
        key=lambda of: (page.known.rank(of[0]), of[1]),
    )
    rows = {repeat: _row(cells[repeat], regions) for repeat in sorted(cells)}
    yield [StyledText(f"  {excerpt(answers[0].model_id)}", "cyan")]
    first = rows[min(rows)]
    if len(rows) > 1 and isinstance(first, tuple) and all(row == first for row in rows.values()):
        yield from [*_labelled(f"all regions, all {len(rows)} repeats", first, page), []]
        return
    repeated = len(rows) > 1 or max(rows) > 0
    gutter = max(len(repeat_label(repeat)) for repeat in rows) + len(_GAP) if repeated else 0
    width = (page.width - len(_INDENT) - gutter + len(_GAP)) // len(regions) - len(_GAP)
    if page.width >= _SIDE_BY_SIDE_FROM and width >= _NARROWEST_COLUMN:
        yield from _side_by_side(rows, regions, page, gutter, width)
    else:
        yield from _stacked(rows, regions, page, repeated=repeated)
    yield []


Row = list[Words] | Words
"""The answer of each region, or one answer if all are the same."""


def _row(by_region: dict[RegionArm, list[StoredExecution]], regions: list[RegionArm]) -> Row:
    cells = [_cell(by_region.get(region, [])) for region in regions]
    return cells[0] if len(cells) > 1 and len(set(cells)) == 1 else cells


def _cell(answers: list[StoredExecution]) -> Words:
    if not answers:
        return (StyledText("(never ran)", "dim"),)
    first, *others = (styled(answer) for answer in answers)
    return (*first, *(part for other in others for part in (StyledText("", ""), *other)))


def _side_by_side(
    rows: dict[int, Row], regions: list[RegionArm], page: Page, gutter: int, width: int
) -> Iterator[Line]:
    if not all(isinstance(row, tuple) for row in rows.values()):
        names = (StyledText(padded(excerpt(arm_label(*of), width), width) + _GAP, "bold") for of in regions)
        yield [StyledText(_INDENT + " " * gutter, ""), *names]
    for repeat, row in rows.items():
        number = padded(repeat_label(repeat), gutter) if gutter else ""
        if isinstance(row, tuple):
            yield from _labelled(f"{number}all regions", row, page)
            continue
        columns = [page.fold(cell, width) for cell in row]
        for place, lines in enumerate(zip_longest(*columns, fillvalue=StyledText("", ""))):
            start = StyledText(_INDENT + (number if place == 0 else " " * gutter), "dim")
            yield [start, *(StyledText(padded(text, width) + _GAP, style) for text, style in lines)]


def _stacked(rows: dict[int, Row], regions: list[RegionArm], page: Page, *, repeated: bool) -> Iterator[Line]:
    labels = ["all regions", *(arm_label(excerpt(region, 20), arm) for region, arm in regions)]
    for repeat, row in rows.items():
        number = f" {repeat_label(repeat)}" if repeated else ""
        if isinstance(row, tuple):
            yield from _labelled(f"{labels[0]}{number}", row, page)
            continue
        size = max(len(label) for label in labels[1:]) + len(number)
        for label, cell in zip(labels[1:], row, strict=True):
            yield from _labelled(padded(f"{label}{number}", size), cell, page)


def _labelled(label: str, words: Words, page: Page) -> Iterator[Line]:
    """Yield the lines of an answer next to its label."""
    start = f"{_INDENT}{label}{_GAP}"
    for place, line in enumerate(page.fold(words, page.width - len(start))):
        yield [StyledText(start if place == 0 else " " * len(start), "bold"), line]


def _question(answer: StoredExecution, page: Page) -> Iterator[Line]:
    tags = [StyledText(f"{_GAP}[{excerpt(answer.tags)}]", "dim")] if answer.tags else []
    yield [StyledText(excerpt(answer.question_id) or "(no question)", "bold"), *tags]
    if answer.prompt and answer.prompt != answer.question_id:  # files of the old system name a question by its text
        for line in folded(printable(answer.prompt), page.width - len(_GAP)):
            yield [StyledText(f"{_GAP}{line}", "italic")]
    yield []


def _print(console: Console, lines: list[Line]) -> None:
    """Print lines as one text: in Rich each text costs more than its characters."""
    from rich.text import Span, Text

    plain: list[str] = []
    spans: list[Span] = []
    start = 0
    for line in lines:
        plain.append("".join(part.text for part in line).rstrip())
        end = start + len(plain[-1])
        for part in line:
            if part.style:
                spans.append(Span(start, min(start + len(part.text), end), part.style))
            start += len(part.text)
        start = end + 1
    console.print(Text("\n".join(plain), spans=spans), soft_wrap=True)
