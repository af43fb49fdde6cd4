"""The URLs of a deployed app, as Modal knows them: `python -m beacon_cli.deployment.app_urls APP ENVIRONMENT NAME…`.

The names are those of the functions on GPUs that it may have. It writes one JSON line: an object of URLs by name, or
null with the SDK's error on stderr.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress

from beacon_cli.endpoints.configured import urls_of_functions
from modal_deployment.contents import INFERENCE, STATUS

_OLD_FUNCTIONS = ("inference", "models", "health")  # until version 0.1


def urls_of_deployed_app(app_name: str, environment: str, gpu_functions: Iterable[str]) -> dict[str, str]:
    """Return the URLs by name of an app with `inference` and `status`, or with the three functions of older versions.

    Of `gpu_functions`, those that the app lacks are left out. An empty `environment` is the workspace's default one.
    Raises the SDK's errors.
    """
    import modal

    try:
        needed = {name: _address(app_name, name, environment) for name in (INFERENCE, STATUS)}
    except modal.exception.NotFoundError:
        return {name: _address(app_name, name, environment) for name in _OLD_FUNCTIONS}
    return urls_of_functions({**needed, **_found(app_name, environment, gpu_functions)})


def _found(app_name: str, environment: str, names: Iterable[str]) -> dict[str, str]:
    import modal

    found = {}
    for name in names:
        with suppress(modal.exception.NotFoundError):
            found[name] = _address(app_name, name, environment)
    return found


def _address(app_name: str, name: str, environment: str) -> str:
    import modal

    return str(modal.Function.from_name(app_name, name, environment_name=environment or None).get_web_url())


def main() -> None:
    """Write the URLs of the app that the arguments name."""
    try:
        app_name, environment, *names = sys.argv[1:]
        urls = urls_of_deployed_app(app_name, environment, names)
    except Exception:
        traceback.print_exc()
        urls = None
    sys.stdout.write(json.dumps(urls) + "\n")


if __name__ == "__main__":
    main()
