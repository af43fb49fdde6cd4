"""Where an answer was made, as Modal tells a container through its environment, and on what."""

from __future__ import annotations

import os
from collections.abc import Mapping

from modal_deployment.device import Device
from modal_deployment.receipts import ContainerFacts, Siblings

_CLOUD_PREFIX = "CLOUD_PROVIDER_"


def container_facts(
    device: Device | None, siblings: Siblings | None = None, environ: Mapping[str, str] = os.environ
) -> ContainerFacts:
    """Return this container's facts; `device` is its GPU, if it has one.

    Read at each request: a container restored from a snapshot is another one than when it was imported. The
    variables are those of https://modal.com/docs/guide/environment_variables: `MODAL_TASK_ID` (`ta-…`), `MODAL_REGION`
    (the cloud's own name, such as `us-ashburn-1`) and `MODAL_CLOUD_PROVIDER` (`CLOUD_PROVIDER_OCI`).
    """
    cloud = environ.get("MODAL_CLOUD_PROVIDER", "").removeprefix(_CLOUD_PREFIX).lower()
    return ContainerFacts(
        container_id=environ.get("MODAL_TASK_ID") or "unknown",
        container_region=environ.get("MODAL_REGION") or None,
        device=device,
        provider=f"modal-{cloud}" if cloud else "modal",
        siblings=siblings,
    )
