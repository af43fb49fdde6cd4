"""One execution with all that is known of it: its prompt, its answer, how and where it was answered, and by what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, PlainTextResponse

from beacon_cli.audit.check import Check
from beacon_cli.audit.judge_regions import regions as judge_regions
from beacon_cli.audit.sentences import MARKS
from beacon_cli.console.printable import excerpt, printable
from beacon_cli.dashboard.addresses import job_address
from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import JobOf, Reading
from beacon_cli.errors import BeaconError
from beacon_cli.executor.execution import GENERATED
from beacon_cli.job.generation import seed_of
from beacon_cli.records.expectation import from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.read_answers import execution_of
from beacon_cli.records.relations import COLUMNS
from beacon_cli.records.snapshot import Connection
from beacon_cli.records.stored_answer import StoredExecution
from beacon_cli.records.witnesses import WITNESSES, places
from beacon_cli.store.text import original_json

router = APIRouter()

_CHARACTERS = 100_000  # shown of an answer
_DOCUMENT_CHARACTERS = 20_000
_SAID_BY = {
    "effective_region": "the endpoint's record of what it did",
    "answered_region": "the region in the answer",
    "provider_id": "the id of the provider",
    "container_region": "the place of the container",
}


class NoAnswer(BeaconError):
    """The job has no such execution; its answers are at `address`."""

    def __init__(self, job: StoredJob, execution_id: int) -> None:
        super().__init__(f"job {excerpt(job.id)} has no answer {execution_id}")
        self.address = job_address(job.id, "answers")


ExecutionId = Annotated[int, Path(ge=0, lt=2**63)]


@router.api_route("/jobs/{job_id}/answers/{execution_id}", methods=["GET", "HEAD"])
def one_answer(request: Request, connection: Reading, job: JobOf, execution_id: ExecutionId) -> HTMLResponse:
    """Return the page of one execution."""
    found = _found(connection, job, execution_id)
    output, receipt = _document(found.output_data), _document(found.receipt_data)
    return page(
        request,
        "one_answer.html.j2",
        tab="answers",
        job=job,
        execution_id=execution_id,
        found=found,
        text=found.text[:_CHARACTERS],
        cut=max(0, len(found.text) - _CHARACTERS),
        seed=_seed(job, found, output, receipt),
        region_check=_region_check(job, found),
        marks=MARKS,
        witnesses=_witnesses(job, found),
        documents=[("Receipt", _text(receipt)), ("Answer as it came", _text(output))],
    )


@router.api_route("/jobs/{job_id}/answers/{execution_id}/text", methods=["GET", "HEAD"])
def whole_text(connection: Reading, job: JobOf, execution_id: ExecutionId) -> PlainTextResponse:
    """Return the whole response as plain text, with what could act in a terminal or an editor as escapes."""
    response = _found(connection, job, execution_id).response or ""
    return PlainTextResponse("\n".join(map(printable, response.split("\n"))))


def _found(connection: Connection, job: StoredJob, execution_id: int) -> StoredExecution:
    found = execution_of(connection, job, execution_id)
    if found is None:
        raise NoAnswer(job, execution_id)
    return found


def _document(stored: str | None) -> Any:
    return None if stored is None else original_json(json.loads(stored))


def _text(document: Any) -> str:
    text = "" if document is None else json.dumps(document, indent=2, ensure_ascii=False)
    return text if len(text) <= _DOCUMENT_CHARACTERS else f"{text[:_DOCUMENT_CHARACTERS]}\n… cut; beacon export has it"


def _seed(job: StoredJob, found: StoredExecution, output: Any, receipt: Any) -> str:
    """Return the seed: as it was sent or as the endpoint says, else as the job plans it; empty if there is none."""
    for document, path in ((output, ("sent", "seed")), (receipt, ("output", "metadata", "seed"))):
        recorded = _at(document, path)
        if isinstance(recorded, int):
            return str(recorded)
    planned = _at(job.spec, ("generation", "seed"))
    if job.schema != "beacon" or not isinstance(planned, int):
        return ""
    return f"{seed_of(planned, repeat=found.repeat, arm=found.arm)}, by the plan of the job"


def _at(document: Any, path: Sequence[str]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _region_check(job: StoredJob, found: StoredExecution) -> Check:
    """Return what the audit's check of regions says of this execution alone."""
    unrecorded = frozenset(COLUMNS) - frozenset(job.columns) if job.schema == "legacy" else frozenset()
    combination = {
        "asked": found.region,
        "generated": found.status in GENERATED,
        "executions": 1,
        **{witness: getattr(found, witness) for witness in WITNESSES},
    }
    expected = replace(from_spec(job.spec, job.regions), unrecorded=unrecorded)
    return judge_regions(expected, combinations=[combination])


def _witnesses(job: StoredJob, found: StoredExecution) -> list[tuple[str, str | None, str]]:
    """Return who says where the answer was given: in which words, and which region that is."""
    said = {witness: getattr(found, witness) for witness in WITNESSES}
    named = places(said, job.regions)
    return [(_SAID_BY[witness], value, named.get(witness, "")) for witness, value in said.items()]
