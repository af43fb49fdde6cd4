"""Optional dependencies: checks for them, and says how to install them, before anything fails."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from beacon_cli.console.program_name import words_of_uv
from beacon_cli.errors import MissingExtra

_PACKAGE = "beacon-cli"
_OF_AN_EXTRA = re.compile(r"""([\w.-]+).*;\s*extra == ["']([\w-]+)["']""")


def has(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    return find_spec(module) is not None


def has_extra(extra: str) -> bool:
    """Return whether every package of an extra is installed."""
    return extra in _installed_extras()


def require(extra: str, *modules: str) -> None:
    """Raise `MissingExtra` unless all modules can be imported; nothing is imported."""
    if missing := [name for name in modules if not has(name)]:
        raise MissingExtra(f"this needs {' and '.join(missing)}", hint=how_to_install(extra))


def how_to_install(extra: str) -> str:
    """Return the command that adds an extra to this installation, in the way in which it was made."""
    options, requirement = requirement_of(_direct_url(), sorted({*_installed_extras(), extra}))
    if _is_uvx(words_of_uv()):
        return f"start it with: {shlex.join(['uvx', '--from', requirement, 'beacon'])}"
    prefix = Path(sys.prefix)
    if (prefix / "uv-receipt.toml").exists():  # of `uv tool install`
        words = ["uv", "tool", "install"]
    elif (prefix / "pipx_metadata.json").exists():
        words = ["pipx", "install", "--force"]
    else:
        words = _installer()
    return f"install it with: {shlex.join([*words, *options, requirement])}"


def how_to_add(requirement: str) -> str:
    """Return the command that adds a package to the environment in which this program runs."""
    return f"install it with: {shlex.join([*_installer(), requirement])}"


def _is_uvx(words: tuple[str, ...]) -> bool:
    """Return whether uv started this program in an environment that it made only for that."""
    return bool(words) and (Path(words[0]).name == "uvx" or words[1:3] == ("tool", "run"))


def _installer() -> list[str]:
    """Return the words that install into this environment: its own pip, or if it has none, uv."""
    if has("pip") or shutil.which("uv") is None:
        return [sys.executable, "-m", "pip", "install"]
    return ["uv", "pip", "install", "--python", sys.executable]


def requirement_of(direct_url: dict[str, Any], extras: list[str]) -> tuple[list[str], str]:
    """Return the options before the requirement, and the requirement that names this program as it was installed.

    `direct_url` is what the installer recorded: https://packaging.python.org/en/latest/specifications/direct-url/
    """
    named, url = f"[{','.join(extras)}]", direct_url.get("url", "")
    if (folder := direct_url.get("dir_info")) is not None:
        editable = ["--editable"] if folder.get("editable") else []
        return editable, unquote(urlsplit(url).path) + named
    if (versioned := direct_url.get("vcs_info")) is not None:
        return [], f"{_PACKAGE}{named} @ {versioned['vcs']}+{url}@{versioned['commit_id']}"
    return [], f"{_PACKAGE}{named}{f' @ {url}' if url else ''}"


def _direct_url() -> dict[str, Any]:
    own = _own()
    recorded = own.read_text("direct_url.json") if own is not None else None
    return dict(json.loads(recorded)) if recorded else {}


@cache
def _installed_extras() -> frozenset[str]:
    """Return the extras of which every package is installed."""
    own = _own()
    packages: dict[str, set[str]] = {}
    for requirement in (own.requires if own is not None else None) or ():
        if (found := _OF_AN_EXTRA.match(requirement)) is not None:
            packages.setdefault(found[2], set()).add(found[1])
    return frozenset(extra for extra, names in packages.items() if all(map(_is_installed, names)))


def _own() -> Distribution | None:
    """Return this program's own package; None if it runs from a folder where it was not installed."""
    try:
        return distribution(_PACKAGE)
    except PackageNotFoundError:
        return None


def _is_installed(package: str) -> bool:
    try:
        return bool(distribution(package).version)
    except PackageNotFoundError:
        return False
