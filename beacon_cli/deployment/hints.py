"""Commands to type next. Each can be typed as it is: it names the app, and the environment where there is one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from beacon_cli.console.program_name import command


def modal_command(words: str, *values: str, environment: str = "") -> str:
    """Return a command of Modal's own program. An empty `environment` is the workspace's default one."""
    where = ("--env", environment) if environment else ()
    return " ".join([words, *map(shlex.quote, (*values, *where))])


def apps_command(environment: str) -> str:
    """Return the command that lists the apps of an environment."""
    return modal_command("modal app list", environment=environment)


def history_command(app_name: str, environment: str) -> str:
    """Return the command that shows the versions of an app."""
    return modal_command("modal app history", app_name, environment=environment)


def secret_command(environment: str) -> str:
    """Return the command that stores the token of Hugging Face; it asks for the value in an editor."""
    return modal_command("modal secret create huggingface HF_TOKEN=-", environment=environment)


def deploy_command(region_ids: Iterable[str], environment: str) -> str:
    """Return the command that deploys these regions."""
    return _of_regions("deploy modal", region_ids, environment)


def rollback_command(region_ids: Iterable[str], environment: str, to: int | None = None) -> str:
    """Return the command that rolls these regions back, to the version that was verified last or to a named one."""
    words = _of_regions("rollback modal", region_ids, environment)
    return words if to is None else f"{words} --to v{to}"


def replace_containers_command(app_name: str, environment: str) -> str:
    """Return the command that replaces all containers of an app by others of the same version."""
    return modal_command("modal app rollover --strategy recreate", app_name, environment=environment)


def stop_command(app_name: str, environment: str) -> str:
    """Return the command that stops an app, with its containers, for good."""
    return modal_command("modal app stop", app_name, environment=environment)


def _of_regions(words: str, region_ids: Iterable[str], environment: str) -> str:
    chosen = [f"--region {shlex.quote(region_id)}" for region_id in region_ids]
    where = [f"--environment {shlex.quote(environment)}"] if environment else []
    return " ".join([command(words), *chosen, *where])
