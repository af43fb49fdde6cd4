"""Completes the values of arguments and options. Nothing here fails, prints, starts or creates anything."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from beacon_cli.settings import Settings

Values = list[str | tuple[str, str]]

_MOST_QUESTIONS = 200


def job_ids(ctx: typer.Context, incomplete: str) -> Values:
    """Return the ids of stored jobs that begin like this, newest first; on request also `@last`."""
    from beacon_cli.command_line.job_ids import stored_job_ids

    if incomplete.startswith("@"):
        return ["@last"]
    return list(stored_job_ids(ctx.find_root().params.get("config"), ctx.params.get("database_url"), incomplete))


def regions(ctx: typer.Context, incomplete: str) -> Values:
    """Return the names of the regions: their ids, or in capitals their labels."""
    known = _settings(ctx).vocabulary.regions.values()
    return [(region.label if incomplete.isupper() else region.id, region.place or region.label) for region in known]


def statuses() -> Values:
    """Return the possible statuses of a job."""
    from beacon_cli.records.overview import RESUMABLE, STATUSES

    return [*STATUSES, RESUMABLE]


def execution_statuses() -> Values:
    """Return the possible statuses of an execution."""
    from beacon_cli.executor.execution import STATUSES

    return list(STATUSES)


def models(ctx: typer.Context) -> Values:
    """Return the models that a job may name."""
    from beacon_cli.runs.request import known_models

    return list(known_models(_settings(ctx)))


def questions_of_the_job(ctx: typer.Context, incomplete: str) -> Values:
    """Return the questions of the job file that the words before this one name, with the beginnings of their texts."""
    from itertools import islice

    from beacon_cli.console.input_file import STDIN
    from beacon_cli.console.printable import excerpt
    from beacon_cli.errors import BeaconError
    from beacon_cli.job.load import load_job
    from beacon_cli.runs.request import known_models

    path = Path(ctx.params.get("job_file") or STDIN)
    if path == STDIN:
        return []
    settings = _settings(ctx)
    try:
        job = load_job(path, regions=settings.vocabulary.regions, known_models=known_models(settings))
        questions = (question for question in job.questions if question.id.startswith(incomplete))
        return [(question.id, excerpt(question.text, 60)) for question in islice(questions, _MOST_QUESTIONS)]
    except BeaconError:
        return []


def measures() -> Values:
    """Return the measures of distance."""
    from beacon_cli.comparison.distance import MEASURES

    return list(MEASURES)


def conditions() -> Values:
    """Return the conditions that may differ between regions if accepted."""
    from beacon_cli.comparison.conditions import NAMES

    return list(NAMES)


def page_names() -> Values:
    """Return the pages of the documentation, with their headings."""
    from beacon_cli.command_line.documents import pages, title

    return [(name, title(path)) for name, path in pages().items()]


def command_names(ctx: typer.Context) -> Values:
    """Return the commands of the group that the words before this one name."""
    command: Any = ctx.find_root().command
    for word in ctx.params.get("words") or ():
        command = getattr(command, "commands", {}).get(word)
    return [(name, below.get_short_help_str(200)) for name, below in getattr(command, "commands", {}).items()]


def shells() -> Values:
    """Return the shells for which there is completion."""
    from beacon_cli.command_line.completion import SHELLS

    return list(SHELLS)


def _settings(ctx: typer.Context) -> Settings:
    """Return the settings, or the defaults if they are not usable: the command will report the error."""
    from beacon_cli.config import load_settings
    from beacon_cli.settings import Settings

    config = ctx.find_root().params.get("config")
    with suppress(Exception):
        return load_settings(Path(config) if config else None)
    return Settings()
