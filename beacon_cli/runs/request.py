"""The options of `beacon run`."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from beacon_cli.console.input_file import STDIN
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.suggestions import suggestion
from beacon_cli.errors import UsageError
from beacon_cli.executor.execution import ANSWERED, STATUSES, Batching, Status
from beacon_cli.job.limits import Limits
from beacon_cli.job.load import load_job
from beacon_cli.job.model import Job
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.local.bundled import local_model_ids
from beacon_cli.runs.chosen_part import require_part
from beacon_cli.runs.extra import refused_extra
from beacon_cli.settings import Settings
from beacon_cli.store.database import EMBEDDED, named_url
from beacon_cli.store.running import server_folder

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The flags of `beacon run`. `batching` and `max_in_flight` are None if the flag was not given.

    `again` has the statuses of answers that are asked again; `part` is what the run asks of the job. `check`: endpoints
    that are not Beacon's own are asked a tiny question first.
    """

    job_file: Path
    local: bool = False
    batching: Batching | None = None
    max_in_flight: int | None = None
    job_id: str | None = None
    old_prompt: Path | None = None
    events: Path | None = None
    database_url: str | None = None
    config: Path | None = None
    again: tuple[Status, ...] = ()
    part: Part = WHOLE
    check: bool = True

    def load(self, settings: Settings) -> Job:
        """Return the job. Raises `JobFileError`, and `UsageError` for flags that do not fit the job file."""
        if self.events is not None and self.events.resolve() == self.job_file.resolve():
            raise UsageError(f"--events would write into the job file {self.job_file}", hint="name another file")
        job = load_job(
            self.job_file,
            regions=settings.vocabulary.regions,
            known_models=known_models(settings),
            old_prompt=self.old_prompt,
        )
        require_part(job, self.part)
        if self.local and job.generation.extra:
            raise refused_extra("the local servers have")
        return job

    def limits(self, job: Job, settings: Settings) -> Limits:
        """Return the limits in force: flags > job file > environment > `beacon.toml` > defaults."""
        return settings.limits.overridden_by(job.limits).overridden_by({"max_in_flight": self.max_in_flight})

    def given_or_new_id(self, job: Job) -> str:
        """Return the flag's id, else the file's, else a new one on each call. Raises `UsageError` if invalid."""
        if self.job_id is not None and not _JOB_ID.fullmatch(self.job_id):
            raise UsageError(
                f"--job-id {self.job_id!r} is not a job id",
                hint="use letters, digits, - and _, at most 255",
            )
        return self.job_id or job.id or _new_id(self.job_file.stem)

    def may_be_stored(self, settings: Settings, job: Job) -> bool:
        """Return whether the job may be stored already; if all its answers are, it needs no endpoint."""
        if self.job_id is None and job.id is None:
            return False
        return named_url(settings, self.database_url) is not None or server_folder(settings.data_path()).is_dir()

    def resume_command(self, job_id: str, *, whole: bool = False) -> str:
        """Return the command that resumes the job, without the database URL, which may contain a password.

        With `whole` it asks the whole job, and not only this part. A job file from stdin has to be given again:
        `JOB_FILE` stands for it.
        """
        words = ["--config", str(self.config)] if self.config is not None else []
        words += ["run", str(self.job_file), "--job-id", job_id]
        if self.local:
            words.append("--local")
        if self.old_prompt is not None:
            words += ["--old-prompt", str(self.old_prompt)]
        if self.max_in_flight is not None:
            words += ["--max-in-flight", str(self.max_in_flight)]
        if not whole:
            words += self.part.options()
        if not self.check:
            words.append("--no-check")
        if self.events is not None:
            words += ["--events", str(self.events)]
        for status in self.again:
            words += ["--again", status]
        line = command(shlex.join(words))
        if self.database_url:
            line += f" --database-url {EMBEDDED if self.database_url == EMBEDDED else '…'}"
        return f"{line} < JOB_FILE" if self.job_file == STDIN else line


def known_models(settings: Settings) -> list[str]:
    """Return the ids of the models that a job may name; each endpoint reports itself which of them it serves."""
    return list(dict.fromkeys([*settings.known_model_ids(), *local_model_ids(settings)]))


def statuses_to_ask_again(given: Collection[str]) -> tuple[Status, ...]:
    """Return the given statuses without those that are asked again anyway. Raises `UsageError` for unknown ones."""
    for name in given:
        if name not in STATUSES:
            hint = f"{suggestion(name, STATUSES)}known: {', '.join(STATUSES)}"
            raise UsageError(f"--again: unknown status {excerpt(name)!r}", hint=hint)
    return tuple(status for status in STATUSES if status in given and status in ANSWERED)


def _new_id(name: str) -> str:
    """Return a readable id that sorts by time, such as `quickstart-20260131-120000-5f3a`."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:200] or "job"
    return f"{slug}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
