"""Shows to people which jobs would be deleted, and which were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import quantity, size
from beacon_cli.console.printable import excerpt, printable
from beacon_cli.deletion.candidates import Candidate, Chosen
from beacon_cli.deletion.delete import Deleted
from beacon_cli.store.job_locks import deletes
from beacon_cli.store.journal import Kept

if TYPE_CHECKING:
    from rich.console import Console

_LISTED = 100
_REUSED = "PostgreSQL reuses the space"


def show_chosen(chosen: Chosen, kept: Sequence[Kept], *, dry_run: bool = False) -> Callable[[Console], None]:
    """Return a function that prints which jobs would be deleted; `kept` are the journals that would go with them."""

    def show(out: Console) -> None:
        if not chosen.jobs:
            _line(out, _nothing(chosen))
        else:
            _table(out, chosen.jobs)
            for each in kept:
                _line(out, f"{each}; it would go, too")
        _print_in_use(out, chosen)
        if dry_run and chosen.jobs:
            _line(out, f"nothing was deleted: {_amount(chosen.jobs)} would be")

    return show


def show_deleted(chosen: Chosen, deleted: Deleted, *, shown: bool) -> Callable[[Console], None]:
    """Return a function that prints what was deleted; `shown` says that the jobs have been printed already."""

    def show(out: Console) -> None:
        if not shown:
            if deleted.jobs:
                _table(out, deleted.jobs)
            _print_in_use(out, chosen)
        for kept, removed in deleted.journals:
            went = "went with it" if removed else "stays: remove it if it is not needed"
            _line(out, f"the journal {kept.path} of job {excerpt(kept.job_id, 255)} {went}")
        if deleted.jobs:
            _line(out, f"deleted: {_amount(deleted.jobs)}; {_REUSED}")

    return show


def _table(out: Console, jobs: Sequence[Candidate]) -> None:
    from beacon_cli.console.tables import Column, print_table

    columns = [Column("job"), Column("status"), Column("last active")]
    columns += [Column("rows", right=True), Column("answers", right=True), Column("size", right=True, optional=True)]
    print_table(out, columns, [_row(job) for job in jobs[:_LISTED]])
    if len(jobs) > _LISTED:
        _line(out, f"… and {quantity(len(jobs) - _LISTED, 'job')} more; --json lists all of them")


def _row(job: Candidate) -> list[str]:
    active_at = f"{job.active_at.astimezone(UTC):%Y-%m-%d %H:%M}"
    status = job.status.replace("_", " ")
    return [excerpt(job.job_id, 255), status, active_at, str(job.rows), str(job.answers), size(job.bytes)]


def _amount(jobs: Sequence[Candidate]) -> str:
    rows, answers = sum(job.rows for job in jobs), sum(job.answers for job in jobs)
    held = f"{quantity(rows, 'row')} ({quantity(answers, 'answer')})"
    return f"{quantity(len(jobs), 'job')} with {held}, about {size(sum(job.bytes for job in jobs))}"


def _nothing(chosen: Chosen) -> str:
    if chosen.in_use or chosen.before is None:
        return "nothing to delete"
    before = chosen.before.astimezone(UTC).replace(tzinfo=None)
    return f"nothing to delete: no job was last active before {before.isoformat(' ', 'minutes')} UTC"


def _print_in_use(out: Console, chosen: Chosen) -> None:
    for job in chosen.in_use:
        if (why := job.in_use()) is not None:
            _line(out, why.message if deletes(job.holder or "") else f"{why.message}: it stays")


def _line(out: Console, text: str) -> None:
    out.print(printable(text), markup=False, highlight=False, soft_wrap=not out.is_terminal)
