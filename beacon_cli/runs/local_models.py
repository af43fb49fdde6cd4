"""Whether the servers of this machine can serve what a run asks; known without starting any."""

from __future__ import annotations

from collections.abc import Sequence

from beacon_cli.errors import NoEndpoint
from beacon_cli.job.lanes import Lane
from beacon_cli.local.bundled import local_model_ids
from beacon_cli.settings import Settings


def require_local_models(settings: Settings, lanes: Sequence[Lane]) -> None:
    """Raise `NoEndpoint` if `lanes` ask a model that `--local` does not serve."""
    served = local_model_ids(settings)
    missing = [model_id for model_id in dict.fromkeys(lane.model_id for lane in lanes) if model_id not in served]
    if missing:
        raise NoEndpoint(
            f"--local does not serve {', '.join(missing)}",
            hint=f"name only {', '.join(served)} in the job file, or add models under [local.models] in beacon.toml",
        )
