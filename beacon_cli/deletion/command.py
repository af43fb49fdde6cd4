"""What `delete` and `prune` share: show what would go, have it confirmed, delete it, and return what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from beacon_cli.console.confirmation import require_answerable, require_confirmation
from beacon_cli.console.formatting import quantity
from beacon_cli.console.result import CommandResult
from beacon_cli.console.terminal import console
from beacon_cli.deletion.candidates import Candidate, Chosen, require_deletable
from beacon_cli.deletion.delete import Deleted, delete_jobs, journals_of
from beacon_cli.deletion.table import show_chosen, show_deleted
from beacon_cli.records.kept_ids import forget_ids
from beacon_cli.records.snapshot import Connection
from beacon_cli.settings import Settings
from beacon_cli.store.connect import connect_readonly
from beacon_cli.store.database import named_database, open_database
from beacon_cli.store.journal import Kept

Choose = Callable[[Connection], Chosen]


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """How a command was called: `delete` or `prune`, and its options."""

    command: str
    database_url: str | None
    dry_run: bool
    yes: bool
    quiet: bool
    as_json: bool


def carry_out(request: DeletionRequest, settings: Settings, choose: Choose) -> CommandResult:
    """Delete the jobs that `choose` returns, once that is confirmed.

    Raises `UsageError` if nobody can be asked, before anything is read; `ProblemsFound` if the answer is not yes, and
    what `choose` and the database raise.
    """
    asking = not (request.dry_run or request.yes)
    if asking:
        require_answerable(as_json=request.as_json)
    with open_database(settings, request.database_url) as url:
        with connect_readonly(url) as connection:
            require_deletable(connection, dry_run=request.dry_run)
            chosen = choose(connection)
            kept = journals_of(connection, chosen.jobs, settings.journal_path())
        if request.dry_run or chosen.refused or not chosen.jobs:
            return _untouched(request, chosen, kept)
        if asking:
            show_chosen(chosen, kept)(console(stderr=True))
            require_confirmation(f"delete {quantity(len(chosen.jobs), 'job')}? Nothing brings them back.")
        deleted = delete_jobs(url, chosen.jobs, settings.journal_path())
    if named_database(settings, request.database_url) is None:
        forget_ids(settings.data_path(), [job.job_id for job in deleted.jobs])
    return _result(request, chosen, deleted, shown=asking)


def _untouched(request: DeletionRequest, chosen: Chosen, kept: list[Kept]) -> CommandResult:
    """Return the result where nothing is deleted."""
    return CommandResult(
        request.command,
        {**_data(request, chosen), **Deleted(journals=[(each, False) for each in kept]).as_data()},
        exit_code=1 if chosen.refused else 0,
        as_json=request.as_json,
        errors=chosen.refused,
        show=None if chosen.refused else show_chosen(chosen, kept, dry_run=request.dry_run),
        quiet=request.quiet,
    )


def _result(request: DeletionRequest, chosen: Chosen, deleted: Deleted, *, shown: bool) -> CommandResult:
    return CommandResult(
        request.command,
        {**_data(request, chosen), **deleted.as_data()},
        exit_code=1 if deleted.problems else 0,
        as_json=request.as_json,
        errors=tuple(deleted.problems),
        show=show_deleted(chosen, deleted, shown=shown),
        quiet=request.quiet,
    )


def _data(request: DeletionRequest, chosen: Chosen) -> dict[str, Any]:
    return {
        "dry_run": request.dry_run,
        "before": chosen.before and chosen.before.astimezone(UTC).isoformat(),
        "jobs": [job.as_data() for job in chosen.jobs],
        "total": _total(chosen.jobs),
        "in_use": [job.as_data() for job in chosen.in_use],
    }


def _total(jobs: tuple[Candidate, ...]) -> dict[str, int]:
    return {
        "jobs": len(jobs),
        "rows": sum(job.rows for job in jobs),
        "answers": sum(job.answers for job in jobs),
        "bytes": sum(job.bytes for job in jobs),
    }
