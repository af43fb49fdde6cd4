"""How the repeats of a job were drawn: its seed and its temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beacon_cli.records.find_job import StoredJob


def shared_seeds(jobs: Sequence[StoredJob]) -> bool:
    """Return whether repeat n had the same seed in all regions, and in all jobs: the job's seed, plus n."""
    seeds = {_generation(job).get("seed") for job in jobs}
    return len(seeds) == 1 and isinstance(seeds.pop(), int)


def varied(job: StoredJob) -> bool:
    """Return whether repeats can differ: each has a seed of its own, and the temperature is known to be above 0."""
    temperature = _generation(job).get("temperature")
    return isinstance(temperature, (int, float)) and temperature > 0


def _generation(job: StoredJob) -> Mapping[str, Any]:
    """Return how answers were generated; nothing for a job of the old system, which had no seeds."""
    found = job.spec.get("generation") if job.schema == "beacon" and isinstance(job.spec, dict) else None
    return found if isinstance(found, dict) else {}
