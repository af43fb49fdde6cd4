"""Which version of an app serves now, and where, as Modal says.

As a process of its own, `python -m beacon_cli.deployment.production ENVIRONMENT APP…` writes one JSON line, an object
by app; the SDK's errors are on stderr, and then its exit code is 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.deployment.hints import apps_command
from beacon_cli.deployment.process import run_python
from beacon_cli.door import Door
from beacon_cli.endpoints.function_urls import urls_of_functions
from beacon_cli.errors import EnvironmentFault
from modal_deployment.contents import INFERENCE, STATUS

_SECONDS = 30.0
_OLD_FUNCTIONS = ("inference", "models", "health")  # until version 0.1


@dataclass(frozen=True, slots=True)
class Production:
    """What serves of an app: the version, and the URLs by name; these are None if it is no app of Beacon's."""

    app_id: str
    version: int
    urls: Mapping[str, str] | None


async def what_serves(
    environment: str, app_names: Iterable[str], *, timeout: float = _SECONDS
) -> dict[str, Production]:
    """Return what serves, by the names of those apps that are deployed. An empty `environment` is the default one.

    Raises `EnvironmentFault` if Modal does not say it within `timeout` seconds.
    """
    lines: list[str] = []
    arguments = ("-m", "beacon_cli.deployment.production", environment, *app_names)
    finished = await run_python(*arguments, timeout=timeout, on_line=lines.append)
    try:
        if finished.code != 0:
            raise ValueError(lines[-1] if lines else f"no answer within {timeout:.0f} s")
        return {name: Production(**found) for name, found in Door().document(finished.out.encode()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        message = f"Modal did not say which version serves: {error}"
        raise EnvironmentFault(message, hint=apps_command(environment)) from error


def production_of(app_name: str, environment: str) -> Production:
    """Return what serves of an app, asked in this process. Raises the SDK's errors, of which `NotFoundError` is one."""
    import modal

    info = modal.App.lookup(app_name, environment_name=environment or None).info()
    urls = _urls({name: _address(app_name, name, environment) for name in info.functions if _is_known(name)})
    return Production(info.app_id, info.lifecycle.version or 0, urls)


def _is_known(function: str) -> bool:
    return function in (INFERENCE, STATUS, *_OLD_FUNCTIONS) or function.startswith(f"{INFERENCE}-")


def _urls(addresses: Mapping[str, str]) -> dict[str, str] | None:
    """Return the URLs of an app with `inference` and `status`, or with the three functions of older versions."""
    if {INFERENCE, STATUS} <= {*addresses}:
        return urls_of_functions(addresses)
    return dict(addresses) if {*_OLD_FUNCTIONS} <= {*addresses} else None


def _address(app_name: str, function: str, environment: str) -> str:
    import modal

    found = modal.Function.from_name(app_name, function, environment_name=environment or None)
    return str(found.get_web_url())


def main() -> None:
    """Write what serves of the apps that the arguments name."""
    import modal

    environment, *names = sys.argv[1:]
    found: dict[str, Any] = {}
    for name in names:
        with suppress(modal.exception.NotFoundError):
            found[name] = asdict(production_of(name, environment))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
