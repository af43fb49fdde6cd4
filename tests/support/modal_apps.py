"""The apps of a fake control plane: versions that are published, staged and rolled back, and their containers."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grpclib import GRPCError, Status
from modal_proto import api_pb2


@dataclass(frozen=True)
class Version:
    """A row of an app's history. `functions` are its definitions by name; `restores` is the version that it brings
    back, 0 for none."""

    number: int
    functions: Mapping[str, Any]
    deployed_at: float
    tag: str = ""
    kind: Any = api_pb2.DEPLOYMENT_TYPE_STANDARD
    restores: int = 0


@dataclass
class DeployedApp:
    """An app by its name, with all versions, the oldest first. `production` is the number of the one that serves.

    `tasks` are its containers in the order in which they were started: when each was ready, None while it starts.
    """

    name: str
    versions: list[Version] = field(default_factory=list)
    production: int = 0
    tasks: dict[str, float | None] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"ap-{self.name}"

    @property
    def functions(self) -> Mapping[str, Any]:
        """The definitions that serve, by name."""
        return next((each.functions for each in self.versions if each.number == self.production), {})

    def publish(self, functions: Mapping[str, Any], tag: str = "", *, staged: bool = False) -> float:
        """Publish or stage a version, and return when; 0 if nothing changed, so that no version was made.

        https://modal.com/docs/guide/managing-deployments ("No-op deployments"), read 2026-11-26.
        """
        if staged:
            return self._add(functions, tag, api_pb2.DEPLOYMENT_TYPE_STAGED).deployed_at
        if self.production and functions == self.functions:
            return 0.0
        published = self._add(functions, tag, api_pb2.DEPLOYMENT_TYPE_STANDARD)
        self.production = published.number
        return published.deployed_at

    def roll_back(self, number: int) -> float:
        """Publish a new version with the functions of an old one. A negative number counts back from what serves."""
        wanted = number if number > 0 else self.production + number
        old = next((each for each in self.versions if each.number == wanted), None)
        if old is None:
            raise GRPCError(Status.NOT_FOUND, f"Version {wanted} of App {self.id} not found")
        restored = self._add(old.functions, old.tag, api_pb2.DEPLOYMENT_TYPE_ROLLBACK, restores=wanted)
        self.production = restored.number
        return restored.deployed_at

    def _add(self, functions: Mapping[str, Any], tag: str, kind: Any, restores: int = 0) -> Version:
        number = len(self.versions) + 1
        added = Version(number, dict(functions), time.time(), tag, kind, restores)
        self.versions.append(added)
        return added

    def history(self) -> list[Any]:
        """Return the rows of `AppDeploymentHistory`, the newest first."""
        return [
            api_pb2.AppDeploymentHistory(
                app_id=self.id,
                version=each.number,
                client_version="1.6.4",
                deployed_at=each.deployed_at,
                deployed_by="operator",
                tag=each.tag,
                rollback_version=each.restores,
                rollback_allowed=each.number != self.production,
                deployment_type=each.kind,
            )
            for each in reversed(self.versions)
        ]

    def lifecycle(self) -> Any:
        deployed_at = next((each.deployed_at for each in self.versions if each.number == self.production), 0.0)
        return api_pb2.AppLifecycle(
            app_state=api_pb2.APP_STATE_DEPLOYED, version=self.production, deployed_at=deployed_at
        )

    def metadata(self) -> Any:
        return api_pb2.AppHandleMetadata(
            app_id=self.id,
            description=self.name,
            functions={name: id_of(self.name, name) for name in self.functions},
            lifecycle=self.lifecycle(),
        )

    def started(self, *task_ids: str) -> None:
        """Have containers that are ready."""
        self.tasks |= dict.fromkeys(task_ids, 1_700_000_000.0)

    def starting(self, *task_ids: str) -> None:
        """Have containers that were ordered and are not ready: Modal lists them as pending."""
        self.tasks |= dict.fromkeys(task_ids)

    def preempt(self, task_id: str) -> str:
        """Take a container away as Modal may at any time, and order another one, whose id is returned."""
        del self.tasks[task_id]
        other = f"{task_id}-again"
        self.starting(other)
        return other

    def stats(self) -> list[Any]:
        """Return the rows of `TaskList`."""
        return [
            api_pb2.TaskStats(
                task_id=task_id,
                app_id=self.id,
                app_description=self.name,
                started_at=started_at or 0,
                enqueued_at=1,
            )
            for task_id, started_at in self.tasks.items()
        ]


def id_of(app: str, function: str) -> str:
    """Return a function's id: the SDK wants exactly one dash in it."""
    return "fu-" + re.sub(r"\W", "_", f"{app}_{function}")


def web_endpoints(functions: Mapping[str, Any]) -> int:
    """Return how many of an app's functions have an address."""
    return sum(definition.webhook_config.type != api_pb2.WEBHOOK_TYPE_UNSPECIFIED for definition in functions.values())
