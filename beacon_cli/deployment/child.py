"""Deploys one region's app in its own process: `python -m beacon_cli.deployment.child`.

Parallel deployments in one process disturb each other, and the SDK prints. Here stdout carries one JSON line, the
outcome, and everything that is printed goes to stderr, the build log.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import traceback
import warnings
from dataclasses import asdict
from typing import Any

from beacon_cli.deployment.app_urls import urls_of_deployed_app
from beacon_cli.deployment.failures import Failure, explain, weights_failure
from modal_deployment.contents import AppContents

# From the text of the SDK's `UserWarning` when `recreate` could not stop the containers of the previous version.
_NOT_TERMINATED = "containers did not all terminate"


def main() -> None:
    """Deploy the app that the arguments describe, and write the outcome."""
    parser = argparse.ArgumentParser()
    for name in ("contents", "environment", "strategy", "tag"):
        parser.add_argument(f"--{name}", required=name in ("contents", "strategy"), default="")
    options = parser.parse_args()
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    outcome = _deploy(AppContents.from_json(options.contents), options.environment, options.strategy, options.tag)
    results.write(json.dumps(outcome) + "\n")
    results.flush()


def _end_with_parent() -> None:
    """End this process when stdin ends: the parent is gone, and nothing would receive the outcome."""
    os.read(0, 1)
    os._exit(1)


def _deploy(contents: AppContents, environment: str, strategy: str, tag: str) -> dict[str, Any]:
    import modal

    from modal_deployment.app import build_app

    warned: list[str] = []
    _collect_warnings(warned)
    try:
        app = build_app(contents)
        with modal.enable_output():
            if (failure := _fetch_weights(contents, environment)) is not None:
                return {"status": "failed", "error": asdict(failure)}
            app.deploy(environment_name=environment or None, strategy=strategy, tag=tag)
    except Exception as error:
        failure = _explained(error)
        return {"status": _status_after(error, failure), "error": asdict(failure)}
    return {"status": "deployed", "app_id": app.app_id, **_urls(contents, environment, warned)}


def _fetch_weights(contents: AppContents, environment: str) -> Failure | None:
    """Fetch the weights of the region's models on a CPU at Modal; return what prevents that the models can start."""
    from modal_deployment.app import build_weights_app

    app, fetch = build_weights_app(contents)
    try:
        with app.run(environment_name=environment or None):
            problems = fetch.remote()
    except Exception as error:
        return _explained(error)
    return weights_failure(problems) if problems else None


def _explained(error: Exception) -> Failure:
    failure = explain(error)
    if failure.code == "internal":
        traceback.print_exc()
    return failure


def _urls(contents: AppContents, environment: str, warned: list[str]) -> dict[str, Any]:
    """Return the URLs that Modal gives for the deployed app, and what is wrong although it is deployed."""
    from modal_deployment.app import app_name

    functions = [function.name for function in contents.functions]
    try:
        found = urls_of_deployed_app(app_name(contents.region.id), environment, functions)
    except Exception as error:
        traceback.print_exc()
        return {"urls": None, "error": asdict(explain(error))}
    return {"urls": found, "error": _recreate_failure(warned)}


def _collect_warnings(warned: list[str]) -> None:
    """Keep every warning's text, and print it: `warnings.catch_warnings` does not see the SDK's own thread."""

    def keep(message: Warning | str, *_args: Any, **_options: Any) -> None:
        warned.append(str(message))
        print(f"warning: {message}", file=sys.stderr)  # noqa: T201

    warnings.simplefilter("always", UserWarning)
    warnings.showwarning = keep


def _recreate_failure(warned: list[str]) -> dict[str, str] | None:
    for text in warned:
        if _NOT_TERMINATED in text:
            why = text.partition(_NOT_TERMINATED)[2].strip(" .")
            message = "the new version is published, but old containers still run" + (why and f": {why}")
            hint = "stop them: modal container list, then modal container stop; or deploy again"
            return asdict(Failure("containers_not_stopped", message, hint))
    return None


def _status_after(error: BaseException, failure: Failure) -> str:
    """Return the status of a failed deployment: it may have failed before its functions were created, or after."""
    frames = {frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)}
    if failure.code == "internal":
        return "unknown"
    if "_publish_app" not in frames:
        return "failed"
    return "unknown" if failure.code == "environment" else "unpublished"  # a lost answer may have been yes


if __name__ == "__main__":
    main()
