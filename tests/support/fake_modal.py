"""Modal's control plane on loopback: it records what the real SDK sends, and fails where a test says so."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from grpclib import GRPCError, Status
from grpclib.const import Handler
from grpclib.server import Server
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

WORKSPACE = "acme"
TOKEN_ID, TOKEN_SECRET = "ak-canaryid0123456789", "as-canarysecret0123456789"


@dataclass(frozen=True)
class Fault:
    """What an RPC does instead of answering: fail with a status, or (without one) hang."""

    rpc: str
    status: Status | None = None
    message: str = ""
    app: str = ""  # empty: of every app

    def hits(self, rpc: str, app: str) -> bool:
        return self.rpc in (rpc, "*") and self.app in ("", app)


@dataclass
class FakeModal:
    """The state of the control plane. `calls` are the requests in order; `versions` the published ones by app."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    build_log: list[str] = field(default_factory=list)
    broken_build: str = ""  # the app whose images fail to build
    function_urls: dict[str, str] = field(default_factory=dict)  # by label; else Modal's own form
    calls: list[tuple[str, Any]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    containers: dict[str, list[str]] = field(default_factory=dict)  # task ids by app
    labels: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)
    tokens: set[tuple[str, str]] = field(default_factory=set)
    returns: dict[str, Any] = field(default_factory=dict)  # what a function returns to a call, by app

    def variables(self, folder: Path) -> dict[str, str]:
        """Return the environment in which the SDK talks to this control plane and knows no other."""
        config = folder / "modal.toml"
        config.touch()
        return {
            "MODAL_SERVER_URL": self.url,
            "MODAL_TOKEN_ID": TOKEN_ID,
            "MODAL_TOKEN_SECRET": TOKEN_SECRET,
            "MODAL_CONFIG_PATH": str(config),
        }

    def sent(self, rpc: str) -> list[Any]:
        return [request for name, request in self.calls if name == rpc]

    def fail(self, rpc: str, status: Status, message: str = "", app: str = "") -> None:
        self.faults.append(Fault(rpc, status, message, app))

    def hang(self, rpc: str, app: str = "") -> None:
        self.faults.append(Fault(rpc, app=app))

    def deployed(self, app: str, version: int = 1, containers: tuple[str, ...] = ()) -> None:
        """Make an app one that is deployed already."""
        self.versions[app] = version
        self.containers[app] = list(containers)

    def has_functions(self, app: str, *names: str) -> None:
        """Make these the functions of an app that is deployed already."""
        for name in names:
            function_id = id_of(app, name)
            self.labels[function_id] = f"{app}-{name}"
            ranked = api_pb2.FunctionData.RankedFunction(function=api_pb2.Function(function_name=name))
            self.functions[function_id] = api_pb2.FunctionData(ranked_functions=[ranked])

    def answer(self, rpc: str, request: Any, reply: Any) -> Any:
        build = getattr(self, f"_{rpc}", None)
        return build(request, reply) if build is not None else reply()

    def _WorkspaceNameLookup(self, request: Any, reply: Any) -> Any:
        return reply(username=WORKSPACE)

    def _AppGetByDeploymentName(self, request: Any, reply: Any) -> Any:
        if not (version := self.versions.get(request.name)):
            return reply()
        state = api_pb2.AppLifecycle(app_state=api_pb2.APP_STATE_DEPLOYED, version=version)
        return reply(app_id=f"ap-{request.name}", lifecycle=state)

    def _AppCreate(self, request: Any, reply: Any) -> Any:
        return reply(app_id=f"ap-{request.description}", app_page_url="http://page", app_logs_url="http://logs")

    def _AppPublish(self, request: Any, reply: Any) -> Any:
        if request.app_state == api_pb2.APP_STATE_EPHEMERAL:
            return reply(url="http://app", deployed_at=time.time())
        self.versions[request.name] = self.versions.get(request.name, 0) + 1
        return reply(url="http://app", deployed_at=time.time())

    def _AppGetLogs(self, _request: Any, reply: Any) -> Any:
        return reply(app_done=True)

    def _FunctionMap(self, request: Any, reply: Any) -> Any:
        item = api_pb2.FunctionPutInputsResponseItem(input_id="in-1")
        return reply(function_call_id=f"fc-{request.function_id}", pipelined_inputs=[item])

    def _FunctionGetOutputs(self, request: Any, reply: Any) -> Any:
        called = request.function_call_id
        data = pickle.dumps(next((value for app, value in self.returns.items() if id_of(app, "") in called), {}))
        result = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS, data=data)
        output = api_pb2.FunctionGetOutputsItem(input_id="in-1", result=result, data_format=api_pb2.DATA_FORMAT_PICKLE)
        return reply(outputs=[output])

    def _AppDeploymentHistory(self, request: Any, reply: Any) -> Any:
        newest = self.versions.get(app_of(request), 0)
        versions = range(newest, 0, -1)
        return reply(app_deployment_histories=[api_pb2.AppDeploymentHistory(version=version) for version in versions])

    def _AppRollback(self, request: Any, reply: Any) -> Any:
        self.versions[app_of(request)] += 1
        return reply(url="http://app", deployed_at=time.time())

    def _EnvironmentGetOrCreate(self, request: Any, reply: Any) -> Any:
        settings = api_pb2.EnvironmentSettings(image_builder_version="2025.06")
        metadata = api_pb2.EnvironmentMetadata(name=request.deployment_name or "main", settings=settings)
        return reply(environment_id="en-1", metadata=metadata)

    def _FunctionPrecreate(self, request: Any, reply: Any) -> Any:
        function_id = id_of(app_of(request), request.function_name)
        self.labels[function_id] = request.webhook_config.requested_suffix
        return reply(function_id=function_id, handle_metadata=self._handle(function_id, request.function_name, ""))

    def _FunctionCreate(self, request: Any, reply: Any) -> Any:
        function = request.function
        function_id = request.existing_function_id
        ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=function)
        self.functions[function_id] = api_pb2.FunctionData(ranked_functions=[ranked])
        return reply(
            function_id=function_id,
            function=function,
            handle_metadata=self._handle(function_id, function.function_name, f"de-{function_id}"),
            function_data=self.functions[function_id],
        )

    def _FunctionGet(self, request: Any, reply: Any) -> Any:
        function_id = id_of(request.app_name, request.object_tag)
        if function_id not in self.functions:
            raise GRPCError(Status.NOT_FOUND, f"Function '{request.object_tag}' not found in app '{request.app_name}'")
        handle = self._handle(function_id, request.object_tag, f"de-{function_id}")
        return reply(function_id=function_id, handle_metadata=handle, function=self.functions[function_id])

    def _handle(self, function_id: str, name: str, definition_id: str) -> Any:
        label = self.labels.get(function_id, "")
        url = self.function_urls.get(label, f"https://{WORKSPACE}--{label}.modal.run") if label else ""
        return api_pb2.FunctionHandleMetadata(function_name=name, web_url=url, definition_id=definition_id)

    def _ImageGetOrCreate(self, request: Any, reply: Any) -> Any:
        if self.broken_build == app_of(request):
            return reply(image_id="im-broken")
        done = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
        return reply(image_id=f"im-{len(self.calls)}", result=done, metadata=api_pb2.ImageMetadata())

    def _ImageJoinStreaming(self, request: Any, reply: Any) -> Any:
        failed = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_FAILURE)
        logs = [api_pb2.TaskLogs(data=f"{line}\n") for line in self.build_log]
        return reply(result=failed, task_logs=logs, entry_id="1", eof=True)

    def _MountGetOrCreate(self, request: Any, reply: Any) -> Any:
        return reply(mount_id="mo-1", handle_metadata=api_pb2.MountHandleMetadata())

    def _SecretGetOrCreate(self, request: Any, reply: Any) -> Any:
        return reply(secret_id="st-1")

    def _VolumeGetOrCreate(self, request: Any, reply: Any) -> Any:
        return reply(volume_id="vo-1")

    def _TaskList(self, request: Any, reply: Any) -> Any:
        tasks = [
            api_pb2.TaskStats(
                task_id=task, app_id=f"ap-{app}", app_description=app, started_at=1_700_000_000, enqueued_at=1
            )
            for app, ids in self.containers.items()
            for task in ids
            if request.app_id in ("", f"ap-{app}")
        ]
        return reply(tasks=tasks)

    def _ContainerStop(self, request: Any, reply: Any) -> Any:
        for ids in self.containers.values():
            with contextlib.suppress(ValueError):
                ids.remove(request.task_id)
        return reply()


