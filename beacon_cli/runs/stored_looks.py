"""At which numbers of repeats the answers of a stored job could be looked at, for the plan of a further look."""

from __future__ import annotations

from beacon_cli.errors import BeaconError, JobNotFound
from beacon_cli.job.model import Job
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings


def stored_looks(request: RunRequest, settings: Settings, job: Job) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the numbers of repeats above one for which the job has answers, and a warning if they cannot be read."""
    job_id = request.job_id or job.id
    if job_id is None or job.repeats == 1 or not request.may_be_stored(settings, job):
        return (), ()
    from beacon_cli.records.find_job import find_job
    from beacon_cli.records.stages import recorded_stages
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import unmigrated_database

    try:
        with (
            unmigrated_database(settings, request.database_url, announced=False) as url,
            connect_readonly(url) as connection,
        ):
            stages = recorded_stages(connection, find_job(connection, job_id, regions=settings.vocabulary.regions))
    except JobNotFound:
        return (), ()
    except BeaconError as error:
        return (), (f"the chances are those of a first look: whether there was one is not known ({error.message})",)
    return tuple(stage.repeats for stage in stages if stage.repeats > 1), ()
