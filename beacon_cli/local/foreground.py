"""Serves in the foreground: shows the servers, and runs until a signal arrives or a server dies."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping

from beacon_cli.console.program_name import command
from beacon_cli.console.unknown_region import unknown_region
from beacon_cli.errors import LocalServerError
from beacon_cli.live.fetch_view import FetchView
from beacon_cli.local.bundled import local_model_ids
from beacon_cli.local.loopback import require_loopback
from beacon_cli.local.models import template_warnings
from beacon_cli.local.servers import LocalServer, local_servers
from beacon_cli.settings import Settings
from beacon_cli.signals import Held, held
from modal_deployment.regions import Regions, UnknownRegionError

BASE_PORT = 8701
_EXAMPLE = "smollm2-135m"  # the fastest of those that are always served


def chosen_ports(names: Iterable[str], first_port: int | None, regions: Regions) -> dict[str, int]:
    """Return the port by region id for the named regions (none: all). Raises `UsageError` for an unknown region."""
    try:
        chosen = list(dict.fromkeys(regions.named(name).id for name in names)) or list(regions)
    except UnknownRegionError as error:
        raise unknown_region(error) from None
    if first_port is None:
        return {region_id: BASE_PORT + list(regions).index(region_id) for region_id in chosen}
    return {region_id: first_port + number for number, region_id in enumerate(chosen)}


def serve_until_signal(settings: Settings, ports: Mapping[str, int]) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP, and return the exit code for it.

    Raises `LocalServerError` if a server dies, or if this machine cannot connect to itself, and what `local_servers`
    raises.
    """
    require_loopback()
    with held() as signals:
        return asyncio.run(_serve_until_signal(settings, ports, signals))


async def _serve_until_signal(settings: Settings, ports: Mapping[str, int], signals: Held) -> int:
    task = asyncio.current_task()
    received: list[int] = []
    view = FetchView()

    def stop(signum: int) -> None:
        if not received:
            view.write("stopping…")
        received.append(signum)
        if task is not None:
            task.cancel()

    with view, signals.delivered_to(stop):
        try:
            await _serve(settings, ports, view)
        except asyncio.CancelledError:
            if not received:
                raise
    return 128 + received[0]


async def _serve(settings: Settings, ports: Mapping[str, int], view: FetchView) -> None:
    regions = [settings.vocabulary.regions[region_id] for region_id in ports]
    view.write("starting; the first start takes longer")
    for warning in await asyncio.to_thread(template_warnings, settings):
        view.write(warning)
    async with local_servers(settings, regions, ports=ports, on_fetch=view.on_fetch) as servers:
        sys.stdout.write(_announcement(settings, list(servers.values())))
        sys.stdout.flush()
        view.write("serving; press Ctrl-C to stop")
        await _first_death(list(servers.values()))


async def _first_death(servers: list[LocalServer]) -> None:
    deaths = {asyncio.ensure_future(server.died()): server for server in servers}
    try:
        done, _ = await asyncio.wait(deaths, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for death in deaths:
            death.cancel()
    death = done.pop()
    raise LocalServerError(
        f"the server of {deaths[death].region.label} died: {death.result()}", hint=f"start it again: {command('serve')}"
    )


def _announcement(settings: Settings, servers: list[LocalServer]) -> str:
    models = local_model_ids(settings)
    width = max(5, *(len(server.region.label) for server in servers))
    lines = [f"{server.region.label:<{width}} {server.base_url}" for server in servers]
    lines += ["", f"models: {', '.join(models)}", "", "try it:"]
    body = f'{{"model": "{_EXAMPLE}", "prompt": "What is 2+2?"}}'
    headers = ' -H "Modal-Key: $BEACON_PROXY_KEY" \\\n    -H "Modal-Secret: $BEACON_PROXY_SECRET"'
    credentials = f"{headers} \\\n   " if settings.proxy_headers() else ""
    lines += [f"  curl {servers[0].base_url}/inference \\\n   {credentials} -d '{body}'"]
    lines += ["", f"for any client of OpenAI's API: {servers[0].base_url}/v1"]
    lines += ["", "for other terminals, in beacon.toml:"]
    for server in servers:
        lines += [f"  [regions.{server.region.id}]", f'  base_url = "{server.base_url}"']
    return "\n".join(lines) + "\n"
