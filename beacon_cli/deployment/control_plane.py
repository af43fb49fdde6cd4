"""Modal's control plane: whether it is reachable and accepts the token, and which containers run."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Collection
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.redaction import redacted
from beacon_cli.deployment.credentials import has_credentials
from beacon_cli.deployment.failures import NETWORK_HINT, TOKEN_HINT, explain
from beacon_cli.deployment.hints import modal_command
from beacon_cli.deployment.process import run_python
from beacon_cli.door import Door
from beacon_cli.errors import CredentialsError, EnvironmentFault, MissingExtra
from beacon_cli.extras import how_to_add
from beacon_cli.network.proxies import source_of

_CERTIFICATE_HINT = (
    f"Modal's SDK trusts only the certificates of certifi; {command('docs network')} explains what to do"
)
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
    """Return the workspace's name if Modal is reachable and accepts the token, within seconds.

    Raises `CredentialsError` and `EnvironmentFault`. A deployment would find the same, but the SDK tries for a minute.
    """
    if not has_credentials():
        raise CredentialsError("there are no Modal credentials", hint=TOKEN_HINT)
    await _require_reachable()
    return await _accepted_workspace()


async def _require_reachable() -> None:
    """Connect to one of the addresses in `MODAL_SERVER_URL`; behind a proxy, leave that to the SDK."""
    urls = [url.strip() for url in _server_urls().split(",")]
    if any(_goes_through_a_proxy(url) for url in urls):
        return
    failures = []
    for url in urls:
        try:
            await _connect(url)
            return
        except ssl.SSLCertVerificationError as error:
            failures.append(f"{urlsplit(url).hostname}: its certificate was refused: {error.verify_message}")
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            errno = getattr(error, "errno", None)
            reason = os.strerror(errno).lower() if errno and errno > 0 else str(error) or "no answer"
            failures.append(f"{urlsplit(url).hostname}: {reason}")
    hint = _CERTIFICATE_HINT if "certificate" in failures[-1] else NETWORK_HINT
    raise EnvironmentFault(f"Modal's control plane cannot be reached ({'; '.join(failures)})", hint=hint)


async def _connect(url: str) -> None:
    """Connect once, with the certificates that the SDK trusts. Raises `OSError` and `ValueError`."""
    import certifi

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    tls = ssl.create_default_context(cafile=certifi.where()) if secure else None
    async with asyncio.timeout(_CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if secure else 80), ssl=tls)
    writer.close()


def _goes_through_a_proxy(url: str) -> bool:
    """Return whether the SDK uses a proxy for a URL. Raises `EnvironmentFault` if it lacks a package for that."""
    from urllib.request import getproxies, proxy_bypass

    from modal.config import config

    parts, named = urlsplit(url), getproxies()
    scheme = parts.scheme if named.get(parts.scheme) else "all"
    if config["disable_api_proxy"] or not named.get(scheme) or proxy_bypass(parts.hostname or ""):
        return False
    if find_spec("python_socks") is None:
        raise MissingExtra(
            f"{source_of(scheme)} names a proxy, and Modal's SDK needs the package python-socks to use it",
            hint=f"{how_to_add('modal[api-proxy-support]')}; or set MODAL_DISABLE_API_PROXY=1 to connect directly",
        )
    return True


def _server_urls() -> str:
    try:
        from modal.config import config
    except Exception as error:  # the SDK reads its file while it is imported
        raise _not_configured(error) from error
    return str(config["server_url"])


def _not_configured(error: Exception) -> CredentialsError:
    message = excerpt(redacted(str(error)), 300)
    return CredentialsError(f"the configuration of Modal's SDK is not usable: {message}", hint="modal profile list")


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

    An empty `environment` is the workspace's default one. Raises `EnvironmentFault` if they cannot be listed.
    """
    lines: list[str] = []
    command = ["-m", "modal", "container", "list", "--json", *(["--env", environment] if environment else [])]
    listed = await run_python(*command, timeout=_LIST_SECONDS, on_line=lines.append)
    try:
        rows = Door().document(listed.out.encode()) if listed.code == 0 else None
        if rows is None:
            raise ValueError(lines[-1] if lines else f"no answer within {_LIST_SECONDS:.0f} s")
        found = [_container(row) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        hint = modal_command("modal container list", environment=environment)
        raise EnvironmentFault(f"Modal's containers cannot be listed: {error}", hint=hint) from error
    return {app_id: [container for container in found if container.app_id == app_id] for app_id in app_ids}


def _container(row: dict[str, str]) -> Container:
    started_at = None if row["start_time"] == "Pending" else row["start_time"]
    return Container(row["container_id"], row["app_id"], row["app_name"], started_at)
