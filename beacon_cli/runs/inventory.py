"""The containers that Modal runs for the regions of a job, listed before and after a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from beacon_cli.deployment.control_plane import live_containers
from beacon_cli.deployment.credentials import has_credentials
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.recorded import recorded_apps
from beacon_cli.errors import EnvironmentFault
from beacon_cli.settings import Settings
from modal_deployment.regions import Region

Inventory = dict[str, list[dict[str, Any]]]


async def container_inventory(
    settings: Settings, regions: Iterable[Region], notify: Callable[[str], None]
) -> Inventory | None:
    """Return the live containers by region label; None without Modal credentials or a recorded deployment.

    A failure to list them is reported, and stops nothing.
    """
    environment = environment_name(settings)
    apps = recorded_apps(settings, environment) if has_credentials() else {}
    app_ids = {region.label: apps[region.id]["app_id"] for region in regions if region.id in apps}
    if not app_ids:
        return None
    try:
        listed = await live_containers(environment, list(app_ids.values()))
    except EnvironmentFault as fault:
        notify(fault.message)
        return None
    inventory = {label: [c.as_data() for c in listed[app_id]] for label, app_id in app_ids.items()}
    notify("containers on Modal: " + "  ".join(f"{label} {len(containers)}" for label, containers in inventory.items()))
    return inventory
