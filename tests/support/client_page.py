"""The page on other clients, taken apart: what it says about each, so that a script can type it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "other-tools.md"
ON_MODAL = "https://WORKSPACE--project-beacon-hf-eu-inference.modal.run"
_FILE = re.compile(r"`([\w.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*(?:(?<=\\)\n.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Client:
    """What the page says about one client: the files to write, how it is installed, and the commands that ask."""

    name: str
    files: Mapping[str, str]
    install: tuple[str, ...]
    commands: tuple[str, ...]


def clients(page: str, place: str) -> list[Client]:
    """Return the clients under a heading of the page, in its order."""
    chapter = next(part for part in re.split(r"^## ", page, flags=re.MULTILINE) if part.startswith(f"{place}\n"))
    return [_client(section) for section in re.split(r"^### ", chapter, flags=re.MULTILINE)[1:]]


def _client(section: str) -> Client:
    typed = [command for block in _CONSOLE.findall(section) for command in _COMMAND.findall(block)]
    install = tuple(command for command in typed if _installs(command))
    return Client(
        name=section.partition("\n")[0],
        files=dict(_FILE.findall(section)),
        install=install,
        commands=tuple(command for command in typed if command not in install),
    )


def _installs(command: str) -> bool:
    return command.startswith(("pip install", "npm install"))
