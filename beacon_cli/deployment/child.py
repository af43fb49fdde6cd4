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

from beacon_cli.deployment.failures import (
    NOT_TERMINATED,
    Failure,
    containers_not_stopped,
    explain,
    publishing_lost,
    weights_failure,
)
from beacon_cli.deployment.production import production_of
from beacon_cli.endpoints.function_urls import urls_of_functions
from modal_deployment.contents import AppContents, app_name


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

    from modal_deployment.app import app_and_functions

    warned: list[str] = []
    _collect_warnings(warned)
    name = app_name(contents.region.id)
    try:
        app, functions = app_and_functions(contents)
        with modal.enable_output():
            if (failure := _fetch_weights(contents, environment)) is not None:
                return {"status": "failed", "error": asdict(failure)}
            app.deploy(environment_name=environment or None, strategy=strategy, tag=tag)
        # They were given these addresses when they were created: this asks nobody.
        addresses = {function: str(created.get_web_url()) for function, created in functions.items()}
    except Exception as error:
        return _failed(error, name, environment)
    return {
        "status": "deployed",
        "app_id": app.app_id,
        "urls": urls_of_functions(addresses),
        "version": _version(name, environment),
        "error": _recreate_failure(warned, name, environment),
    }


def _fetch_weights(contents: AppContents, environment: str) -> Failure | None:
    """Fetch the weights of the region's models on a CPU at Modal; return what prevents that the models can start."""
    from modal_deployment.app import build_weights_app

    app, fetch = build_weights_app(contents)
    try:
        with app.run(environment_name=environment or None):
            problems = fetch.remote()
    except Exception as error:
        return _explained(error, environment)
    return weights_failure(problems) if problems else None


def _failed(error: Exception, name: str, environment: str) -> dict[str, Any]:
    failure = _explained(error, environment)
    status = _status_after(error, failure)
    if status == "unknown" and failure.code != "internal":
        failure = publishing_lost(failure, name, environment)
    return {"status": status, "error": asdict(failure)}


def _explained(error: Exception, environment: str) -> Failure:
    failure = explain(error, environment)
    if failure.code == "internal":
        traceback.print_exc()
    return failure


def _version(name: str, environment: str) -> int | None:
    """Return the version that serves now; None if Modal does not say it, for which no deployment has failed."""
    try:
        return production_of(name, environment).version
    except Exception:
        traceback.print_exc()
        return None


def _collect_warnings(warned: list[str]) -> None:
    """Keep every warning's text, and print it: `warnings.catch_warnings` does not see the SDK's own thread."""

    def keep(message: Warning | str, *_args: Any, **_options: Any) -> None:
        warned.append(str(message))
        print(f"warning: {message}", file=sys.stderr)  # noqa: T201

    warnings.simplefilter("always", UserWarning)
    warnings.showwarning = keep


def _recreate_failure(warned: list[str], name: str, environment: str) -> dict[str, str] | None:
    for text in warned:
        if NOT_TERMINATED in text:
            why = text.partition(NOT_TERMINATED)[2].strip(" .")
            message = "the new version is published, but old containers still run" + (why and f": {why}")
            return asdict(containers_not_stopped(name, environment, message))
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
