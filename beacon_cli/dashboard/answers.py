"""The answers of a job side by side, by pages: what `beacon show` shows, with a filter and a search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from beacon_cli.dashboard.addresses import job_address
from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import JobOf, Reading
from beacon_cli.executor.execution import STATUSES
from beacon_cli.records.answer_pages import (
    LONGEST_SEARCH,
    AnswerPage,
    Filter,
    PageCell,
    PageRow,
    Position,
    names_of,
    page_of,
)
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import reading
from beacon_cli.records.stored_answer import RegionArm

router = APIRouter()

_CHARACTERS = 500  # shown of an answer
_MOST_NAMES = 500  # offered for a field


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text, and whether it is what was searched."""

    text: str
    found: bool


@dataclass(frozen=True, slots=True)
class ShownCell:
    """An answer in the page. `later`: its beginning is left out; `cut`: its end is."""

    cell: PageCell
    address: str
    thought: tuple[Part, ...]
    parts: tuple[Part, ...]
    later: bool
    cut: bool

    @property
    def thought_found(self) -> bool:
        """Whether the thought has what was searched."""
        return any(part.found for part in self.thought)


@dataclass(frozen=True, slots=True)
class ShownRow:
    """The answers to a question of one model in one repeat: one entry for each column, empty if it was not asked."""

    row: PageRow
    columns: tuple[tuple[RegionArm, tuple[ShownCell, ...]], ...]


@router.api_route("/jobs/{job_id}/answers", methods=["GET", "HEAD"])
def answers(
    request: Request,
    connection: Reading,
    job: JobOf,
    question: str = "",
    model: str = "",
    region: str = "",
    status: str = "",
    text: str = "",
    after_question: str | None = None,
    after_model: str | None = None,
    after_repeat: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> HTMLResponse:
    """Return a page of the answers that fit."""
    wanted = Filter(question or None, model or None, region or None, status or None, text if text.strip() else None)
    after = None if after_question is None else Position(after_question, after_model, after_repeat)
    with reading(connection):
        names = names_of(connection, job)
        found = page_of(connection, job, names, wanted, after)
    asked = {"question": question, "model": model, "region": region, "status": status, "text": text}
    return page(
        request,
        "answers.html.j2",
        tab="answers",
        job=job,
        wanted=asked,
        filtered=any(asked.values()),
        question_ids=[each for each in names.question_ids if each][:_MOST_NAMES],
        models=names.models,
        regions=names.regions,
        statuses=STATUSES,
        longest_search=LONGEST_SEARCH,
        found=found,
        questions=[(question_id, list(rows)) for question_id, rows in _by_question(job, found, wanted.text)],
        later=after is not None,
        first_page=job_address(job.id, "answers", **asked),
        next_page=_next_page(job, asked, found.after),
        colours={name: number for number, name in enumerate(names.regions)},
    )


def _by_question(job: StoredJob, found: AnswerPage, text: str | None) -> Iterator[tuple[str, Iterator[ShownRow]]]:
    rows = (
        ShownRow(
            row,
            tuple(
                (column, tuple(_shown(job, cell, text) for cell in row.cells.get(column, ())))
                for column in found.columns
            ),
        )
        for row in found.rows
    )
    return groupby(rows, key=lambda shown: shown.row.question_id)


def _shown(job: StoredJob, cell: PageCell, text: str | None) -> ShownCell:
    return ShownCell(
        cell=cell,
        address=job_address(job.id, f"answers/{cell.id}"),
        thought=parts_of((cell.thinking or "")[:_CHARACTERS], text),
        parts=parts_of(cell.text[:_CHARACTERS], text),
        later=cell.start > 1,
        cut=cell.partial or len(cell.text) > _CHARACTERS,
    )


def parts_of(text: str, searched: str | None) -> tuple[Part, ...]:
    """Return a text in parts, those that are `searched`, in any case of letters, by themselves."""
    pieces = re.split(f"({re.escape(searched)})", text, flags=re.IGNORECASE) if searched else [text]
    return tuple(Part(piece, found=bool(number % 2)) for number, piece in enumerate(pieces) if piece)


def _next_page(job: StoredJob, asked: dict[str, str], after: Position | None) -> str:
    if after is None:
        return ""
    place: dict[str, object] = {"after_question": after.question_id}
    if after.model_id is not None:
        place |= {"after_model": after.model_id, "after_repeat": after.repeat}
    return job_address(job.id, "answers", **asked, **place)
