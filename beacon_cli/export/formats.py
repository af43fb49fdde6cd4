"""The formats of an export, and their writers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING

from beacon_cli.console.printable import excerpt, printable
from beacon_cli.errors import UsageError

if TYPE_CHECKING:
    from beacon_cli.export.columns import WriteRow


class Format(StrEnum):
    """How rows are written."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


_ENDINGS = {
    "": Format.jsonl,
    ".jsonl": Format.jsonl,
    ".ndjson": Format.jsonl,
    ".csv": Format.csv,
    ".parquet": Format.parquet,
}
_OTHER_ENDINGS = [ending for ending, named in _ENDINGS.items() if ending and named is not Format.csv]


def chosen_format(named: Format | None, output: Path | None, *, excel: bool = False, as_json: bool = False) -> Format:
    """Return the named format, else that of the file's extension, else JSON lines; for Excel always CSV.

    Raises `UsageError` if an export needs a file and none is named, if its extension is not a known format, or if
    another format or extension than CSV is named for Excel.
    """
    if excel:
        _require_csv(named, output)
        named = Format.csv
    if output is None:
        if as_json:
            raise UsageError(
                "--json prints a document on stdout, so the rows need a file", hint="name one with -o FILE"
            )
        if named is Format.parquet:
            raise UsageError("parquet is not written to stdout", hint="name a file with -o FILE")
        return named or Format.jsonl
    if as_json and output.exists() and not output.is_file():
        raise UsageError("--json prints a document, so the rows need a file of their own", hint="name one with -o FILE")
    if named is not None:
        return named
    ending = output.suffix.lower() or (output.name.lower() if output.name.startswith(".") else "")
    if ending not in _ENDINGS:
        raise UsageError(
            f"cannot tell the format from '{excerpt(output.name)}'", hint="add --format jsonl, csv or parquet"
        )
    return _ENDINGS[ending]


def _require_csv(named: Format | None, output: Path | None) -> None:
    if named not in (None, Format.csv):
        raise UsageError(f"--excel writes CSV, not {named}", hint="leave one of --excel and --format out")
    if output is not None and output.suffix.lower() in (".xlsx", ".xls", *_OTHER_ENDINGS):
        raise UsageError(
            f"--excel writes CSV, and '{excerpt(output.name)}' is not named so", hint="name a file that ends in .csv"
        )


def require_format(chosen: Format) -> None:
    """Raise `MissingExtra` when the format needs a library that is not installed."""
    if chosen is Format.parquet:
        from beacon_cli.extras import require

        require("parquet", "pyarrow")


def writer_to(stream: IO[bytes], chosen: Format, *, excel: bool = False) -> AbstractContextManager[WriteRow]:
    """Return a context manager that yields a function to write a row; the rest is written when the block succeeds.

    On a terminal, control characters of a CSV are shown as escapes. `excel` is about CSV only.
    """
    if chosen is Format.jsonl:
        from beacon_cli.export.jsonl import jsonl_writer

        return jsonl_writer(stream)
    if chosen is Format.csv:
        from beacon_cli.export.csvs import csv_writer, excel_writer

        writer = excel_writer if excel else csv_writer
        return writer(stream, printable if stream.isatty() else str)
    from beacon_cli.export.parquet import parquet_writer

    return parquet_writer(stream)
