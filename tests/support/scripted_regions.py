"""The real endpoints of some regions with scripted answers, on loopback ports, in threads of the test."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from beacon_cli.local.scripted import ScriptedGenerator, load_script
from modal_deployment.applications import region_app
from modal_deployment.receipts import ContainerFacts
from modal_deployment.regions import Region, Regions
from modal_deployment.registry import Model
from modal_deployment.serving import Service
from tests.support.vocabulary import REGIONS, REGISTRY

OUTCOMES = Path(__file__).with_name("outcomes.yaml")
"""A script that has every kind of outcome; each question's first word chooses one."""


@contextlib.contextmanager
def scripted_regions(script: Path, regions: Regions = REGIONS) -> Iterator[dict[str, str]]:
    """Serve the registry's models by a script; yields the variables that make these the endpoints of every region."""
    with contextlib.ExitStack() as stack:
        ports = {region.id: stack.enter_context(_serving(region, script, regions)) for region in regions.values()}
        yield {
            f"BEACON_REGIONS__{region_id.upper().replace('-', '_')}__BASE_URL": f"http://127.0.0.1:{port}"
            for region_id, port in ports.items()
        }


@contextlib.contextmanager
def _serving(region: Region, script: Path, regions: Regions) -> Iterator[int]:
    def facts(model: Model | None) -> ContainerFacts:
        return ContainerFacts(f"local-{region.id}-{model.id if model else 0}", f"local-{region.id}", None, "local")

    loaded = load_script(script, regions=regions)
    generators = {model_id: ScriptedGenerator(loaded, model_id=model_id, region=region) for model_id in REGISTRY}
    service = Service(region, REGISTRY.values(), facts=facts, version="0", generators=generators)
    server = uvicorn.Server(uvicorn.Config(region_app(service), log_config=None, lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(300)