def app_of(request: Any) -> str:
    """Return the name of the app that a request is about; empty when it names none."""
    app_id = str(getattr(request, "app_id", ""))
    return app_id.removeprefix("ap-") or str(getattr(request, "description", "") or getattr(request, "name", ""))


def id_of(app: str, function: str) -> str:
    """Return a function's id: the SDK wants exactly one dash in it."""
    return "fu-" + f"{app}_{function}".replace("-", "_")


class _Service(ModalClientBase):
    def __init__(self, fake: FakeModal) -> None:
        self._fake = fake

    def __mapping__(self) -> dict[str, Handler]:
        return {
            path: Handler(partial(self._serve, path.rsplit("/", 1)[1], handler.reply_type), *handler[1:])
            for path, handler in super().__mapping__().items()
        }

    async def _serve(self, rpc: str, reply: Any, stream: Any) -> None:
        request = await stream.recv_message()
        self._fake.calls.append((rpc, request))
        sent = stream.metadata
        self._fake.tokens.add((str(sent.get("x-modal-token-id")), str(sent.get("x-modal-token-secret"))))
        for fault in self._fake.faults:
            if fault.hits(rpc, app_of(request)):
                if fault.status is None:
                    await asyncio.sleep(3600)
                else:
                    raise GRPCError(fault.status, fault.message)
        await stream.send_message(self._fake.answer(rpc, request, reply))


_Service.__abstractmethods__ = frozenset()  # nearly 200 RPCs, all of them served by `_serve`


@contextlib.contextmanager
def fake_modal() -> Iterator[FakeModal]:
    """Serve a control plane on a free port of loopback, in a thread of the test."""
    fake = FakeModal()
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        server = Server([_Service(fake)])  # type: ignore[abstract]
        listening = socket.create_server(("127.0.0.1", 0))
        await server.start(sock=listening)
        fake.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ready.set()
        await stop.wait()
        server.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 2)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
