"""The URLs of a deployed app, as Modal knows them: `python -m beacon_cli.deployment.app_urls APP ENVIRONMENT`.

It writes one JSON line: an object of URLs by name, or null with the SDK's error on stderr.
"""

from __future__ import annotations

import json
import sys
import traceback

from beacon_cli.endpoints.configured import urls_of_functions

_FUNCTIONS = ("inference", "status")
_OLD_FUNCTIONS = ("inference", "models", "health")  # until version 0.1


def urls_of_deployed_app(app_name: str, environment: str) -> dict[str, str]:
    """Return the URLs by name of an app with two functions or with the three of older versions.

    An empty `environment` is the workspace's default one. Raises the SDK's errors.
    """
    import modal

    try:
        return urls_of_functions(_addresses(app_name, environment, _FUNCTIONS))
    except modal.exception.NotFoundError:
        return _addresses(app_name, environment, _OLD_FUNCTIONS)


def _addresses(app_name: str, environment: str, names: tuple[str, ...]) -> dict[str, str]:
    import modal

    found = {}
    for name in names:
        function = modal.Function.from_name(app_name, name, environment_name=environment or None)
        found[name] = str(function.get_web_url())
    return found


def main() -> None:
    """Write the URLs of the app that the arguments name."""
    try:
        urls = urls_of_deployed_app(*sys.argv[1:3])
    except Exception:
        traceback.print_exc()
        urls = None
    sys.stdout.write(json.dumps(urls) + "\n")


if __name__ == "__main__":
    main()
