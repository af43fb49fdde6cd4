"""The columns of an export: their order, their types and what they mean, the same in every format."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Literal

from beacon_cli.export.documents import original_document
from beacon_cli.records.stored_answer import StoredExecution

SCHEMA_VERSION = 1
"""Goes up when a column is renamed, removed or changes its meaning; a new column at the end does not count."""

Type = Literal["integer", "number", "text", "timestamp", "json"]
Value = int | float | str | datetime | None
Row = tuple[Value, ...]
"""The values of an execution in the order of `COLUMNS`; a JSON document is its text."""
WriteRow = Callable[[Row], None]

_WHOLE = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `meaning` is its description in docs/reference/export.md."""

    name: str
    type: Type
    meaning: str


COLUMNS = (
    Column("schema_version", "integer", "the version of this table: 1"),
    Column("job_id", "text", "the job"),
    Column("run_id", "text", "the invocation of `beacon run` that stored the row, a UUID"),
    Column(
        "position", "integer", "the question's position in the job, from 0 (old system: 1); null if the job lacks it"
    ),
    Column("question_id", "text", "the question"),
    Column("model_id", "text", "the model that was asked"),
    Column("region", "text", "the region that was asked: `US`, `EU` or `ASIA`"),
    Column("repeat", "integer", "the number of the repeat, from 0: what people see as `#1` is 0 here"),
    Column("status", "text", "`completed`, `empty` (no text), `blocked`, `failed`, `timeout` or `cancelled`"),
    Column("prompt", "text", "the text of the question as it was sent"),
    Column("system_prompt", "text", "the system prompt as it was sent, with the place filled in"),
    Column("response", "text", "the answer, exactly as received"),
    Column("error_code", "text", "the error code, one of a documented list"),
    Column("error_message", "text", "the error message"),
    Column("http_status", "integer", "the endpoint's last HTTP status"),
    Column("attempts", "integer", "how often it was asked, including attempts of earlier runs"),
    Column("hops", "integer", "how many HTTP 303s were followed"),
    Column("queued_at", "timestamp", "when the cell's turn came"),
    Column("started_at", "timestamp", "when the first request was sent"),
    Column("completed_at", "timestamp", "when the answer arrived, or the attempt failed"),
    Column("created_at", "timestamp", "when the row was first stored, by the database's clock"),
    Column("seconds", "number", "from `started_at` to `completed_at`"),
    Column("provider_id", "text", "what answered, according to the receipt"),
    Column("container_id", "text", "the container that answered"),
    Column("container_region", "text", "where it ran, as the provider names it"),
    Column("answered_region", "text", "the region that the answer reports"),
    Column("model_revision", "text", "the revision of the weights that answered"),
    Column("gpu", "text", "the GPU that answered"),
    Column("architecture", "text", "what generated the text: the architecture of a model, or `scripted`"),
    Column("model_registry", "text", "the registry that the endpoint served"),
    Column("temperature", "number", "the temperature in the receipt"),
    Column("max_tokens", "integer", "the maximum length of the answer in the receipt, in tokens"),
    Column("tokens_generated", "integer", "the length of the answer, in tokens"),
    Column("function_call_id", "text", "Modal's id of the call, after a 303"),
    Column("output_data", "json", "the rest of the endpoint's answer, without text and receipt"),
    Column("receipt_data", "json", "the receipt of the endpoint"),
    Column("answer_text", "text", "the part of the answer that is judged: without a thought"),
    Column("thought", "text", "what the model thought before its answer"),
    Column("finish_reason", "text", "why the answer ended; `length`: it was cut off at the maximum length"),
    Column("effective_system_prompt", "text", "the system prompt that the endpoint says it used"),
    Column("effective_region", "text", "the region that the endpoint says it answered in"),
    Column("arm", "integer", "the arm of the region: 0, or 1 for a control"),
    Column("effective_model", "text", "the model that the endpoint says it asked"),
    Column("tags", "text", "the tags of the question in the job file, with a space between them"),
    Column(
        "sent",
        "text",
        "the parameters that were sent beside the seed, in JSON; for Beacon's own endpoints those of the job",
    ),
    Column("sent_model", "text", "the name under which an OpenAI-compatible endpoint was asked for the model"),
    Column("asked_at", "text", "the URL at which an OpenAI-compatible endpoint was asked"),
    Column("precision", "text", "in which the GPU held the weights, such as `float16`"),
    Column("libraries", "text", "the versions of the libraries that computed the answer"),
)


_ATTRIBUTES = {"answer_text": "text"}
_stored_values = attrgetter(*(_ATTRIBUTES.get(column.name, column.name) for column in COLUMNS[1:]))


def row_of(execution: StoredExecution) -> Row:
    """Return an execution's values. Numbers that an endpoint sent as another type are null."""
    values: list[Value] = [SCHEMA_VERSION, *_stored_values(execution)]
    for place, convert in _CONVERTED:
        if isinstance(text := values[place], str):
            values[place] = convert(text)
    return tuple(values)


def _whole(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_CONVERT: dict[Type, Callable[[str], Value]] = {"json": original_document, "integer": _whole, "number": _finite}
_CONVERTED = [(place, _CONVERT[column.type]) for place, column in enumerate(COLUMNS) if column.type in _CONVERT]
