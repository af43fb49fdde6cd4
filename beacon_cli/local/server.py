"""One region's server on this machine, as a process: `python -m beacon_cli.local.server --region us --port 0`.

It reads its plan from stdin, loads its models, and writes `{"port", "pid", "region"}` to stdout once it listens, or
`{"error", "hint"}` if it cannot. It ends on SIGTERM or when its stdin ends: the parent holds the other end, so a killed
parent leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from beacon_cli import __version__
from beacon_cli.console.program_name import command
from beacon_cli.errors import BeaconError, LocalServerError
from beacon_cli.local.gateway import Gateway
from beacon_cli.local.llama import CONTEXT, LlamaGenerator
from beacon_cli.local.plan import ServerPlan
from beacon_cli.local.scripted import ScriptedGenerator, load_script
from modal_deployment.applications import region_app
from modal_deployment.generation import Generator
from modal_deployment.receipts import ContainerFacts
from modal_deployment.regions import Region, Regions
from modal_deployment.registry import Model
from modal_deployment.serving import FactsSource, Service

_LAST_RESORT_SECONDS = 5.0


class _Server(uvicorn.Server):
    """A server that reports to the parent when it listens."""

    def __init__(self, config: uvicorn.Config, ready: str, channel: int) -> None:
        super().__init__(config)
        self._ready = ready
        self._channel = channel

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        os.write(self._channel, self._ready.encode() + b"\n")


def main() -> None:
    """Serve one region until stopped."""
    arguments = _arguments()
    channel = os.dup(1)
    os.dup2(2, 1)  # output of a library must not look like the ready line
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    plan = ServerPlan.from_line(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, args=[plan.folder], daemon=True).start()
    try:
        _serve(Regions(plan.regions)[arguments.region], arguments.port, plan, channel)
    except BeaconError as error:
        os.write(channel, json.dumps({"error": error.message, "hint": error.hint}).encode() + b"\n")
        sys.exit(error.exit_code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m beacon_cli.local.server")
    parser.add_argument("--region", required=True)
    parser.add_argument("--port", type=int, required=True, help="0: any free one")
    return parser.parse_args()


def _serve(region: Region, port: int, plan: ServerPlan, channel: int) -> None:
    listener = _listen(port)
    service = Service(
        region,
        [model for model, _ in plan.models],
        facts=_facts(region, plan),
        version=__version__,
        generators={model.id: generator for model, generator in _generators(region, plan)},
    )
    credentials = [(key.encode(), secret.encode()) for key, secret in plan.credentials]
    gateway = Gateway(region_app(service), credentials=credentials, hop_after=plan.hop_after)
    config = uvicorn.Config(
        gateway,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        loop="asyncio",
        server_header=False,
        timeout_keep_alive=75,  # longer than clients keep an idle connection
        timeout_graceful_shutdown=1,
    )
    ready = {"port": listener.getsockname()[1], "pid": os.getpid(), "region": region.id}
    _Server(config, json.dumps(ready), channel).run(sockets=[listener])


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it each answer waits 40 ms for an ACK
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # on other systems the option lets two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        return listener
    except OSError as error:
        listener.close()
        raise LocalServerError(
            f"port {port} cannot be used: {error.strerror}", hint=f"{command('serve --port N')} uses other ports"
        ) from error


def _generators(region: Region, plan: ServerPlan) -> list[tuple[Model, Generator]]:
    loaded: list[tuple[Model, Generator]] = []
    for model, path in plan.models:
        if model.architecture == ScriptedGenerator.architecture:
            script = load_script(path, regions=Regions(plan.regions))
            loaded.append((model, ScriptedGenerator(script, model_id=model.id, region=region)))
        else:
            context = model.context or CONTEXT
            loaded.append((model, LlamaGenerator(path, context=context, threads=plan.threads, folder=plan.folder)))
    return loaded


def _facts(region: Region, plan: ServerPlan) -> FactsSource:
    server = f"local-{region.id}-{os.getpid()}"
    slots = {model.id: f"{server}-{slot}" for slot, (model, _) in enumerate(plan.models)}

    def facts(model: Model | None) -> ContainerFacts:
        container_id = server if model is None else slots[model.id]
        return ContainerFacts(container_id, f"local-{region.id}", None, "local")

    return facts


def _end_with_parent(folder: Path) -> None:
    while os.read(0, 4096):  # not through sys.stdin, whose lock would disturb the interpreter's exit
        pass
    shutil.rmtree(folder, ignore_errors=True)  # normally the parent does this, unless it was killed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LAST_RESORT_SECONDS)  # a generator that cannot be stopped would keep the process alive
    os._exit(1)


if __name__ == "__main__":
    main()
