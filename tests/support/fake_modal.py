"""Modal's control plane on loopback: it records what the real SDK sends, and fails where a test says so."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import pickle
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from grpclib import GRPCError, Status
from grpclib.const import Handler
from grpclib.server import Server
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

from tests.support.modal_apps import DeployedApp, id_of, web_endpoints
from tests.support.modal_billing import Billing

WORKSPACE = "acme"
TOKEN_ID, TOKEN_SECRET = "ak-canaryid0123456789", "as-canarysecret0123456789"


@dataclass(frozen=True)
class Fault:
    """What an RPC does instead of answering: fail with a status, or (without one) hang.

    With `done`, what was asked for happens, once, and only the answer to it is lost.
    """

    rpc: str
    status: Status | None = None
    message: str = ""
    app: str = ""  # empty: of every app
    done: bool = False

    def hits(self, rpc: str, app: str) -> bool:
        return self.rpc in (rpc, "*") and self.app in ("", app)


@dataclass
class FakeModal:
    """The state of the control plane. `calls` are the requests in order.

    `endpoint_limit` is how many web endpoints the workspace's plan allows, and `other_endpoints` how many apps of
    others have. `environments` are those that exist, None for any.
    """

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    build_log: list[str] = field(default_factory=list)
    broken_build: str = ""  # the app whose images fail to build
    function_urls: dict[str, str] = field(default_factory=dict)  # by label; else Modal's own form
    endpoint_limit: int | None = None
    other_endpoints: int = 0
    environments: set[str] | None = None
    billing: Billing = field(default_factory=Billing)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    apps: dict[str, DeployedApp] = field(default_factory=dict)
    tokens: set[tuple[str, str]] = field(default_factory=set)
    returns: dict[str, Any] = field(default_factory=dict)  # what a function returns to a call, by app
    _labels: dict[str, str] = field(default_factory=dict)  # by function id
    _created: dict[str, Any] = field(default_factory=dict)  # definitions by function id, published or not
    _seen: set[str] = field(default_factory=set)  # idempotency keys

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

    @property
    def versions(self) -> dict[str, int]:
        """The version that serves, by app, of those that are deployed."""
        return {name: app.production for name, app in self.apps.items() if app.production}

    @property
    def containers(self) -> dict[str, list[str]]:
        """The ids of the containers by app."""
        return {name: list(app.tasks) for name, app in self.apps.items()}

    def app(self, name: str) -> DeployedApp:
        """Return an app, which is not deployed yet if nothing was said of it."""
        return self.apps.setdefault(name, DeployedApp(name))

    def sent(self, rpc: str) -> list[Any]:
        return [request for name, request in self.calls if name == rpc]

    def fail(self, rpc: str, status: Status, message: str = "", app: str = "") -> None:
        self.faults.append(Fault(rpc, status, message, app))

    def lose_answers(self, rpc: str, app: str = "") -> None:
        """Do what is asked for, and lose the connection before the answer."""
        self.faults.append(Fault(rpc, Status.UNAVAILABLE, "the connection was lost", app, done=True))

    def hang(self, rpc: str, app: str = "") -> None:
        self.faults.append(Fault(rpc, app=app))

    def deployed(
        self,
        name: str,
        version: int = 1,
        containers: Iterable[str] = (),
        functions: Iterable[str] = ("inference", "status"),
    ) -> DeployedApp:
        """Make an app one that was deployed already, so often that this version serves."""
        app = self.app(name)
        while app.production < version:
            app.publish({each: self._definition(name, each, len(app.versions)) for each in functions})
        app.started(*containers)
        return app

    def _definition(self, app: str, function: str, number: int) -> Any:
        self._labels[id_of(app, function)] = f"{app}-{function}"
        webhook = api_pb2.WebhookConfig(type=api_pb2.WEBHOOK_TYPE_ASGI_APP, requested_suffix=f"{app}-{function}")
        return api_pb2.Function(function_name=function, webhook_config=webhook, timeout_secs=number)

    def answer(self, rpc: str, request: Any, reply: Any) -> Any:
        """Return the answer, or an iterator of answers."""
        self._require_environment(rpc, request)
        build = getattr(self, f"_{rpc}", None)
        return build(request, reply) if build is not None else reply()

    def _require_environment(self, rpc: str, request: Any) -> None:
        of_its_own = rpc == "EnvironmentGetOrCreate"
        name = request.deployment_name if of_its_own else getattr(request, "environment_name", "")
        if name and self.environments is not None and name not in self.environments:
            raise GRPCError(Status.NOT_FOUND, f"Environment '{name}' not found in workspace '{WORKSPACE}'")

    def _WorkspaceNameLookup(self, request: Any, reply: Any) -> Any:
        return reply(username=WORKSPACE)

    def _WorkspaceBillingRates(self, request: Any, reply: Any) -> Any:
        return self.billing.rates_answer(reply)

    def _WorkspaceBillingReport(self, request: Any, reply: Any) -> Iterator[Any]:
        return self.billing.report(request)

    def _WorkspaceBillingSummary(self, request: Any, reply: Any) -> Any:
        return self.billing.summary(request, reply)

    def _AppGetByDeploymentName(self, request: Any, reply: Any) -> Any:
        app = self.app(request.name)
        if not app.production:
            return reply(environment_name=request.environment_name or "main")
        return reply(app_id=app.id, lifecycle=app.lifecycle())

    def _AppGetOrCreate(self, request: Any, reply: Any) -> Any:
        app = self.app(request.app_name)
        if not app.production:
            where = request.environment_name or "main"
            raise GRPCError(Status.NOT_FOUND, f"App '{app.name}' not found in environment '{where}'")
        return reply(app_id=app.id, handle_metadata=app.metadata())

    def _AppGetInfo(self, request: Any, reply: Any) -> Any:
        return reply(info=self.app(app_of(request)).metadata())

    def _AppList(self, request: Any, reply: Any) -> Any:
        rows = [
            api_pb2.AppListResponse.AppListItem(
                app_id=app.id,
                name=app.name,
                description=app.name,
                state=api_pb2.APP_STATE_DEPLOYED,
                n_running_tasks=len(app.tasks),
                metadata=app.metadata(),
            )
            for app in self.apps.values()
            if app.production
        ]
        return reply(apps=rows)

    def _AppGetLayout(self, request: Any, reply: Any) -> Any:
        return reply(app_layout=api_pb2.AppLayout(function_ids=self.app(app_of(request)).metadata().functions))

    def _AppCreate(self, request: Any, reply: Any) -> Any:
        return reply(app_id=f"ap-{request.description}", app_page_url="http://page", app_logs_url="http://logs")

    def _AppPublish(self, request: Any, reply: Any) -> Any:
        if request.app_state == api_pb2.APP_STATE_EPHEMERAL:
            return reply(url="http://app", deployed_at=time.time())
        functions = {name: self._created[function_id] for name, function_id in request.function_ids.items()}
        self._require_endpoints(request.name, web_endpoints(functions))
        deployed_at = self.app(request.name).publish(functions, request.deployment_tag, staged=request.staged)
        return reply(url="http://app", deployed_at=deployed_at)

    def _require_endpoints(self, name: str, needed: int) -> None:
        """Refuse more web endpoints than the plan allows, with the words and the numbers of the real one (2026-01)."""
        there = sum(web_endpoints(app.functions) for app in self.apps.values() if app.name != name)
        there += self.other_endpoints
        if self.endpoint_limit is not None and there + needed > self.endpoint_limit:
            numbers = f"(# already deployed => {there}, # in this app => {needed})"
            raise GRPCError(
                Status.FAILED_PRECONDITION,
                f"Deployment failed: reached limit of {self.endpoint_limit} web endpoints {numbers}."
                " Please upgrade your workspace plan and re-deploy.",
            )

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
        app = self.app(app_of(request))
        return reply(app_deployment_histories=app.history(), production_app_version=app.production)

    def _AppRollback(self, request: Any, reply: Any) -> Any:
        return reply(url="http://app", deployed_at=self.app(app_of(request)).roll_back(request.version))

    def _EnvironmentGetOrCreate(self, request: Any, reply: Any) -> Any:
        name = request.deployment_name or "main"
        settings = api_pb2.EnvironmentSettings(image_builder_version="2025.06")
        metadata = api_pb2.EnvironmentMetadata(name=name, settings=settings)
        return reply(environment_id=f"en-{name}", metadata=metadata)

    def _FunctionPrecreate(self, request: Any, reply: Any) -> Any:
        function_id = id_of(app_of(request), request.function_name)
        self._labels[function_id] = request.webhook_config.requested_suffix
        return reply(function_id=function_id, handle_metadata=self._handle(function_id, request.function_name, ""))

    def _FunctionCreate(self, request: Any, reply: Any) -> Any:
        function = request.function
        function_id = request.existing_function_id
        self._created[function_id] = function
        return reply(
            function_id=function_id,
            function=function,
            handle_metadata=self._handle(function_id, function.function_name, f"de-{function_id}"),
            function_data=_data_of(function),
        )

    def _FunctionGet(self, request: Any, reply: Any) -> Any:
        name, app = request.object_tag, self.app(request.app_name)
        if name not in app.functions:
            raise GRPCError(Status.NOT_FOUND, f"Function '{name}' not found in app '{app.name}'")
        function_id = id_of(app.name, name)
        handle = self._handle(function_id, name, f"de-{function_id}")
        return reply(function_id=function_id, handle_metadata=handle, function=_data_of(app.functions[name]))

    def _handle(self, function_id: str, name: str, definition_id: str) -> Any:
        label = self._labels.get(function_id, "")
        url = self.function_urls.get(label, f"https://{WORKSPACE}--{label}.modal.run") if label else ""
        return api_pb2.FunctionHandleMetadata(function_name=name, web_url=url, definition_id=definition_id)

    def _ImageGetOrCreate(self, request: Any, reply: Any) -> Any:
        if self.broken_build == app_of(request):
            return reply(image_id="im-broken")
        done = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
        return reply(image_id=f"im-{_digest(request.image)}", result=done, metadata=api_pb2.ImageMetadata())

    def _ImageJoinStreaming(self, request: Any, reply: Any) -> Iterator[Any]:
        failed = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_FAILURE)
        logs = [api_pb2.TaskLogs(data=f"{line}\n") for line in self.build_log]
        return iter([reply(result=failed, task_logs=logs, entry_id="1", eof=True)])

    def _MountGetOrCreate(self, request: Any, reply: Any) -> Any:
        return reply(mount_id="mo-1", handle_metadata=api_pb2.MountHandleMetadata())

    def _SecretGetOrCreate(self, request: Any, reply: Any) -> Any:
        return reply(secret_id=f"st-{_digest(request)}")

    def _VolumeGetOrCreate(self, request: Any, reply: Any) -> Any:
        return reply(volume_id="vo-1")

    def _TaskList(self, request: Any, reply: Any) -> Any:
        apps = [app for app in self.apps.values() if request.app_id in ("", app.id)]
        return reply(tasks=[row for app in apps for row in app.stats()])

    def _ContainerStop(self, request: Any, reply: Any) -> Any:
        for app in self.apps.values():
            app.tasks.pop(request.task_id, None)
        return reply()


def app_of(request: Any) -> str:
    """Return the name of the app that a request is about; empty when it names none."""
    app_id = str(getattr(request, "app_id", ""))
    return app_id.removeprefix("ap-") or str(getattr(request, "description", "") or getattr(request, "name", ""))


def _data_of(function: Any) -> Any:
    ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=function)
    return api_pb2.FunctionData(ranked_functions=[ranked])


def _digest(message: Any) -> str:
    """Return the same id for the same definition, as a change is what makes a new one."""
    return hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()[:22]


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
                await self._fail(fault, rpc, request, reply, str(sent.get("x-idempotency-key")))
        answer = self._fake.answer(rpc, request, reply)
        for message in answer if isinstance(answer, Iterator) else [answer]:
            await stream.send_message(message)

    async def _fail(self, fault: Fault, rpc: str, request: Any, reply: Any, idempotency_key: str) -> None:
        if fault.status is None:
            await asyncio.sleep(3600)
        if fault.done and idempotency_key not in self._fake._seen:
            self._fake._seen.add(idempotency_key)
            self._fake.answer(rpc, request, reply)
        raise GRPCError(fault.status or Status.UNKNOWN, fault.message)


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
    assert ready.wait(300)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(300)
        loop.close()
