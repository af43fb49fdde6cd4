"""Modal's control plane: whether it is there and takes the token, and which containers run."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import Collection
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from beacon_cli.deployment.credentials import has_credentials
from beacon_cli.deployment.failures import NETWORK_HINT, TOKEN_HINT, explain
from beacon_cli.deployment.process import run_python
from beacon_cli.errors import CredentialsError, EnvironmentFault
from beacon_cli.output.secrets import redacted
from beacon_cli.printable import excerpt

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 6.0
_LIST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Container:
    """A running container as `modal container list` shows it; `started_at` is None while it is pending."""

    container_id: str
    app_id: str
    app_name: str
    started_at: str | None

    def as_data(self) -> dict[str, str | None]:
        """Return it as JSON."""
        return asdict(self)


async def preflight() -> str:
    """Return the workspace's name once Modal was reached and took the token, all within seconds.

    Raises `CredentialsError` and `EnvironmentFault`. Deploying would find the same, but the SDK tries for a minute.
    """
    if not has_credentials():
        raise CredentialsError("there are no Modal credentials", hint=TOKEN_HINT)
    await _require_reachable()
    return await _accepted_workspace()


async def _require_reachable() -> None:
    """Connect to one of the addresses in `MODAL_SERVER_URL`; behind a proxy that is left to the SDK."""
    urls = [url.strip() for url in _server_urls().split(",")]
    if urllib.request.getproxies_environment().keys() & {"http", "https", "all"}:
        return
    said = []
    for url in urls:
        parts = urlsplit(url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            errno = getattr(error, "errno", None)
            reason = os.strerror(errno).lower() if errno and errno > 0 else str(error) or "no answer"
            said.append(f"{parts.hostname}: {reason}")
        else:
            writer.close()
            return
    raise EnvironmentFault(f"Modal's control plane cannot be reached ({'; '.join(said)})", hint=NETWORK_HINT)


def _server_urls() -> str:
    try:
        from modal.config import config
    except Exception as error:  # the SDK reads its file while it is imported
        raise _not_configured(error) from error
    return str(config["server_url"])


def _not_configured(error: Exception) -> CredentialsError:
    said = excerpt(redacted(str(error)), 300)
    return CredentialsError(f"the configuration of Modal's SDK is not usable: {said}", hint="modal profile list")


async def _accepted_workspace() -> str:
    import modal

    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            workspace = await modal.Workspace.from_context().hydrate.aio()
    except TimeoutError:
        raise EnvironmentFault(
            f"Modal's control plane did not answer within {_ANSWER_SECONDS:.0f} s", hint=NETWORK_HINT
        ) from None
    except modal.exception.InvalidError as error:  # such as two active profiles
        raise _not_configured(error) from error
    except modal.Error as error:
        raise explain(error).as_error() from error
    return workspace.name or ""


async def live_containers(environment: str, app_ids: Collection[str]) -> dict[str, list[Container]]:
    """Return the running containers by app id, as the SDK's `modal container list` knows them.

    An empty `environment` is the workspace's default one. Raises `EnvironmentFault` when they cannot be listed.
    """
    said: list[str] = []
    where = ("--env", environment) if environment else ()
    listed = await run_python(
        *("-m", "modal", "container", "list", "--json", *where), timeout=_LIST_SECONDS, on_line=said.append
    )
    try:
        rows = json.loads(listed.out) if listed.code == 0 else None
        if rows is None:
            raise ValueError(said[-1] if said else f"no answer within {_LIST_SECONDS:.0f} s")
        found = [_container(row) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentFault(f"Modal's containers cannot be listed: {error}", hint="modal container list") from error
    return {app_id: [container for container in found if container.app_id == app_id] for app_id in app_ids}


def _container(row: dict[str, str]) -> Container:
    started_at = None if row["start_time"] == "Pending" else row["start_time"]
    return Container(row["container_id"], row["app_id"], row["app_name"], started_at)
