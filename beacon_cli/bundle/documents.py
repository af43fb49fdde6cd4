"""The documents and rows of a bundle, made of the same values as the commands print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, BinaryIO, cast

from beacon_cli.audit.report import AuditReport
from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.refusal import built_in_rule
from beacon_cli.console.result import envelope, json_pieces
from beacon_cli.errors import BeaconError
from beacon_cli.export.columns import row_of
from beacon_cli.export.jsonl import jsonl_writer
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.read_answers import stored_executions
from beacon_cli.records.snapshot import Connection


def pretty(value: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield a document piece by piece, as `--json` prints it."""
    return (piece.encode() for piece in json_pieces(value))


def document(command: str, data: Mapping[str, Any], problems: Sequence[BeaconError] = ()) -> Iterator[bytes]:
    """Yield the document of a command, with the problems that it found."""
    return pretty(envelope(command, ok=not problems, data=data, errors=tuple(problems)))


def audit_document(audit: AuditReport) -> Iterator[bytes]:
    """Yield what `check-db --json` prints."""
    return document("check-db", audit.as_data(), audit.problems)


def verdicts_document(comparison: Comparison) -> Iterator[bytes]:
    """Yield what `compare --json` prints."""
    return document("compare", comparison.as_data(), comparison.problems(fail_on_different=False))


def uses_embeddings(comparison: Comparison) -> bool:
    """Return whether the extra `semantic` had a part in a comparison."""
    return comparison.measure == "semantic" or comparison.rule != built_in_rule().source


def write_rows(stream: BinaryIO, connection: Connection, job: StoredJob, *, superseded: bool = False) -> int:
    """Write executions as `export` does, and return how many there are. Raises `StoreError`."""
    written = 0
    executions = stored_executions(connection, [job], documents=True, superseded=superseded)
    with jsonl_writer(stream) as write, closing(cast(Any, executions)):
        for execution in executions:
            write(row_of(execution))
            written += 1
    return written
